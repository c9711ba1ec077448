"""Depth: the most a pool trades before its price has moved so far, and one base unit more moves it further."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.chain import pool_states
from assets.enrichment.depth import depth, depths_of
from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.constant_product import ConstantProductPool
from domain.amm.ticks import MAX_SQRT_PRICE_X96, sqrt_price_at_tick
from tests.assets.enrichment.market import MIDNIGHT, frame_of

BPS = st.sampled_from([10, 50, 100])
RESERVES = st.integers(10**12, 10**30)
ONE_TO_ONE = 1 << 96


def whole_range(liquidity: int, fee_pips: int = 500) -> ConcentratedPool:
    ticks = {-887270: Tick(liquidity, liquidity), 887270: Tick(liquidity, -liquidity)}
    return ConcentratedPool(fee_pips, 10, ONE_TO_ONE, 0, liquidity, ticks)


def price(pool: ConstantProductPool) -> Fraction:
    return Fraction(pool.reserve1, pool.reserve0)


@given(RESERVES, RESERVES, BPS, st.sampled_from([0, 500, 3000, 10000]))
def test_for_any_pair_selling_its_depth_stays_within_the_move_and_much_more_does_not(reserve0, reserve1, bps, fee_pips):
    pool = ConstantProductPool(fee_pips, reserve0, reserve1)

    _, sold = depth(pool, bps)

    floor = price(pool) * (10_000 - bps) / 10_000
    taken = pool.quote(True, sold)
    assert Fraction(reserve1 - taken.amount_out, reserve0 + taken.amount_in) >= floor
    more = pool.quote(True, sold + sold // 1000 + 10)
    assert Fraction(reserve1 - more.amount_out, reserve0 + more.amount_in) < floor + Fraction(1, reserve0)


@given(RESERVES, RESERVES, BPS, st.sampled_from([0, 3000]))
def test_for_any_pair_buying_its_depth_stays_within_the_move(reserve0, reserve1, bps, fee_pips):
    pool = ConstantProductPool(fee_pips, reserve0, reserve1)

    bought, _ = depth(pool, bps)

    if bought:
        after = pool.swap(False, bought, exact_out=True)[0]
        assert price(after) <= price(pool) * (10_000 + bps) / 10_000


@settings(deadline=None, max_examples=50)
@given(st.integers(10**9, 10**30), BPS)
def test_for_any_concentrated_pool_depth_is_what_a_swap_to_the_limit_trades(liquidity, bps):
    pool = whole_range(liquidity)

    bought, sold = depth(pool, bps)

    after, _ = pool.swap(True, sold)
    assert after.sqrt_price_x96**2 * 10_000 >= ONE_TO_ONE**2 * (10_000 - bps) * (1 - 1e-6)
    # At a price of one, x = L (1 - 1 / sqrt(1 + move)) can be bought.
    assert bought == pytest.approx(liquidity * (1 - (1 + bps / 10_000) ** -0.5), rel=1e-6, abs=2)


def test_a_larger_move_takes_more():
    pool = whole_range(10**24)

    depths = [depth(pool, bps) for bps in (10, 50, 100)]

    assert depths == sorted(depths)
    assert depths[0][0] < depths[2][0] and depths[0][1] < depths[2][1]


def test_a_pool_whose_price_stands_at_its_end_has_no_depth_that_way():
    top = ConcentratedPool(500, 10, MAX_SQRT_PRICE_X96 - 1, 887271, 0)

    assert depth(top, 10)[0] == 0


def test_an_empty_pair_has_no_depth():
    assert depth(ConstantProductPool(3000, 0, 0), 10) == (0, 0)


def test_depths_are_told_for_each_state_of_each_pool():
    pair = {"pool": "0xpair", "protocol": "constant_product", "venue": "sushiswap", "fee_pips": 3000, "price": 1.0}
    states = frame_of(
        pool_states.TABLE,
        {**pair, "hour": MIDNIGHT, "reserve0": Decimal(10**20), "reserve1": Decimal(10**20)},
        {**pair, "hour": MIDNIGHT + timedelta(hours=1), "reserve0": Decimal(2 * 10**20), "reserve1": Decimal(2 * 10**20)},
    )

    first, second = depths_of(states).sort("state_hour").iter_rows(named=True)

    assert int(first["depth_sell_10bps"]) == depth(ConstantProductPool(3000, 10**20, 10**20), 10)[1]
    assert int(second["depth_buy_100bps"]) == depth(ConstantProductPool(3000, 2 * 10**20, 2 * 10**20), 100)[0]


def test_a_limit_is_the_price_the_move_ends_at():
    pool = whole_range(10**24)
    bought, _ = depth(pool, 100)

    after, _ = pool.swap(False, bought, exact_out=True)

    assert after.sqrt_price_x96 <= sqrt_price_at_tick(100) and after.tick in (99, 98)
