"""The promotion policy: the rule of the trial, read from YAML before it starts and named by its hash in every decision."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from domain.problems import BadInput

SHIPPED = Path(__file__).with_name("promotion.yaml")
TOP = {"kpi", "design", "trial", "promote"}
TRIAL = {"training_days", "embargo_hours", "clip_bps", "accident_bps", "accident_days", "accident_hour"}
PROMOTE = {"test", "alpha", "prior_scale", "block_hours", "autocorrelation_factor", "min_blocks", "min_lift", "max_days"}
# Sections that others read.
OTHERS = {"stages", "guardrails", "validity", "multiplicity"}
# Less of the first and more of the second would promote more easily.
AT_LEAST = (
    "training_days",
    "embargo_hours",
    "accident_bps",
    "accident_days",
    "accident_hour",
    "block_hours",
    "autocorrelation_factor",
    "min_blocks",
    "min_lift",
)
AT_MOST = ("alpha", "clip_bps", "max_days")


@dataclass(frozen=True, slots=True)
class PromotionPolicy:
    """What it takes to be promoted. `sha256` is the hash of the file it was read from."""

    kpi: str
    design: str
    training_days: int
    embargo_hours: float
    clip_bps: float
    accident_bps: float
    accident_days: float
    accident_hour: float
    test: str
    alpha: float
    prior_scale: float
    block_hours: int
    autocorrelation_factor: float
    min_blocks: int
    min_lift: float
    max_days: int
    sha256: str

    @property
    def bar(self) -> float:
        """The e-value that decides (Ville's inequality). It does not lean on the symmetry of the noise."""
        return 1 / self.alpha

    @classmethod
    def read(cls, path: Path = SHIPPED) -> PromotionPolicy:
        """The policy in that file; raises BadInput naming the field that is missing, unknown or out of its range."""
        import yaml

        try:
            content = path.read_bytes()
        except OSError as error:
            raise BadInput(f"{path} cannot be read ({error.strerror}); name a promotion policy.", field="policy") from error
        try:
            told = yaml.safe_load(content)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise BadInput(f"{path} is not YAML: {error}; restore the shipped promotion.yaml or mend it.", field=path.name) from error
        trial, promote = _section(path, told, "trial", TRIAL), _section(path, told, "promote", PROMOTE)
        _known(path, told, TOP | OTHERS, "the file")
        return cls(
            kpi=_one_of(path, told, "kpi", "net_cost_bps"),
            design=_one_of(path, told, "design", "shadow_paired"),
            training_days=int(_number(path, trial, "training_days", 1, 10_000)),
            embargo_hours=_number(path, trial, "embargo_hours", 0, 24 * 30),
            clip_bps=_number(path, trial, "clip_bps", 1, 10_000),
            accident_bps=_number(path, trial, "accident_bps", 1, 1e6),
            accident_days=_number(path, trial, "accident_days", 1, 10_000),
            accident_hour=_number(path, trial, "accident_hour", 0.1, 1e4),
            test=_one_of(path, promote, "test", "avt_block"),
            alpha=_number(path, promote, "alpha", 1e-6, 0.2),
            prior_scale=_number(path, promote, "prior_scale", 1e-3, 1e3),
            block_hours=int(_number(path, promote, "block_hours", 12, 24 * 30)),
            autocorrelation_factor=_number(path, promote, "autocorrelation_factor", 1, 100),
            # Below three blocks the closed form has no variance to speak of.
            min_blocks=int(_number(path, promote, "min_blocks", 3, 10_000)),
            min_lift=_number(path, promote, "min_lift", 0, 1),
            max_days=int(_number(path, promote, "max_days", 1, 10_000)),
            sha256=hashlib.sha256(content).hexdigest(),
        )

    @classmethod
    def read_stricter(cls, path: Path, than: PromotionPolicy | None = None) -> PromotionPolicy:
        """The policy in that file, when it is as strict as the one in force or stricter.

        Raises BadInput naming the field, its value and the floor when it would loosen the rule; the one in force stays.
        """
        asked, force = cls.read(path), than or cls.read()
        for field in (*AT_LEAST, *AT_MOST):
            value, floor = getattr(asked, field), getattr(force, field)
            if (value < floor) if field in AT_LEAST else (value > floor):
                word = "at least" if field in AT_LEAST else "at most"
                raise BadInput(
                    f"{path}: {field} {value:g} would loosen the promotion rule, it must be {word} {floor:g}; the policy in force stays.",
                    field=field,
                    value=value,
                    floor=floor,
                )
        return asked


def _section(path: Path, told: Any, name: str, fields: set[str]) -> Mapping[str, Any]:
    section = told.get(name) if isinstance(told, dict) else None
    if not isinstance(section, dict):
        raise BadInput(f"{path}: the section {name} is missing; the shipped promotion.yaml shows what belongs there.", field=name)
    _known(path, section, fields, name)
    return section


def _known(path: Path, section: Mapping[str, Any], fields: set[str], name: str) -> None:
    for field in section:
        if field not in fields:
            raise BadInput(f"{path}: {name} has no field {field!r}; it knows {', '.join(sorted(fields))}.", field=str(field))


def _number(path: Path, section: Mapping[str, Any], field: str, low: float, high: float) -> float:
    value = section.get(field)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise BadInput(f"{path}: {field} must be a number from {low:g} to {high:g}, it is {value!r}.", field=field)
    return value


def _one_of(path: Path, section: Mapping[str, Any], field: str, *known: str) -> str:
    value = section.get(field)
    if value not in known:
        raise BadInput(f"{path}: {field} must be {' or '.join(known)}, it is {value!r}.", field=field)
    return value
