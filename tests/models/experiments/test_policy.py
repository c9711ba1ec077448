"""The promotion policy: read from YAML or refused by field, and never loosened."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.problems import BadInput
from models.experiments.policy import SHIPPED, PromotionPolicy


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("alpha: 0.01", "alpha: 2"), "alpha"),
        (("min_blocks: 7", "min_blocks: 1"), "min_blocks"),
        (("kpi: net_cost_bps", "kpi: sharpe"), "kpi"),
        (("promote:", "promotion:"), "promote"),
        (("  min_lift:", "  min_lifts: 0\n  min_lift:"), "min_lifts"),
        (("kpi:", "lucky: true\nkpi:"), "lucky"),
        (("trial:", "trial: ["), "promotion.yaml"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_field(tmp_path: Path, change: tuple[str, str], field: str) -> None:
    file = tmp_path / "promotion.yaml"
    file.write_text(SHIPPED.read_text().replace(*change))
    with pytest.raises(BadInput) as refused:
        PromotionPolicy.read(file)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    ("field", "looser", "stricter"),
    [
        ("alpha: 0.01", "0.05", "0.001"),
        ("clip_bps: 250", "1000", "100"),
        ("max_days: 60", "365", "30"),
        ("min_blocks: 7", "3", "14"),
        ("min_lift: 0.05", "0.01", "0.1"),
        ("block_hours: 24", "12", "48"),
        ("embargo_hours: 1", "0", "6"),
        ("autocorrelation_factor: 3", "1", "5"),
        ("accident_bps: 1200", "1000", "5000"),
        ("accident_days: 40", "20", "50"),
        ("accident_hour: 4", "1", "10"),
        ("training_days: 5", "1", "10"),
    ],
)
def test_a_policy_that_would_loosen_the_rule_is_refused_and_a_stricter_one_taken(tmp_path: Path, field: str, looser: str, stricter: str):
    name, floor = field.split(": ")
    file = tmp_path / "mine.yaml"
    file.write_text(SHIPPED.read_text().replace(field, f"{name}: {looser}"))
    with pytest.raises(BadInput, match=f"{name} {float(looser):g} would loosen.*{float(floor):g}; the policy in force stays") as refused:
        PromotionPolicy.read_stricter(file)
    assert refused.value.facts == {"field": name, "value": float(looser), "floor": float(floor)}
    file.write_text(SHIPPED.read_text().replace(field, f"{name}: {stricter}"))
    assert getattr(PromotionPolicy.read_stricter(file), name) == float(stricter)


def test_the_shipped_policy_is_as_strict_as_itself() -> None:
    assert PromotionPolicy.read_stricter(SHIPPED) == PromotionPolicy.read()


def test_sections_that_others_read_are_left_to_them(tmp_path: Path) -> None:
    file = tmp_path / "promotion.yaml"
    text = SHIPPED.read_text()
    for section in ("stages", "guardrails", "validity", "multiplicity"):
        text += "" if f"\n{section}:" in text else f"{section}: {{anything: 1}}\n"
    file.write_text(text)
    assert PromotionPolicy.read(file).alpha == 0.01


def test_a_policy_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read"):
        PromotionPolicy.read(tmp_path / "none.yaml")
