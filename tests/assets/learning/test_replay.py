"""The tape: pools as they stood at a moment, from the closes and the events, and nothing from after it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest

from assets.chain import pool_states
from assets.chain.market_replay import accruals_of
from assets.learning.answers import ask, outcome_rows
from assets.learning.features import TABLE, features_of
from assets.learning.replay import Tape, is_quotable
from assets.partitions import Span
from assets.warehouse import Warehouse
from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.liquidity import Tick
from domain.amm.ticks import sqrt_price_at_tick
from domain.schemas import AMOUNT
from models.features import differing
from tests.assets.learning import small_world
from tests.assets.learning.small_world import MIDNIGHT, PAIRS, USDC, WETH

DAY_TWO = Span(date(2026, 1, 6), date(2026, 1, 6))
BOTH = Span(date(2026, 1, 5), date(2026, 1, 6))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    place = Warehouse(lake=str(tmp_path_factory.mktemp("lake")))
    small_world.build(place, 2)
    return place


def reserves(book) -> dict[str, tuple[int, int]]:
    return {booked.address: (booked.pool.reserve0, booked.pool.reserve1) for booked in book}


def test_a_moment_s_pools_are_those_of_the_last_sync_up_to_it(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, DAY_TWO)
    moment = datetime(2026, 1, 6, 12, 15, 12, tzinfo=UTC)
    (_, book), (_, a_second_earlier) = next(iter(tape.books_at([moment]))), next(iter(tape.books_at([moment - timedelta(seconds=1)])))
    syncs = tape.liquidity_events.filter(block_time=moment)
    pool = syncs["pool"].item()
    assert reserves(book)[pool] == (int(syncs["amount0"].item()), int(syncs["amount1"].item()))
    assert reserves(a_second_earlier)[pool] != reserves(book)[pool]


def test_two_days_replayed_at_once_pass_through_the_same_states_as_day_two_alone(warehouse: Warehouse) -> None:
    moments = [datetime(2026, 1, 6, hour, 30, tzinfo=UTC) for hour in range(0, 24, 5)]
    alone = [reserves(book) for _, book in Tape.read(warehouse, DAY_TWO).books_at(moments)]
    together = [reserves(book) for _, book in Tape.read(warehouse, BOTH).books_at(moments)]
    assert alone == together


def test_a_pool_joins_when_its_first_hour_tells_it(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, BOTH)
    books = dict(tape.books_at([MIDNIGHT + timedelta(minutes=59), MIDNIGHT + timedelta(minutes=61), MIDNIGHT + timedelta(hours=30)]))
    told = set(tape.hourly.filter(hour=MIDNIGHT)["pool"])
    known = [set(reserves(book)) for _, book in sorted(books.items())]
    assert known[0] == set()
    assert known[1] == told
    assert known[2] == {pool for pool, *_ in PAIRS}


def test_cutting_the_future_away_changes_no_feature(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, DAY_TWO)
    whole = features_of(tape, DAY_TWO)
    cut = whole["arrived_at"][whole.height // 2]
    again = features_of(tape.until(cut), DAY_TWO)
    assert again.height == whole.height // 2 + 1
    assert differing(whole.filter(whole["arrived_at"] <= cut), again) == []


def test_a_feature_that_did_look_ahead_would_be_caught(warehouse: Warehouse) -> None:
    whole = features_of(Tape.read(warehouse, DAY_TWO), DAY_TWO)
    peeking = whole.with_columns(deviation_bps=whole["deviation_bps"].shift(-1, fill_value=0.0))
    assert differing(whole, peeking) == ["deviation_bps"]


def test_the_orders_and_outcomes_agree_with_the_pools_they_were_asked_of(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, DAY_TWO)
    orders = features_of(tape, DAY_TWO)
    order = orders.filter(token_in=WETH, token_out=USDC).row(3, named=True)
    books = dict(tape.books_at([order["arrived_at"]]))
    best = max(
        booked.pool.quote(booked.sells(WETH), int(order["amount_in"])).amount_out
        for booked in books[order["arrived_at"]]
        if {booked.token0.address, booked.token1.address} == {USDC, WETH}
    )
    assert int(order["amount_out_now"]) == best
    outcome = next(row for row in outcome_rows(tape, orders) if row["order_id"] == order["order_id"])
    assert outcome["cost_now_bps"] == order["quoted_now_bps"]
    assert outcome["waited_until"] == order["arrived_at"] + timedelta(seconds=60)
    assert outcome["wait_residual_bps"] == pytest.approx(min(outcome["cost_now_bps"], outcome["cost_split_bps"]) - outcome["cost_wait_bps"])


def test_an_order_nobody_takes_after_the_wait_is_charged_for_it(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, DAY_TWO)
    orders = TABLE.conform(features_of(tape, DAY_TWO))
    huge = orders.head(1).with_columns(amount_in=orders["amount_in"].head(1) * 0 + 10**37)
    outcome = next(iter(outcome_rows(tape, huge)))
    assert outcome["amount_out_wait"] is None
    assert outcome["cost_wait_bps"] == 1000.0


def test_a_day_without_trades_has_no_orders(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, DAY_TWO)
    assert ask(tape, [date(2026, 2, 1)]).rows == []


def test_orders_that_cannot_be_asked_are_counted_with_the_reason(warehouse: Warehouse) -> None:
    asked = ask(Tape.read(warehouse, BOTH), [BOTH.first])
    # In the first hour no pool's state is known yet: four quarters of an hour.
    assert asked.unaskable["no_quotable_pool_of_the_pair"] >= 4
    assert sum(asked.unaskable.values()) + len(asked.rows) == 96


def test_a_pool_whose_ticks_are_not_all_known_takes_no_part() -> None:
    whole = ConcentratedPool(3000, 60, sqrt_price_at_tick(0), 0, 10**20, {-60: Tick(10**20, 10**20), 60: Tick(10**20, -(10**20))})
    missing = ConcentratedPool(3000, 60, sqrt_price_at_tick(0), 0, 10**20, {-60: Tick(10**20, 10**20)})
    assert is_quotable(whole) and is_quotable(ConstantProductPool(3000, 1, 1))
    assert not is_quotable(missing)


def test_pools_left_out_are_named(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, DAY_TWO)
    assert tape.unquotable() == []
    pool = PAIRS[0][0]
    missing = ConcentratedPool(3000, 60, sqrt_price_at_tick(0), 0, 10**20, {-60: Tick(10**20, 10**20)})
    row = pl.DataFrame(
        [
            {
                "pool": pool,
                "protocol": "concentrated",
                "hour": MIDNIGHT,
                "fee_pips": 3000,
                "tick_spacing": 60,
                "sqrt_price_x96": sqrt_price_at_tick(0).to_bytes(32, "big"),
                "tick": 0,
                "liquidity": Decimal(10**20),
                "ticks": [{"tick": -60, "liquidity_gross": Decimal(10**20), "liquidity_net": Decimal(10**20), "is_inferred": True}],
                "accruals": accruals_of(missing),
            }
        ],
        schema_overrides=dict(pool_states.TABLE.schema),
    )
    known = pl.concat([tape.close_before.filter(pl.col("pool") != pool), row], how="diagonal")
    without = replace(tape, close_before=known, hourly=tape.hourly.clear())
    assert without.unquotable() == [pool[:4]]
    (_, book) = next(iter(without.books_at([MIDNIGHT + timedelta(hours=25)])))
    assert pool not in reserves(book)


def test_an_order_no_path_takes_whole_is_counted(warehouse: Warehouse) -> None:
    tape = Tape.read(warehouse, DAY_TWO)
    # Three thousand base units a side: an order of one buys nothing.
    dust = tape.close_before.with_columns(reserve0=pl.lit(Decimal(3000)).cast(AMOUNT), reserve1=pl.lit(Decimal(3000)).cast(AMOUNT))
    asked = ask(replace(tape, close_before=dust, liquidity_events=tape.liquidity_events.clear()), DAY_TWO.dates())
    assert asked.unaskable["no_path_takes_it_whole"] > 0
    assert sum(asked.unaskable.values()) + len(asked.rows) == 96
