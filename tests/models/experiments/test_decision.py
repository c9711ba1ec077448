"""The decision: promotes what saves, holds what does not yet, and always says why."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from models.experiments.blocks import block_hours, correlation_length
from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy

POLICY = PromotionPolicy.read()
START = datetime(2026, 1, 10, tzinfo=UTC)


def trials(days: int, saving: float, noise: float = 4.0, per_hour: int = 20, seed: int = 1) -> pl.DataFrame:
    """Orders every few minutes; the champion pays 20 bps, the challenger `saving` less."""
    rng = np.random.default_rng(seed)
    count = days * 24 * per_hour
    arrived = [START + timedelta(minutes=60 / per_hour * n) for n in range(count)]
    champion = 20 + rng.normal(0, 5, count)
    return pl.DataFrame(
        {"arrived_at": arrived, "champion_cost_bps": champion, "challenger_cost_bps": champion - saving + rng.normal(0, noise, count)},
        schema_overrides={"arrived_at": pl.Datetime("us", "UTC")},
    )


def hourly(savings: np.ndarray) -> pl.DataFrame:
    """One order an hour; the champion pays 20 bps, the challenger what is left of it."""
    frame = pl.DataFrame(
        {"arrived_at": [START + timedelta(hours=n) for n in range(len(savings))]}, schema={"arrived_at": pl.Datetime("us", "UTC")}
    )
    return frame.with_columns(champion_cost_bps=pl.lit(20.0), challenger_cost_bps=pl.Series(20.0 - savings))


def test_a_clear_saving_over_nine_days_is_promoted() -> None:
    decision, blocks, evidence = decide(trials(9, saving=4.0), POLICY)
    assert decision.verdict == "PROMOTE"
    assert decision.lift == pytest.approx(0.2, abs=0.03)
    assert decision.e_value >= 100 and decision.p_bound <= 0.01
    assert (blocks.count, blocks.hours, len(evidence.e_values)) == (9, 24, 9)
    assert decision.more_days == 0


def test_a_saving_below_the_lift_is_not_promoted_however_sure_we_are() -> None:
    decision, _, _ = decide(trials(55, saving=0.8, noise=1.0, per_hour=60), POLICY)
    assert decision.e_value >= 100
    assert decision.verdict == "HOLD"
    assert "less than the 5%" in decision.reason


def test_a_challenger_that_saves_nothing_is_futile_once_that_is_sure() -> None:
    decision, _, _ = decide(trials(30, saving=0.0, noise=1.0, per_hour=60), POLICY)
    assert decision.verdict == "FUTILE"
    assert decision.e_short >= 100 > decision.e_value
    assert "one that brings 5%" in decision.reason


def test_arms_that_answer_alike_are_futile_and_no_fault() -> None:
    decision, _, _ = decide(trials(30, saving=0.0, noise=0.0, per_hour=60), POLICY)
    assert (decision.verdict, decision.lift, decision.e_value) == ("FUTILE", 0.0, pytest.approx(1.0, abs=0.01))


def test_six_days_are_held_and_told_how_many_are_missing() -> None:
    decision, _, _ = decide(trials(6, saving=8.0), POLICY)
    assert (decision.verdict, decision.more_days) == ("HOLD", 1)
    assert "7 are needed" in decision.reason


def test_a_dearer_challenger_is_rolled_back() -> None:
    decision, _, _ = decide(trials(9, saving=-5.0), POLICY)
    assert decision.verdict == "ROLLBACK"
    assert decision.more_days is None
    assert decision.e_worse >= 100 > 1 >= decision.e_value
    assert "is dearer" in decision.reason


def test_a_challenger_that_is_dearer_by_chance_as_yet_is_held() -> None:
    decision, _, _ = decide(trials(9, saving=-1.0), POLICY)
    assert (decision.verdict, decision.more_days) == ("HOLD", None)
    assert "no cheaper" in decision.reason


def test_a_noisy_saving_is_held_with_the_days_it_is_expected_to_need() -> None:
    decision, _, _ = decide(trials(8, saving=2.0, noise=20.0, per_hour=10), POLICY)
    assert decision.verdict == "HOLD"
    assert decision.more_days is not None and decision.more_days >= 1
    assert "more days" in decision.reason


def test_a_saving_with_too_few_orders_to_have_met_an_accident_is_held() -> None:
    decision, _, evidence = decide(trials(10, saving=3.0, noise=0.5, per_hour=2), POLICY)
    assert decision.verdict == "HOLD"
    # Ten days without noise convince the t path; 480 orders cannot tell that none of 1,000 will lose 1,000 bps.
    assert evidence.mean / evidence.deviation > 10
    assert decision.e_value < 100
    assert decision.more_days is not None and decision.more_days > 10


def test_a_hopeless_saving_is_held_until_the_days_are_over_and_told_so() -> None:
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 45.0, 240)
    decision, _, _ = decide(hourly(1.2 + noise - noise.mean()), POLICY)
    assert decision.verdict == "HOLD"
    assert "the policy allows 60 days" in decision.reason or "no end is in sight" in decision.reason


def test_after_the_last_day_allowed_a_challenger_that_is_not_better_is_futile() -> None:
    decision, _, _ = decide(trials(60, saving=0.9, noise=30.0, per_hour=1), POLICY)
    assert decision.verdict == "FUTILE"
    assert "60 days the policy allows are over" in decision.reason
    assert decision.more_days is None


def test_faults_make_the_trial_invalid_whatever_it_shows() -> None:
    decision, _, _ = decide(trials(9, saving=4.0), POLICY, faults=("a stage was skipped",))
    assert decision.verdict == "INVALID"
    assert "a stage was skipped" in decision.reason


def test_a_champion_that_costs_nothing_leaves_no_lift_to_speak_of() -> None:
    frame = trials(9, saving=4.0).with_columns(pl.col("champion_cost_bps") - 25, pl.col("challenger_cost_bps") - 25)
    decision, _, _ = decide(frame, POLICY)
    assert decision.verdict == "HOLD"
    assert "no meaning" in decision.reason


def test_no_orders_at_all_are_held_for_seven_days() -> None:
    decision, blocks, _ = decide(trials(9, 3.0).clear(), POLICY)
    assert (decision.verdict, decision.more_days, blocks.count, decision.decided_at) == ("HOLD", 7, 0, None)


def test_judging_the_same_trials_again_gives_the_same_record() -> None:
    frame = trials(9, saving=4.0)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=4)
    first, second = decide(frame, POLICY)[0], decide(shuffled, POLICY)[0]
    assert first.to_json() == second.to_json()
    assert json.loads(first.to_json())["policy_sha256"] == POLICY.sha256


def with_one(frame: pl.DataFrame, challenger_cost_bps: float) -> pl.DataFrame:
    cost = pl.when(pl.int_range(pl.len()) == 5).then(challenger_cost_bps).otherwise(pl.col("challenger_cost_bps"))
    return frame.with_columns(challenger_cost_bps=cost)


def test_one_lucky_order_counts_only_up_to_the_limit() -> None:
    decision, blocks, _ = decide(with_one(trials(9, saving=3.0), -50_000.0), POLICY)
    assert blocks.clipped == decision.clipped_orders == 1
    assert blocks.saving_bps[0] < 3.5 + POLICY.clip_bps / (24 * 20)


def test_one_accident_counts_in_full() -> None:
    _, blocks, _ = decide(with_one(trials(9, saving=3.0), 50_000.0), POLICY)
    assert blocks.saving_bps[0] == pytest.approx(3 - 50_000 / (24 * 20), abs=1)
    assert decide(with_one(trials(9, saving=4.0), 50_000.0), POLICY)[0].verdict == "HOLD"


def test_a_day_that_is_not_over_is_left_for_later() -> None:
    frame = trials(3, saving=3.0)
    assert decide(frame.head(frame.height - 60), POLICY)[1].count == 2


def test_a_day_without_orders_is_no_block() -> None:
    frame = trials(9, saving=3.0).filter(~pl.col("arrived_at").is_between(START + timedelta(days=3), START + timedelta(days=5), "left"))
    decision, blocks, _ = decide(frame, POLICY)
    assert (decision.blocks, blocks.count) == (7, 7)
    assert blocks.starts[3] == START + timedelta(days=5)


def test_a_pattern_of_the_day_is_whole_in_every_block_whenever_the_first_order_came() -> None:
    hours = np.arange(24 * 12)
    pattern = hourly(np.where(hours % 24 < 12, 30.0, -30.0))
    for first in (1, 7, 13, 22):
        _, blocks, _ = decide(pattern.slice(first), POLICY)
        assert np.abs(blocks.saving_bps[1:]).max() == 0
        assert abs(blocks.saving_bps[0]) <= 30 / 23 + 1e-9


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
    decision, blocks, evidence = decide(hourly(3.0 + sticky), POLICY)
    assert decision.verdict == "HOLD"
    assert f"blocks must be {decision.block_hours} h" in decision.reason
    assert blocks.count == decision.blocks == len(evidence.e_values)
