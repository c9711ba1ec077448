"""A look at an experiment weighs the shadow trial, the canary, the guardrails and the sample ratio together."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from domain.assignment import bucket_of, is_challengers
from domain.sequential import CHALLENGER, CHAMPION
from models.experiments.course import Look, look
from models.experiments.decision import decide
from models.experiments.guardrails import Baseline
from models.experiments.policy import PromotionPolicy
from models.experiments.rollout import read_rollout
from models.experiments.stages import begin
from tests.models.experiments.canaries import START, canary, checked

PROMOTION, ROLLOUT = PromotionPolicy.read(), read_rollout()
BASELINE = Baseline(97.0, 20.0)
NOTHING = pl.DataFrame(schema={"arrived_at": pl.Datetime("us", "UTC"), "champion_cost_bps": pl.Float64, "challenger_cost_bps": pl.Float64})
SHADOW = replace(decide(NOTHING, PROMOTION)[0], verdict="PROMOTE", orders=2_000)
FIFTY = replace(begin("v7", "salt", ROLLOUT, START), stage="canary_50", share_bp=5_000)


def assigned(orders: pl.DataFrame) -> pl.DataFrame:
    """The same orders, in the arms that their ids and the salt give them."""
    arms = [
        CHALLENGER if is_challengers(bucket_of(row[0], "salt"), row[1]) else CHAMPION
        for row in orders.select("order_id", "share_bp").rows()
    ]
    return orders.with_columns(arm=pl.Series(arms))


def seen(orders: pl.DataFrame, state=FIFTY, decision=SHADOW, days: int = 12) -> Look:
    return look(state, decision, orders, BASELINE, PROMOTION, ROLLOUT, START + timedelta(days=days))


ORDERS = assigned(canary((("canary_50", 5_000, 12),), per_day=120))


def test_a_canary_that_holds_goes_on_to_every_order():
    found = seen(checked(ORDERS))
    assert (found.verdict, found.state.stage, found.state.share_bp) == ("PROMOTE", "canary_100", 10_000)
    assert not found.sample_ratio.mismatch and found.canary.blocks == 12 and len(found.guardrails) == 5


def test_in_shadow_the_trials_answers_count_and_no_order_is_needed():
    found = seen(checked(ORDERS).clear(), state=begin("v7", "salt", ROLLOUT, START))
    assert found.state.stage == "canary_1"
    few = seen(checked(ORDERS).clear(), state=begin("v7", "salt", ROLLOUT, START), decision=replace(SHADOW, orders=10))
    assert few.state.stage == "shadow"


def test_a_challenger_that_is_dearer_live_is_rolled_back_whatever_shadow_said():
    dearer = checked(ORDERS, cost_bps=pl.col("cost_bps") + 6 * (pl.col("arm") == CHALLENGER).cast(pl.Float64))
    found = seen(dearer)
    assert (found.verdict, found.state.status, found.state.share_bp) == ("ROLLBACK", "rolled_back", 0)
    assert "Live, over 12 blocks, the challenger saves -" in found.reason


def test_an_order_in_the_wrong_arm_freezes_and_is_named():
    wrong = ORDERS.filter(pl.col("arm") == CHAMPION)["order_id"][0]
    moved = checked(ORDERS, arm=pl.when(pl.col("order_id") == wrong).then(pl.lit(CHALLENGER)).otherwise("arm"))
    found = seen(moved)
    assert (found.verdict, found.state.status) == ("INVALID", "frozen")
    assert f"1 orders are in the wrong arm, such as {wrong}" in found.reason


def test_orders_lost_on_the_way_to_one_arm_freeze():
    lost = ORDERS.filter((pl.col("arm") == CHAMPION) | (pl.int_range(pl.len()) % 5 < 3))
    found = seen(checked(lost))
    assert (found.state.status, found.sample_ratio.mismatch) == ("frozen", True)
    assert "Find what loses orders" in found.reason


@pytest.mark.parametrize(("verdict", "status"), [("HOLD", "running"), ("FUTILE", "futile"), ("INVALID", "frozen")])
def test_the_shadow_trial_still_speaks_in_the_canary(verdict, status):
    found = seen(checked(ORDERS), decision=replace(SHADOW, verdict=verdict))
    assert (found.verdict, found.state.status) == (verdict, status)
    assert found.state.share_bp == (0 if status == "futile" else 5_000)
