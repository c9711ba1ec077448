"""The rollout's policy: every field named, nothing looser than the shipped file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from domain.problems import BadInput
from models.experiments.policy import SHIPPED, PromotionPolicy
from models.experiments.rollout import read_rollout


def changed(tmp_path: Path, keys: str, value: Any) -> Path:
    """The shipped file with one value changed; `keys` is its way from the top, such as stages.1.share_bp."""
    told = yaml.safe_load(SHIPPED.read_text())
    *way, last = (int(key) if key.isdigit() else key for key in keys.split("."))
    section = told
    for key in way:
        section = section[key]
    section[last] = value
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(told))
    return path


def test_the_shipped_rollout_goes_from_shadow_to_every_order_and_bears_the_files_hash():
    policy = read_rollout()
    assert [stage.share_bp for stage in policy.stages] == [0, 100, 500, 1_000, 5_000, 10_000]
    assert policy.sha256 == hashlib.sha256(SHIPPED.read_bytes()).hexdigest() == PromotionPolicy.read().sha256
    assert policy.after("canary_1") == policy.stage("canary_5") and policy.after("canary_100") is None
    with pytest.raises(BadInput, match="no stage 'canary_7'"):
        policy.stage("canary_7")


@pytest.mark.parametrize(
    ("keys", "value", "field", "floor"),
    [
        ("guardrails.alpha", 0.01, "guardrails.alpha", 0.05),
        ("guardrails.latency.factor", 1.2, "guardrails.latency.factor", 1.1),
        ("guardrails.latency.margin", 0.02, "guardrails.latency.margin", 0.01),
        ("guardrails.revert_rate.margin", 0.01, "guardrails.revert_rate.margin", 0.001),
        ("guardrails.reject_rate.margin", 0.01, "guardrails.reject_rate.margin", 0.001),
        ("guardrails.drawdown.factor", 1.5, "guardrails.drawdown.factor", 1.2),
        ("guardrails.canary_bias.margin_bps", 2, "guardrails.canary_bias.margin_bps", 1),
        ("validity.sample_ratio.alpha", 0.0001, "validity.sample_ratio.alpha", 0.001),
        ("stages.0.least_hours", 24, "stages.shadow.least_hours", 168),
        ("stages.2.least_orders", 10, "stages.canary_5.least_orders", 50),
        ("stages.1.share_bp", 200, "stages.canary_1.share_bp", 100),
    ],
)
def test_a_looser_rule_is_refused_with_the_field_and_the_floor(tmp_path, keys, value, field, floor):
    with pytest.raises(BadInput, match="looser than the shipped policy") as refused:
        read_rollout(changed(tmp_path, keys, value))
    assert (refused.value.facts["field"], refused.value.facts["floor"]) == (field, pytest.approx(floor))


def test_a_ladder_that_skips_a_rung_is_refused_and_one_with_more_rungs_is_taken(tmp_path):
    stages = yaml.safe_load(SHIPPED.read_text())["stages"]
    with pytest.raises(BadInput, match="at most 1000 after 500"):
        read_rollout(changed(tmp_path, "stages", stages[:3] + stages[4:]))
    between = {"name": "canary_25", "share_bp": 2_500, "least_hours": 24, "least_orders": 100}
    assert read_rollout(changed(tmp_path, "stages", [*stages[:4], between, *stages[4:]])).after("canary_10").share_bp == 2_500  # type: ignore[union-attr]


def test_a_tighter_rule_is_taken(tmp_path):
    assert read_rollout(changed(tmp_path, "guardrails.revert_rate.margin", 0)).revert_margin == 0
    assert read_rollout(changed(tmp_path, "multiplicity.rule", "bonferroni")).family_rule == "bonferroni"


@pytest.mark.parametrize(
    ("keys", "value", "field"),
    [
        ("guardrails", None, "guardrails"),
        ("guardrails.latency", 3, "guardrails.latency"),
        ("guardrails.alpha", True, "guardrails.alpha"),
        ("guardrails.alpha", "little", "guardrails.alpha"),
        ("guardrails.alpha", float("nan"), "guardrails.alpha"),
        ("guardrails.drawdown.block_orders", 2.5, "guardrails.drawdown.block_orders"),
        ("guardrails.drawdown.limit_bps", 0, "guardrails.drawdown.limit_bps"),
        ("validity.sample_ratio.concentration", 0, "validity.sample_ratio.concentration"),
        ("multiplicity.rule", "none", "multiplicity.rule"),
        ("stages", [], "stages"),
        ("stages.1.name", "shadow", "stages.name"),
        ("stages.1", "canary", "stages.name"),
        ("stages.0.share_bp", 1, "stages.share_bp"),
        ("stages.2.share_bp", 100, "stages.share_bp"),
        ("stages.5.share_bp", 9_999, "stages.share_bp"),
        ("stages.3.share_bp", 10_001, "stages[3].share_bp"),
        ("stages.3.least_hours", None, "stages[3].least_hours"),
    ],
)
def test_a_field_out_of_its_range_is_named(tmp_path, keys, value, field):
    with pytest.raises(BadInput) as refused:
        read_rollout(changed(tmp_path, keys, value))
    assert refused.value.facts["field"] == field
    assert field in str(refused.value) or field == "stages.name"


def test_what_is_no_yaml_and_what_is_no_mapping_are_refused(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("stages: [")
    with pytest.raises(BadInput, match="is not YAML"):
        read_rollout(path)
    path.write_text("- stages")
    with pytest.raises(BadInput, match="section guardrails is missing"):
        read_rollout(path)
