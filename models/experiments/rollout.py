"""How a challenger is let in: stages, guardrails, validity and multiplicity, read from the policy file before the experiment starts.

The shipped file is the floor: a file may ask for more evidence, smaller steps or tighter margins, and never for less.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from domain.assignment import BUCKETS
from domain.problems import BadInput
from models.experiments.policy import SHIPPED

RULES = ("e_bh", "bonferroni")


@dataclass(frozen=True, slots=True)
class Stage:
    """The challenger's share in 10,000 orders, and the least time (hours) and number of its orders before the next stage."""

    name: str
    share_bp: int
    least_hours: float
    least_orders: int


@dataclass(frozen=True, slots=True)
class RolloutPolicy:
    """The course of an experiment. Rates are shares of orders, `..._bps` basis points; `sha256` is the hash of the file."""

    stages: tuple[Stage, ...]
    guardrail_alpha: float
    latency_factor: float
    latency_margin: float
    revert_margin: float
    reject_margin: float
    drawdown_factor: float
    drawdown_block_orders: int
    drawdown_limit_bps: float
    bias_margin_bps: float
    bias_limit_bps: float
    sample_ratio_alpha: float
    sample_ratio_concentration: float
    family_rule: str
    sha256: str

    def stage(self, name: str) -> Stage:
        """The stage of that name; raises BadInput when there is none."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise BadInput(f"The policy has no stage {name!r}; it has {', '.join(stage.name for stage in self.stages)}.", field="stage")

    def after(self, name: str) -> Stage | None:
        """The stage that follows; None after the last."""
        place = self.stages.index(self.stage(name))
        return self.stages[place + 1] if place + 1 < len(self.stages) else None


def read_rollout(path: Path = SHIPPED) -> RolloutPolicy:
    """The rollout in that policy file.

    Raises BadInput naming the field that is missing, out of its range, or looser than the shipped file has it.
    """
    policy = _parse(path)
    shipped = policy if path == SHIPPED else _parse(SHIPPED)
    _hold_fields(path, policy, shipped)
    _hold_stages(path, policy, shipped)
    return policy


def _parse(path: Path) -> RolloutPolicy:
    content = path.read_bytes()
    try:
        told = yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise BadInput(f"{path} is not YAML: {error}; restore the shipped promotion.yaml or mend it.", field=path.name) from error
    file = _Section(path, "", told)
    guardrails, validity = file.section("guardrails"), file.section("validity")
    latency, drawdown, bias = guardrails.section("latency"), guardrails.section("drawdown"), guardrails.section("canary_bias")
    ratio = validity.section("sample_ratio")
    return RolloutPolicy(
        stages=_stages(file),
        guardrail_alpha=guardrails.number("alpha", 1e-6, 0.5),
        latency_factor=latency.number("factor", 1, 10),
        latency_margin=latency.number("margin", 0, 0.5),
        revert_margin=guardrails.section("revert_rate").number("margin", 0, 0.5),
        reject_margin=guardrails.section("reject_rate").number("margin", 0, 0.5),
        drawdown_factor=drawdown.number("factor", 1, 10),
        drawdown_block_orders=drawdown.whole("block_orders", 2, 1_000),
        drawdown_limit_bps=drawdown.number("limit_bps", 1, 10_000),
        bias_margin_bps=bias.number("margin_bps", 0, 1_000),
        bias_limit_bps=bias.number("limit_bps", 1, 10_000),
        sample_ratio_alpha=ratio.number("alpha", 1e-9, 0.5),
        sample_ratio_concentration=ratio.number("concentration", 1, 10_000),
        family_rule=file.section("multiplicity").one_of("rule", RULES),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _stages(file: _Section) -> tuple[Stage, ...]:
    told = file.told.get("stages") if isinstance(file.told, dict) else None
    if not isinstance(told, list) or len(told) < 2:
        raise BadInput(f"{file.path}: stages must be a list that starts with shadow and ends with every order.", field="stages")
    stages = []
    for place, row in enumerate(told):
        section = _Section(file.path, f"stages[{place}].", row)
        name = row.get("name") if isinstance(row, dict) else None
        if not isinstance(name, str) or not name or name in {stage.name for stage in stages}:
            raise BadInput(f"{file.path}: stages[{place}].name must be a word no other stage has, it is {name!r}.", field="stages.name")
        hours, orders = section.number("least_hours", 0, 24 * 366), section.whole("least_orders", 1, 10**9)
        stages.append(Stage(name, section.whole("share_bp", 0, BUCKETS), hours, orders))
    shares = [stage.share_bp for stage in stages]
    if shares[0] != 0 or shares[-1] != BUCKETS or any(later <= earlier for earlier, later in pairwise(shares)):
        raise BadInput(f"{file.path}: stages.share_bp must grow from 0 to {BUCKETS}, it goes {shares}.", field="stages.share_bp")
    return tuple(stages)


# What loosens a rule: a bar that is passed more easily, or a breach that is called later.
_AT_LEAST = {"guardrail_alpha": "guardrails.alpha", "sample_ratio_alpha": "validity.sample_ratio.alpha"}
_AT_MOST = {
    "latency_factor": "guardrails.latency.factor",
    "latency_margin": "guardrails.latency.margin",
    "revert_margin": "guardrails.revert_rate.margin",
    "reject_margin": "guardrails.reject_rate.margin",
    "drawdown_factor": "guardrails.drawdown.factor",
    "bias_margin_bps": "guardrails.canary_bias.margin_bps",
}


def _hold_fields(path: Path, policy: RolloutPolicy, shipped: RolloutPolicy) -> None:
    for fields, word, sign in ((_AT_LEAST, "at least", 1), (_AT_MOST, "at most", -1)):
        for name, field in fields.items():
            asked, floor = getattr(policy, name), getattr(shipped, name)
            if sign * asked < sign * floor:
                raise _looser(path, field, f"{word} {floor:g}", asked, floor)


def _hold_stages(path: Path, policy: RolloutPolicy, shipped: RolloutPolicy) -> None:
    """Steps no larger than the shipped ones, and each stage at least as long as the shipped one it stands on."""
    for place, stage in enumerate(policy.stages):
        below = [known for known in shipped.stages if known.share_bp <= stage.share_bp][-1]
        for name in ("least_hours", "least_orders"):
            asked, floor = getattr(stage, name), getattr(below, name)
            if asked < floor:
                raise _looser(path, f"stages.{stage.name}.{name}", f"at least {floor:g}", asked, floor)
        if place + 1 < len(policy.stages):
            floor = next(known.share_bp for known in shipped.stages if known.share_bp > stage.share_bp)
            following = policy.stages[place + 1]
            if following.share_bp > floor:
                field = f"stages.{following.name}.share_bp"
                raise _looser(path, field, f"at most {floor} after {stage.share_bp}", following.share_bp, floor)


def _looser(path: Path, field: str, bound: str, asked: float, floor: float) -> BadInput:
    return BadInput(
        f"{path}: {field} is {asked:g}; that is looser than the shipped policy, it must be {bound}.", field=field, value=asked, floor=floor
    )


@dataclass(frozen=True, slots=True)
class _Section:
    path: Path
    prefix: str
    told: Any

    def section(self, name: str) -> _Section:
        inner = self.told.get(name) if isinstance(self.told, dict) else None
        if not isinstance(inner, dict):
            field = self.prefix + name
            raise BadInput(
                f"{self.path}: the section {field} is missing; the shipped promotion.yaml shows what belongs there.", field=field
            )
        return _Section(self.path, f"{self.prefix}{name}.", inner)

    def number(self, name: str, low: float, high: float) -> float:
        value, field = self.told.get(name), self.prefix + name
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise BadInput(f"{self.path}: {field} must be a number from {low:g} to {high:g}, it is {value!r}.", field=field)
        return float(value)

    def whole(self, name: str, low: int, high: int) -> int:
        value = self.number(name, low, high)
        if not value.is_integer():
            raise BadInput(f"{self.path}: {self.prefix}{name} must be a whole number, it is {value}.", field=self.prefix + name)
        return int(value)

    def one_of(self, name: str, known: tuple[str, ...]) -> str:
        value = self.told.get(name)
        if value not in known:
            raise BadInput(f"{self.path}: {self.prefix}{name} must be {' or '.join(known)}, it is {value!r}.", field=self.prefix + name)
        return value
