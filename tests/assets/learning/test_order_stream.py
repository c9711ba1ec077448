"""The trial's orders: the day's own, sized by the pools, never so late that their outcome lies on another day."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from assets.chain import pools, swaps
from assets.learning import order_stream
from assets.learning.order_stream import Arrival, arrivals, deep, sized
from assets.learning.replay import tradable
from assets.warehouse import Warehouse
from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.ticks import MIN_SQRT_PRICE_X96, MIN_TICK
from executor.routing.pool_book import Way
from executor.routing.pool_files import load_pool_book
from tests.assets.learning import small_world
from tests.executor import trading_floor
from tests.executor.trading_floor import NOON, USDC, WETH

DAY = date(2026, 1, 6)
LEAVE = timedelta(minutes=30)


@pytest.fixture(scope="module")
def stream(tmp_path_factory) -> list[Arrival]:
    warehouse = Warehouse(lake=str(tmp_path_factory.mktemp("lake")))
    small_world.build(warehouse, 2)
    return arrivals(DAY, warehouse.read(swaps.TABLE), tradable(warehouse.read(pools.TABLE)), LEAVE)


def test_a_day_has_the_same_orders_in_every_run(tmp_path) -> None:
    warehouse = Warehouse(lake=str(tmp_path))
    small_world.build(warehouse, 2)
    rows, known = warehouse.read(swaps.TABLE), tradable(warehouse.read(pools.TABLE))
    assert arrivals(DAY, rows, known, LEAVE) == arrivals(DAY, rows.sample(fraction=1, shuffle=True, seed=1), known, LEAVE)
    assert arrivals(DAY, rows, known, LEAVE) != arrivals(DAY - timedelta(days=1), rows, known, LEAVE)


def test_orders_arrive_where_others_trade_and_not_in_the_day_s_last_stretch(stream: list[Arrival]) -> None:
    assert len(stream) > 80
    assert {frozenset((order.token_in, order.token_out)) for order in stream} == {
        frozenset((small_world.USDC, small_world.WETH)),
        frozenset((small_world.DAI, small_world.WETH)),
    }
    assert max(order.arrived_at for order in stream).hour * 60 + max(order.arrived_at for order in stream).minute < 24 * 60 - 30
    assert len({order.order_id for order in stream}) == len(stream)


def test_both_sides_and_all_sizes_occur(stream: list[Arrival]) -> None:
    sells = sum(order.token_in == small_world.WETH for order in stream)
    assert 0.3 < sells / len(stream) < 0.7
    assert min(order.size for order in stream) < 0.1 and max(order.size for order in stream) > 0.9


def book(tmp_path):
    pools_file, ticks_file = trading_floor.pools()
    pools_file.write_parquet(tmp_path / "pools.parquet")
    ticks_file.write_parquet(tmp_path / "ticks.parquet")
    return load_pool_book(tmp_path / "pools.parquet", tmp_path / "ticks.parquet")


def arrival(size: float, token_in: str = WETH, token_out: str = USDC) -> Arrival:
    return Arrival("2026-01-18-000", 1, NOON, token_in, token_out, size)


def test_the_smallest_order_is_worth_its_gas_and_the_largest_moves_the_deepest_pool_by_one_percent(tmp_path) -> None:
    floor, market = book(tmp_path), trading_floor.market().at(NOON)
    small, large = sized(arrival(0.0), floor, market), sized(arrival(1.0), floor, market)
    assert small is not None and large is not None
    assert small.amount_in * 3000 / 10**18 == pytest.approx(order_stream.SMALLEST_USD, rel=1e-6)
    deepest = max(deep(way) for way in floor.ways_out_of(WETH) if way.to == USDC)
    assert large.amount_in == pytest.approx(deepest, rel=1e-9)


def test_without_a_price_the_smallest_order_is_a_thousandth_of_the_largest(tmp_path) -> None:
    floor, market = book(tmp_path), trading_floor.MarketHistory({}).at(NOON)
    small, large = sized(arrival(0.0), floor, market), sized(arrival(1.0), floor, market)
    assert small is not None and large is not None
    assert large.amount_in == pytest.approx(1000 * small.amount_in, rel=1e-6)


def test_an_order_for_a_pair_nobody_holds_is_not_asked(tmp_path) -> None:
    floor, market = book(tmp_path), trading_floor.market().at(NOON)
    assert sized(arrival(0.5, token_out="0x" + "9" * 40), floor, market) is None
    empty = ConstantProductPool(3000, 0, 0)
    drained = floor.with_pool(0, empty).with_pool(1, empty).with_pool(2, empty)
    assert sized(arrival(0.5), drained, market) is None


def test_depth_is_what_moves_the_price_one_percent() -> None:
    pair = ConstantProductPool(3000, 10**24, 10**24)
    for zero_for_one in (True, False):
        amount = deep(Way(0, pair, zero_for_one, ""))
        after, _ = pair.swap(zero_for_one, amount)
        price = after.reserve1 / after.reserve0
        assert price == pytest.approx(0.99 if zero_for_one else 1 / 0.99, rel=2e-4)


def test_a_pool_at_the_end_of_its_prices_takes_nothing_more() -> None:
    spent = ConcentratedPool(3000, 60, MIN_SQRT_PRICE_X96, MIN_TICK, 0, {})
    assert deep(Way(0, spent, True, "")) == 0
