"""Paper orders on minutes: what decides is known by then, what is paid is what the next minutes' pools would have given."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import sqrt_price_at_tick
from domain.features import NAMES
from domain.market import MarketHistory, Series, microseconds
from domain.problems import BadInput
from models.minute_bars import sift
from models.minute_orders import COIN, DOLLAR, UNFILLED_BPS, WAIT, PaperFlow, paper_orders
from models.training import COSTS, WAIT_RESIDUAL, cost_column
from tests.models.minutes import LIQUIDITY, START, TICK, changed, minute_bars, minute_rows

FREE = {"gas_usd": 0.0}


def flat(**flow):
    """Orders where nothing ever moves."""
    return paper_orders(minute_bars(400, step=0, inside=0), PaperFlow(**flow), seed=1).frame


def test_a_buyer_and_a_seller_come_every_few_minutes_once_an_hour_is_known():
    asked = paper_orders(minute_bars(200), PaperFlow(every_minutes=6), seed=1)
    sides = asked.frame.partition_by("sells")
    assert sides[0]["arrived_at"].equals(sides[1]["arrived_at"]) and sides[0]["log_value"].equals(sides[1]["log_value"])
    arrived = sides[0]["arrived_at"].to_list()
    assert arrived[0] == START + timedelta(hours=1)
    assert {later - before for before, later in pairwise(arrived)} == {timedelta(minutes=6)}
    # The order of 03:18 would wait until 03:19, the last minute there is; nothing was lost.
    assert arrived[-1] == START + timedelta(minutes=198) and not asked.unaskable
    assert asked.frame["order_id"].n_unique() == asked.frame.height


def test_the_same_seed_gives_the_same_orders_and_another_one_others():
    bars = minute_bars(400)
    first, again, other = (paper_orders(bars, PaperFlow(), seed).frame for seed in (1, 1, 2))
    assert first.equals(again)
    assert first["amount_in"].to_list() != other["amount_in"].to_list()


def test_sizes_are_log_uniform_between_their_ends_and_sides_a_coin_when_only_one_is_asked():
    flow = PaperFlow(every_minutes=2, smallest_usd=100, largest_usd=10_000, one_side=True)
    frame = paper_orders(minute_bars(3_000), flow, seed=1).frame
    assert frame["arrived_at"].n_unique() == frame.height
    sizes = frame["log_value"].exp()
    assert sizes.min() >= 99.9 and sizes.max() <= 10_001  # type: ignore[operator]
    assert 850 < sizes.median() < 1_150  # type: ignore[operator]
    assert 0.45 < (frame["sells"] == DOLLAR).mean() < 0.55  # type: ignore[operator]


def test_asked_in_pairs_always_waiting_is_no_luck_of_the_sides():
    saved = [
        float((frame["cost_now_bps"] - frame["cost_wait_bps"]).mean())  # type: ignore[arg-type]
        for one_side in (False, True)
        for frame in [paper_orders(minute_bars(1_000), PaperFlow(one_side=one_side), seed=1).frame]
    ]
    assert abs(saved[0]) < 0.05 < abs(saved[1])


def test_where_nothing_moves_an_order_costs_fee_and_impact_to_the_unit():
    for row in flat(**FREE).iter_rows(named=True):
        pool = ConcentratedPool(500, 10, sqrt_price_at_tick(TICK), TICK, LIQUIDITY)
        quote = pool.quote(row["sells"] == DOLLAR, int(row["amount_in"]))
        assert int(row["amount_out_now"]) == int(row["amount_out_wait"]) == quote.amount_out
        assert row["cost_now_bps"] == pytest.approx(row["fee_bps"] + row["impact_bps"], abs=2e-3)
        assert row["fee_bps"] == pytest.approx(5.0, abs=0.01)
        assert row["drift_bps"] == row["deviation_bps"] == row["volatility_bps"] == 0.0


def test_a_split_in_time_saves_no_impact_while_the_pool_remembers_it():
    # Our own first half moved the price; unless somebody moves it back, the second half goes on from there.
    frame = flat(**FREE)
    assert (frame["cost_split_bps"] - frame["cost_now_bps"]).abs().max() < 1e-3  # type: ignore[operator]
    assert frame["split_saving_bps"].abs().max() < 1e-3  # type: ignore[operator]


def test_a_split_saves_half_of_the_impact_if_the_pool_forgets_within_a_minute():
    frame = flat(refill_percent=100, **FREE)
    saved = frame["cost_now_bps"] - frame["cost_split_bps"]
    assert (saved - frame["impact_bps"] / 2).abs().max() < 0.2  # type: ignore[operator]
    assert (saved - frame["split_saving_bps"]).abs().max() < 1e-3  # type: ignore[operator]
    half = flat(refill_percent=50, **FREE)
    assert (half["cost_now_bps"] - half["cost_split_bps"]).sum() == pytest.approx(saved.sum() / 2, rel=0.02)


def test_a_second_swap_costs_its_gas():
    frame = flat(gas_usd=1.0)
    gas = 10_000 / frame["log_value"].exp()
    assert (frame["gas_bps"] - gas).abs().max() < 0.01  # type: ignore[operator]
    assert (frame["cost_split_bps"] - frame["cost_now_bps"] - gas).abs().max() < 0.01  # type: ignore[operator]


def test_the_drift_between_decision_and_execution_is_charged_to_every_action():
    # One step of 100 ticks at the second hour: whoever decided before and executes after pays or gains it.
    rows = minute_rows(400, step=0, inside=0)
    jump = pl.when(pl.col("timestamp") >= START + timedelta(hours=2)).then(100).otherwise(0)
    bars = sift(rows.with_columns((pl.col(name) + jump).cast(pl.Int32) for name in ("openTick", "closeTick", "lowestTick", "highestTick")))
    frame = paper_orders(bars, PaperFlow(every_minutes=1, **FREE), seed=1).frame
    at = {(row["arrived_at"], row["sells"]): row for row in frame.iter_rows(named=True)}
    for sells, favour in ((DOLLAR, 100), (COIN, -100)):
        before, on_it = at[START + timedelta(minutes=119), sells], at[START + timedelta(minutes=120), sells]
        assert before["cost_now_bps"] - before["cost_wait_bps"] == pytest.approx(favour, rel=0.02)
        assert before["drift_bps"] == pytest.approx(-favour, rel=0.02)
        assert before["cost_now_bps"] - before["cost_split_bps"] == pytest.approx(favour / 2, rel=0.02)
        # Nobody knew of the jump when this one was decided, and it is in the cost of all three actions.
        assert [on_it[cost] - on_it["quoted_now_bps"] for cost in COSTS] == pytest.approx([-favour] * 3, rel=0.02)


def test_the_residual_is_what_waiting_saved_beyond_the_quotable():
    frame = paper_orders(minute_bars(400), PaperFlow(refill_percent=100), seed=1).frame
    promised = frame["split_saving_bps"].clip(lower_bound=0)
    saved = frame[cost_column("now")] - frame[cost_column("wait")]
    assert (frame[WAIT_RESIDUAL] + promised - saved).abs().max() < 1e-9  # type: ignore[operator]


def test_one_wrong_close_moves_neither_the_costs_nor_the_reference_past_its_neighbours():
    rows = minute_rows(200, step=0, inside=200)
    wrong = sift(changed(rows, 119, closeTick=TICK + 150))  # inside its minute's range, so nothing shows that it is wrong
    plain, spoilt = (paper_orders(bars, PaperFlow(every_minutes=1, **FREE), seed=1).frame for bars in (sift(rows), wrong))
    for cost in COSTS:
        assert (plain[cost] - spoilt[cost]).abs().max() < 1e-9  # type: ignore[operator]
    assert spoilt.filter(pl.col("deviation_bps") != 0)["arrived_at"].unique().to_list() == [START + timedelta(minutes=120)]


@settings(max_examples=8, deadline=None)
@given(st.integers(70, 170), st.integers(0, 1_000))
def test_for_any_order_its_features_do_not_change_when_the_future_does(minute, seed):
    rows = minute_rows(200, seed=seed)
    moment = START + timedelta(minutes=minute)
    other = minute_rows(200, seed=seed + 5_000, liquidity=LIQUIDITY // 2)
    shifted = pl.concat([rows.filter(pl.col("timestamp") < moment), other.filter(pl.col("timestamp") >= moment)])
    told, again = (paper_orders(sift(told), PaperFlow(every_minutes=3), seed=4).frame for told in (rows, shifted))
    same = pl.col("arrived_at") <= moment
    assert told.filter(same).select("known_at", "amount_in", *NAMES).equals(again.filter(same).select("known_at", "amount_in", *NAMES))
    assert (told["known_at"] <= told["arrived_at"]).all()


def test_restlessness_and_moves_are_what_the_executor_s_market_says():
    bars = minute_bars(400)
    seen = [sorted(bars.frame["settled_tick"][max(at - 2, 0) : at + 1])[min(at, 2) // 2] for at in range(400)]
    seen[1] = sum(bars.frame["settled_tick"][:2]) / 2
    known = [microseconds(time) + 60_000_000 for time in bars.frame["timestamp"]]
    prices = {
        "coin": Series.of(zip(known, (1.0001**-tick for tick in seen), strict=True)),
        "dollar": Series.of((at, 1.0) for at in known),
    }
    for row in paper_orders(bars, PaperFlow(), seed=1).frame.iter_rows(named=True):
        market = MarketHistory(prices).at(row["arrived_at"])
        pair = ("dollar", "coin") if row["sells"] == DOLLAR else ("coin", "dollar")
        assert row["volatility_bps"] == pytest.approx(market.volatility_bps(*pair), abs=1e-3)
        assert row["move_5m_bps"] == pytest.approx(market.move_bps(*pair, timedelta(minutes=5)), abs=1e-3)
        assert row["move_1h_bps"] == pytest.approx(market.move_bps(*pair, timedelta(hours=1)), abs=1e-3)


def test_stale_features_are_those_of_the_order_a_minute_earlier():
    bars = minute_bars(400)
    fresh, stale = (paper_orders(bars, PaperFlow(every_minutes=1, stale_minutes=late), seed=1).frame for late in (0, 1))
    earlier = fresh.select(pl.col("arrived_at") + WAIT, "sells", fresh="volatility_bps")
    both = earlier.join(stale.select("arrived_at", "sells", "volatility_bps"), on=["arrived_at", "sells"])
    assert both.height > 600 and (both["fresh"] == both["volatility_bps"]).all()
    assert (stale["arrived_at"] - stale["known_at"] == timedelta(minutes=1)).all()


def test_orders_without_a_bar_to_decide_or_execute_on_are_counted_by_reason():
    rows = minute_rows(300)
    holed = rows.filter(~pl.col("timestamp").is_between(START + timedelta(minutes=120), START + timedelta(minutes=139)))
    asked = paper_orders(sift(holed), PaperFlow(every_minutes=1), seed=1)
    # 02:00 to 02:19 are missing. Who decides from 01:59 to 02:05 knows enough, and would wait too long for 02:20; so would, at the end,
    # the order of the last minute. From 02:06 to 02:20 nothing recent is known.
    assert dict(asked.unaskable) == {"no_bar_to_execute_in": 16, "no_recent_bar": 30}
    assert asked.frame.height + asked.unaskable.total() == 480


def test_a_short_gap_makes_an_order_wait_for_the_next_bar():
    rows = minute_rows(300)
    holed = rows.filter(pl.col("timestamp") != START + timedelta(minutes=121))
    frame = paper_orders(sift(holed), PaperFlow(every_minutes=1), seed=1).frame
    row = frame.filter(pl.col("arrived_at") == START + timedelta(minutes=120)).row(0, named=True)
    assert row["executed_at"] == row["arrived_at"]
    assert row["waited_until"] == row["arrived_at"] + timedelta(minutes=2)


def test_an_order_that_the_pool_cannot_fill_is_charged_for_it():
    frame = paper_orders(minute_bars(80, liquidity=1), PaperFlow(every_minutes=1, smallest_usd=1e12, largest_usd=1e13), seed=1).frame
    assert frame.height == 38
    assert set(frame["cost_now_bps"]) == {UNFILLED_BPS}
    assert set(frame["cost_wait_bps"]) == {UNFILLED_BPS}
    assert frame["amount_out_now"].null_count() == frame["amount_out_split"].null_count() > 0


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("every_minutes", {"every_minutes": 0}),
        ("refill_percent", {"refill_percent": 101}),
        ("stale_minutes", {"stale_minutes": -1}),
        ("smallest_usd", {"smallest_usd": 10.0, "largest_usd": 5.0}),
        ("smallest_usd", {"smallest_usd": 0.5}),
    ],
)
def test_a_flow_that_makes_no_sense_is_refused_by_field(field, wrong):
    with pytest.raises(BadInput) as refused:
        PaperFlow(**wrong)
    assert refused.value.facts["field"] == field
