import random
from fractions import Fraction

import numpy as np
import pytest

from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.constant_product import ConstantProductPool
from domain.amm.ticks import MIN_SQRT_PRICE_X96, sqrt_price_at_tick
from executor.routing.chains import chain_of, first_rate
from executor.routing.greedy import output, rate_after
from tests.executor.routing.books import ONE, any_book


def kept(pool) -> float:
    return 1 - pool.fee_pips / 1e6


@pytest.mark.parametrize("seed", range(12))
def test_for_any_pool_no_exact_swap_gives_more_than_its_chain_and_hardly_less(seed):
    chance = random.Random(seed)
    for booked in any_book(seed):
        for down in (True, False):
            chain = chain_of(booked.pool, down)
            for _ in range(20):
                amount = int(10 ** chance.uniform(0, 11))
                exact = booked.pool.output_for(down, amount)
                if exact is not None:
                    real = output(chain, kept(booked.pool), float(amount))
                    assert exact <= real * (1 + 1e-12) + 1e-9
                    assert real - exact <= 3 + 1e-6 * real  # a unit or so is rounded away at each of a few steps


def test_totals_along_a_chain_are_those_of_the_ticks():
    pool = ConcentratedPool(500, 10, ONE, 0, 0).mint(-600, 600, 10**20)[0].mint(-60, 60, 10**20)[0]
    chain = chain_of(pool, True)
    width = Fraction(ONE - sqrt_price_at_tick(-60), ONE)
    assert chain.total_out[1] == pytest.approx(float(2 * 10**20 * width), rel=1e-14)
    assert list(chain.liquidity) == [2e20, 1e20, 0.0]
    assert output(chain, kept(pool), 1e30) == chain.total_out[-1]
    assert rate_after(chain, kept(pool), 1e30) == 0.0


def test_a_gap_without_liquidity_is_jumped():
    pool = ConcentratedPool(500, 10, ONE, 0, 0).mint(-600, -300, 10**9)[0]
    chain = chain_of(pool, True)
    assert chain.starts[0] == pytest.approx(sqrt_price_at_tick(-300) / ONE)
    rate, depth = first_rate(pool, True)
    assert rate == pytest.approx(0.9995 * chain.starts[0] ** 2) and depth > 0
    assert first_rate(pool, False) == (0.0, 0.0)
    holed = pool.mint(-60, 60, 10**9)[0]
    assert list(chain_of(holed, True).liquidity) == [1e9, 0.0, 1e9, 0.0]


def test_ticks_that_do_not_add_up_end_the_chain():
    ticks = {-60: Tick(None, 5 * 10**9), 60: Tick(None, -(10**9))}
    broken = ConcentratedPool(500, 10, ONE, 0, 10**9, ticks, ticks_are_inferred=True)
    assert len(chain_of(broken, True).starts) == 2
    endless = ConcentratedPool(500, 10, ONE, 0, 10**9)
    assert chain_of(endless, True).ends[0] == pytest.approx((MIN_SQRT_PRICE_X96 + 1) / ONE)


def test_an_empty_pair_has_no_rate_and_no_chain():
    empty = ConstantProductPool(3000, 0, 10)
    assert first_rate(empty, True) == (0.0, 0.0)
    assert not np.any(chain_of(empty, True).liquidity)


def test_a_price_at_its_end_goes_no_further():
    at_the_end = ConcentratedPool(500, 10, MIN_SQRT_PRICE_X96 + 1, -887272, 10**9)
    assert first_rate(at_the_end, True) == (0.0, 0.0)
    assert first_rate(at_the_end, False)[0] > 0
