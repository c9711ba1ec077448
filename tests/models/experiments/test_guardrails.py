"""A challenger that is worse in a way no saving excuses is found and named; one that is no worse is let be."""

from __future__ import annotations

import math
from datetime import datetime

import numpy as np
import polars as pl
import pytest

from domain.problems import BadInput
from domain.sequential import CHALLENGER
from models.experiments.guardrails import GUARDRAILS, Baseline, breached, watch
from models.experiments.rollout import read_rollout
from tests.models.experiments.canaries import canary, checked

POLICY = read_rollout()
BASELINE = Baseline(champion_p95_ms=97.0, champion_cost_bps=20.0)
RAMP = (("canary_10", 1_000, 4), ("canary_50", 5_000, 4))
IS_CHALLENGER = pl.col("arm") == CHALLENGER


def some(rate: float, seed: int = 5) -> pl.Expr:
    """True for that share of the challenger's orders."""
    return IS_CHALLENGER & pl.lit(pl.Series(np.random.default_rng(seed).random(800) < rate))


def readings(**columns: pl.Expr) -> dict[str, object]:
    return {reading.name: reading for reading in watch(checked(canary(RAMP), **columns), BASELINE, POLICY)}


def names_of_breached(orders: pl.DataFrame) -> set[str]:
    return {reading.name for reading in breached(watch(orders, BASELINE, POLICY))}


def test_a_challenger_that_is_no_worse_seldom_breaches_any_guardrail():
    # Two per cent of both arms' orders fail, and every promise is off by 5 bps on average, as live promises are.
    count = 0
    for seed in range(60):
        chance = np.random.default_rng(1_000 + seed)
        failed, rejected = (pl.lit(pl.Series(chance.random(800) < 0.02)) for _ in range(2))
        promised = pl.col("cost_bps") - 5 + pl.lit(pl.Series(chance.normal(0, 5, 800)))
        filled = pl.when(rejected).then(0.0).otherwise(1.0)
        orders = canary(RAMP, seed=seed, noise_bps=20.0).with_columns(shadow_cost_bps=promised)
        count += bool(names_of_breached(checked(orders, reverted=failed, rejected=rejected, filled=filled, opportunity_bps=pl.lit(0.0))))
    assert count <= 8  # 5 % of 60 and three standard deviations


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("latency", {"latency_ms": pl.when(some(0.5)).then(150.0).otherwise("latency_ms")}),
        ("latency", {"latency_ms": pl.when(~some(0.5)).then("latency_ms")}),
        ("revert_rate", {"reverted": some(0.5)}),
        ("reject_rate", {"rejected": some(0.5), "filled": pl.when(some(0.5)).then(0.0).otherwise(1.0), "opportunity_bps": pl.lit(0.0)}),
        ("drawdown", {"cost_bps": pl.col("cost_bps") + 45 * IS_CHALLENGER.cast(pl.Float64)}),
        ("canary_bias", {"shadow_cost_bps": pl.col("cost_bps") - 25 * IS_CHALLENGER.cast(pl.Float64)}),
    ],
    ids=["slow", "silent", "reverts", "refuses", "loses in runs", "promised more"],
)
def test_each_way_of_being_worse_breaches_its_own_guardrail_and_no_other(name, columns):
    found = readings(**columns)
    assert list(found) == list(GUARDRAILS)
    assert [reading.name for reading in breached(found.values())] == [name]  # type: ignore[arg-type]
    reading = found[name]
    assert reading.e_value >= reading.bar == pytest.approx(100.0)
    assert isinstance(reading.breached_at, datetime) and 0 < reading.breached_after <= reading.orders
    assert reading.reason.startswith(f"{name} breached after {reading.breached_after:,} orders")


def test_a_challenger_that_fails_every_order_is_found_before_one_per_cent_becomes_five():
    orders = checked(canary((("canary_1", 100, 20),), per_day=200), reverted=IS_CHALLENGER)
    reading = watch(orders, BASELINE, POLICY)[1]
    assert reading.breached_after is not None
    assert orders.head(reading.breached_after).filter(IS_CHALLENGER).height <= POLICY.stage("canary_1").least_orders


def test_a_promise_that_both_arms_miss_alike_is_no_bias_of_the_challengers():
    found = readings(shadow_cost_bps=pl.col("cost_bps") - 25)
    assert not found["canary_bias"].breached and found["canary_bias"].orders == 800
    assert "holds over 800 orders" in found["canary_bias"].reason


def test_no_promise_recorded_leaves_that_guardrail_silent():
    assert (readings()["canary_bias"].orders, readings()["canary_bias"].e_value) == (0, 1.0)


def test_being_slower_by_less_than_the_factor_is_let_be():
    assert not readings(latency_ms=pl.when(IS_CHALLENGER).then(106.0).otherwise(97.0))["latency"].breached


def test_a_share_of_one_in_ten_does_not_look_like_a_drawdown_by_being_small():
    assert not any(
        "drawdown" in names_of_breached(checked(canary((("canary_10", 1_000, 20),), noise_bps=25.0, seed=seed))) for seed in range(10)
    )


def test_what_one_stage_gathered_is_carried_into_the_next_and_no_bet_spans_both():
    failing = {"reverted": some(0.5)}
    both = checked(canary(RAMP), **failing)
    first = both.filter(pl.col("stage") == "canary_10")
    orders_of = {name: watch(part, BASELINE, POLICY)[1] for name, part in (("first", first), ("both", both))}
    assert 1.0 < orders_of["first"].e_value <= orders_of["both"].e_value
    # The champion alone in one stage and the challenger alone in the next never meet.
    apart = pl.when(pl.col("stage") == "canary_10").then(~IS_CHALLENGER).otherwise(IS_CHALLENGER)
    assert watch(both.filter(apart), BASELINE, POLICY)[1].e_value == 1.0


def test_with_every_order_on_the_challenger_nothing_moves():
    alone = checked(canary((("canary_100", 10_000, 2),)), reverted=pl.lit(True))
    assert breached(watch(alone, BASELINE, POLICY)) == ()


def test_the_baseline_is_the_champions_own_in_shadow():
    shadow = checked(canary((("shadow", 0, 10),)))
    baseline = Baseline.of(shadow)
    assert baseline.champion_p95_ms == pytest.approx(97.5, abs=1.0)
    assert baseline.champion_cost_bps == pytest.approx(20.0, abs=0.5)
    with pytest.raises(BadInput, match="needs orders of the champion"):
        Baseline.of(shadow.clear())


@pytest.mark.parametrize(("p95", "cost"), [(0.0, 20.0), (math.nan, 20.0), (math.inf, 20.0), (97.0, math.nan)])
def test_a_baseline_that_is_no_yardstick_is_refused(p95, cost):
    with pytest.raises(BadInput):
        Baseline(p95, cost)
