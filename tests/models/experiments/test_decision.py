"""The decision: promotes what saves, holds what does not yet, and always says why."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from domain.problems import BadInput
from models.experiments.blocks import block_hours, correlation_length, in_blocks
from models.experiments.decision import decide
from models.experiments.policy import SHIPPED, PromotionPolicy

POLICY = PromotionPolicy.read()
START = datetime(2026, 1, 10, tzinfo=UTC)


def trials(days: int, saving: float, noise: float = 4.0, per_hour: int = 6, seed: int = 1) -> pl.DataFrame:
    """Orders every ten minutes; the champion pays 20 bps, the challenger `saving` less."""
    rng = np.random.default_rng(seed)
    count = days * 24 * per_hour
    arrived = [START + timedelta(minutes=60 / per_hour * n) for n in range(count)]
    champion = 20 + rng.normal(0, 5, count)
    return pl.DataFrame(
        {"arrived_at": arrived, "champion_cost_bps": champion, "challenger_cost_bps": champion - saving + rng.normal(0, noise, count)},
        schema_overrides={"arrived_at": pl.Datetime("us", "UTC")},
    )


def test_a_clear_saving_over_nine_days_is_promoted() -> None:
    decision, blocks, evidence = decide(trials(9, saving=3.0), POLICY)
    assert decision.verdict == "PROMOTE"
    assert decision.lift == pytest.approx(0.15, abs=0.03)
    assert decision.e_value >= 50 and decision.p_bound <= 0.01
    assert (blocks.count, blocks.hours, len(evidence.e_values)) == (9, 24, 9)
    assert decision.more_days == 0


def test_a_saving_below_the_lift_is_held_however_sure_we_are() -> None:
    decision, _, _ = decide(trials(9, saving=0.4, noise=1.0), POLICY)
    assert decision.e_value >= 50
    assert decision.verdict == "HOLD"
    assert "less than the 5%" in decision.reason


def test_six_days_are_held_and_told_how_many_are_missing() -> None:
    decision, _, _ = decide(trials(6, saving=3.0), POLICY)
    assert (decision.verdict, decision.more_days) == ("HOLD", 1)
    assert "7 are needed" in decision.reason


def test_a_dearer_challenger_is_held_and_never_promoted() -> None:
    decision, _, _ = decide(trials(9, saving=-3.0), POLICY)
    assert decision.verdict == "HOLD"
    assert decision.more_days is None
    assert "no cheaper" in decision.reason


def test_a_noisy_saving_is_held_with_the_days_it_is_expected_to_need() -> None:
    decision, _, _ = decide(trials(8, saving=2.0, noise=20.0, per_hour=1), POLICY)
    assert decision.verdict == "HOLD"
    assert decision.more_days is not None and decision.more_days >= 1
    assert "more days" in decision.reason


def hourly(savings: np.ndarray) -> pl.DataFrame:
    """One order an hour; the champion pays 20 bps, the challenger what is left of it."""
    frame = pl.DataFrame(
        {"arrived_at": [START + timedelta(hours=n) for n in range(len(savings))]}, schema={"arrived_at": pl.Datetime("us", "UTC")}
    )
    return frame.with_columns(champion_cost_bps=pl.lit(20.0), challenger_cost_bps=pl.Series(20.0 - savings))


def white_noise(days: int, mean: float, deviation: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(0, deviation, 24 * days)
    return mean + noise - noise.mean()


def test_a_trial_that_needs_longer_than_allowed_is_futile() -> None:
    decision, _, _ = decide(hourly(white_noise(10, mean=1.2, deviation=45.0)), POLICY)
    assert decision.verdict == "FUTILE"
    assert "the policy allows 60 days" in decision.reason
    assert decision.more_days is None


def test_after_the_last_day_allowed_a_challenger_that_brings_too_little_is_futile() -> None:
    assert decide(hourly(white_noise(61, mean=-1.0, deviation=5.0)), POLICY)[0].verdict == "FUTILE"
    assert decide(hourly(white_noise(61, mean=0.4, deviation=5.0)), POLICY)[0].verdict == "FUTILE"


def test_savings_without_any_spread_are_no_evidence_and_no_end_is_in_sight() -> None:
    decision, _, _ = decide(hourly(np.full(24 * 9, 2.0)), POLICY)
    assert decision.verdict == "FUTILE"
    assert "no end is in sight" in decision.reason


def test_a_fault_in_the_trial_makes_it_invalid_whatever_the_saving() -> None:
    decision, _, _ = decide(trials(9, saving=3.0), POLICY, faults=("two orders went unanswered",))
    assert decision.verdict == "INVALID"
    assert "two orders went unanswered" in decision.reason


def test_a_champion_that_costs_nothing_has_no_lift() -> None:
    frame = trials(9, saving=3.0).with_columns(pl.col("champion_cost_bps") - 25, pl.col("challenger_cost_bps") - 25)
    decision, _, _ = decide(frame, POLICY)
    assert decision.verdict == "HOLD"
    assert "no meaning" in decision.reason


def test_no_orders_at_all_are_held_for_seven_days() -> None:
    decision, blocks, _ = decide(trials(9, 3.0).clear(), POLICY)
    assert (decision.verdict, decision.more_days, blocks.count, decision.decided_at) == ("HOLD", 7, 0, None)


def test_judging_the_same_trials_again_gives_the_same_record() -> None:
    frame = trials(9, saving=3.0)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=4)
    first, second = decide(frame, POLICY)[0], decide(shuffled, POLICY)[0]
    assert first.to_json() == second.to_json()
    assert json.loads(first.to_json())["policy_sha256"] == POLICY.sha256


def test_one_accident_counts_only_up_to_the_limit() -> None:
    frame = (
        trials(9, saving=3.0)
        .with_row_index()
        .with_columns(challenger_cost_bps=pl.when(pl.col("index") == 5).then(-50_000.0).otherwise(pl.col("challenger_cost_bps")))
    )
    blocks = in_blocks(frame, POLICY)
    assert blocks.clipped == 1
    assert blocks.saving_bps[0] < 3 + POLICY.clip_bps / 24


def test_a_day_that_is_not_over_is_left_for_later() -> None:
    frame = trials(3, saving=3.0)
    assert in_blocks(frame.head(frame.height - 24), POLICY).count == 2


def test_blocks_grow_with_the_correlation() -> None:
    assert block_hours(2.0, POLICY) == 24
    assert block_hours(9.0, POLICY) == 48
    rng = np.random.default_rng(2)
    white = rng.standard_normal(400)
    sticky = white.copy()
    for n in range(1, 400):
        sticky[n] += 0.9 * sticky[n - 1]
    assert correlation_length(sticky) > 3 * correlation_length(white)
    assert correlation_length(np.ones(100)) == 0.0


def test_the_correlation_length_is_the_one_of_the_reference_implementation() -> None:
    bootstrap = pytest.importorskip("arch.bootstrap")
    rng = np.random.default_rng(5)
    for stickiness in (0.0, 0.3, 0.6, 0.8):
        series = rng.standard_normal(300)
        for n in range(1, 300):
            series[n] += stickiness * series[n - 1]
        theirs = bootstrap.optimal_block_length(series)["circular"].item()
        assert correlation_length(series) == pytest.approx(theirs, rel=0.02)


def test_blocks_that_must_be_longer_are_held_with_that_reason() -> None:
    rng = np.random.default_rng(2)
    hours = 24 * 9
    sticky = rng.standard_normal(hours)
    for n in range(1, hours):
        sticky[n] += 0.97 * sticky[n - 1]
    decision, _, _ = decide(hourly(3.0 + sticky), POLICY)
    assert decision.verdict == "HOLD"
    assert f"blocks must be {decision.block_hours} h" in decision.reason


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (("alpha: 0.01", "alpha: 2"), "alpha"),
        (("min_blocks: 7", "min_blocks: 1"), "min_blocks"),
        (("kpi: net_cost_bps", "kpi: sharpe"), "kpi"),
        (("promote:", "promotion:"), "promote"),
        (("trial:", "trial: ["), "promotion.yaml"),
    ],
)
def test_a_policy_that_cannot_be_meant_is_refused_by_field(tmp_path: Path, change: tuple[str, str], field: str) -> None:
    file = tmp_path / "promotion.yaml"
    file.write_text(SHIPPED.read_text().replace(*change))
    with pytest.raises(BadInput) as refused:
        PromotionPolicy.read(file)
    assert refused.value.facts["field"] == field
