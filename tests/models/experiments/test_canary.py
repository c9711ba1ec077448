"""The canary's cost counts every order that was assigned, and compares arms only within a stage."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from domain.problems import BadInput
from domain.sequential import CHALLENGER, CHAMPION
from models.experiments.canary import canary_orders, read_canary
from models.experiments.policy import PromotionPolicy
from tests.models.experiments.canaries import canary, checked

POLICY = PromotionPolicy.read()
IS_CHALLENGER = pl.col("arm") == CHALLENGER


def with_dear_orders_refused(finish: bool) -> pl.DataFrame:
    """Every fifth order costs 80 bps rather than 20; the challenger, no better otherwise, refuses those. The reference does not move."""
    orders = canary(days_of(10)).with_columns(dear=pl.int_range(pl.len()) % 5 == 0)
    refused = IS_CHALLENGER & pl.col("dear")
    costs = orders.with_columns(cost_bps=pl.col("cost_bps") + 60.0 * pl.col("dear").cast(pl.Float64), rejected=refused)
    left = costs.with_columns(
        filled=pl.when(refused).then(0.0).otherwise(1.0),
        opportunity_bps=pl.when(refused).then(0.0),
        finish_bps=pl.when(refused).then(pl.col("cost_bps")) if finish else pl.lit(None, pl.Float64),
        cost_bps=pl.when(~refused).then("cost_bps"),
    )
    return canary_orders(left)


def days_of(days: int) -> list[tuple[str, int, int]]:
    return [("canary_50", 5_000, days)]


@pytest.mark.parametrize("finish", [True, False], ids=["shadow answers recorded", "nothing recorded"])
def test_refusing_the_dear_orders_looks_cheap_among_the_fills_and_is_not(finish):
    reading = read_canary(with_dear_orders_refused(finish), POLICY)
    assert reading.naive_saving_bps is not None and reading.naive_saving_bps > 10
    assert reading.saving_bps < 1.5
    assert not (reading.saving_bps > 0 and reading.e_value >= reading.bar)


def test_refusing_everything_while_the_market_stands_still_saves_nothing():
    gone = pl.when(IS_CHALLENGER)
    orders = checked(
        canary(days_of(10)),
        filled=gone.then(0.0).otherwise(1.0),
        rejected=IS_CHALLENGER,
        opportunity_bps=gone.then(0.0),
        cost_bps=gone.then(None).otherwise("cost_bps"),
    )
    reading = read_canary(orders, POLICY)
    assert reading.naive_saving_bps is None
    assert reading.saving_bps < 0 and reading.dearer


def test_waiting_that_the_market_rewards_is_credited_and_that_it_punishes_is_charged():
    half = {"filled": pl.lit(0.5), "finish_bps": pl.lit(10.0), "cost_bps": pl.lit(20.0)}
    rewarded = checked(canary(), **half, opportunity_bps=pl.lit(-4.0))
    punished = checked(canary(), **half, opportunity_bps=pl.lit(30.0))
    assert set(rewarded["itt_cost_bps"]) == {0.5 * 20 + 0.5 * 6}
    assert set(punished["itt_cost_bps"]) == {0.5 * 20 + 0.5 * 40}


def test_a_share_that_grows_while_the_market_gets_dearer_biases_pooled_means_and_not_ours():
    orders = checked(canary([("canary_10", 1_000, 8), ("canary_50", 5_000, 8)], saving_bps=2.0, base_bps=(10.0, 40.0)))
    pooled = {arm: orders.filter(pl.col("arm") == arm)["itt_cost_bps"].mean() for arm in (CHAMPION, CHALLENGER)}
    assert pooled[CHAMPION] - pooled[CHALLENGER] < -5  # Simpson: the better arm looks worse
    reading = read_canary(orders, POLICY)
    assert reading.saving_bps == pytest.approx(2.0, abs=0.6)
    assert [stage.stage for stage in reading.stages] == ["canary_10", "canary_50"]
    assert [stage.blocks for stage in reading.stages] == [8, 8]
    assert reading.stages[1].champion_cost_bps == pytest.approx(40.0, abs=1.5)
    assert "saves" in reading.reason and not reading.dearer


def test_a_challenger_that_is_dearer_live_is_proved_so_and_a_harmless_one_is_not():
    assert read_canary(checked(canary(days_of(12), saving_bps=-5.0)), POLICY).dearer
    false = sum(read_canary(checked(canary(days_of(10), seed=seed, per_day=40)), POLICY).dearer for seed in range(100))
    assert false <= 4  # 1 % of 100 and three standard deviations


def test_a_block_still_open_waits_and_a_closed_stage_counts_to_its_end():
    whole = canary([("canary_10", 1_000, 2), ("canary_50", 5_000, 2)])
    cut = canary_orders(whole.head(350))  # half of the last day is missing
    assert [stage.blocks for stage in read_canary(cut, POLICY).stages] == [2, 1]
    short = canary_orders(pl.concat([whole.head(150), whole.tail(200)]))  # so is half of the first stage's last, for good
    assert [stage.blocks for stage in read_canary(short, POLICY).stages] == [2, 2]


def test_blocks_of_many_challengers_weigh_more_than_blocks_of_few():
    orders = checked(canary([("canary_1", 200, 10), ("canary_50", 5_000, 10)], noise_bps=20.0, saving_bps=3.0))
    first, second = read_canary(orders, POLICY).stages
    together = read_canary(orders, POLICY).saving_bps
    assert abs(together - second.saving_bps) < 0.2 * abs(together - first.saving_bps)


def test_one_order_counts_at_most_as_much_as_the_policy_lets_it():
    orders = canary(days_of(4), noise_bps=0.0)
    first = orders.filter(IS_CHALLENGER)["order_id"][0]
    wild = checked(orders, cost_bps=pl.when(pl.col("order_id") == first).then(1e6).otherwise("cost_bps"))
    assert read_canary(wild, POLICY).saving_bps > -2 * POLICY.clip_bps / 200


def test_no_orders_and_an_arm_alone_say_nothing():
    nothing = read_canary(checked(canary()).clear(), POLICY)
    assert (nothing.orders, nothing.blocks, nothing.e_value, nothing.saving_bps, nothing.stages) == (0, 0, 1.0, 0.0, ())
    alone = read_canary(checked(canary([("canary_100", 10_000, 3)])), POLICY)
    assert (alone.blocks, alone.e_value, alone.stages[0].champion_cost_bps) == (0, 1.0, None)


FIRST = pl.col("order_id") == "canary_50-0"


@pytest.mark.parametrize(
    ("field", "columns"),
    [
        ("order_id", {"order_id": pl.lit("one")}),
        ("ts", {"ts": pl.when(~FIRST).then("ts")}),
        ("arm", {"arm": pl.lit("somebody")}),
        ("share_bp", {"share_bp": pl.lit(10_001)}),
        ("share_bp", {"share_bp": pl.when(FIRST).then(1).otherwise("share_bp")}),
        ("filled", {"filled": pl.lit(1.5)}),
        ("filled", {"rejected": pl.lit(True)}),
        ("cost_bps", {"cost_bps": pl.when(~FIRST).then("cost_bps")}),
        ("cost_bps", {"cost_bps": pl.lit(np.nan)}),
        ("opportunity_bps", {"filled": pl.lit(0.5)}),
        ("latency_ms", {"latency_ms": pl.lit(-1.0)}),
        ("shadow_cost_bps", {"shadow_cost_bps": pl.lit(np.inf)}),
        ("finish_bps", {"filled": pl.lit(0.0), "opportunity_bps": pl.lit(0.0)}),
    ],
)
def test_orders_that_make_no_sense_are_refused_by_name(field, columns):
    with pytest.raises(BadInput) as refused:
        checked(canary(), **columns)
    assert refused.value.facts["field"] == field


def test_a_missing_column_and_a_wrong_type_are_refused():
    with pytest.raises(BadInput, match="need the column filled"):
        canary_orders(canary().drop("filled"))
    with pytest.raises(BadInput, match="wrong type"):
        canary_orders(canary().with_columns(filled=pl.lit("all")))
