"""Pools for the tests: a few with numbers to do in the head, and strategies that draw any pool."""

from __future__ import annotations

from hypothesis import strategies as st

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.protocol_fee import PANCAKESWAP_DENOMINATOR
from domain.amm.ticks import highest_usable_tick, lowest_usable_tick, sqrt_price_at_tick

ONE = 1 << 96  # the price 1
SPACING_OF_FEE = {100: 1, 500: 10, 2500: 50, 3000: 60, 10_000: 200}


def pool_at_one(fee_pips: int = 3000, liquidity: int = 10**18, reach: int = 600) -> ConcentratedPool:
    """A pool at price 1 with one position around it."""
    pool = ConcentratedPool(fee_pips, SPACING_OF_FEE[fee_pips], ONE, 0, 0)
    return pool.mint(-reach, reach, liquidity)[0]


@st.composite
def concentrated_pools(draw: st.DrawFn, most_positions: int = 5) -> ConcentratedPool:
    """Any pool: fee, price, positions near and far, gaps, weights from one unit up, with or without a protocol's part."""
    fee = draw(st.sampled_from(sorted(SPACING_OF_FEE)))
    spacing = SPACING_OF_FEE[fee]
    tick = draw(st.one_of(st.integers(-800, 800), st.integers(-880_000, 880_000)))
    low, high = sqrt_price_at_tick(tick), sqrt_price_at_tick(tick + 1)
    pancake = draw(st.booleans())
    settings = st.sampled_from((0, 3200) if pancake else (0, 4, 10))
    pool = ConcentratedPool(
        fee,
        spacing,
        draw(st.integers(low, high - 1)),
        tick,
        0,
        fee_protocol0=draw(settings),
        fee_protocol1=draw(settings),
        protocol_fee_denominator=PANCAKESWAP_DENOMINATOR if pancake else None,
    )
    for _ in range(draw(st.integers(1, most_positions))):
        pool = pool.mint(*draw(ranges(pool)), draw(st.integers(1, 10**21)))[0]
    return pool


@st.composite
def ranges(draw: st.DrawFn, pool: ConcentratedPool) -> tuple[int, int]:
    """Any two ticks that a position may lie between, mostly near the price."""
    spacing = pool.tick_spacing
    lowest, highest = lowest_usable_tick(spacing), highest_usable_tick(spacing)
    lower = (pool.tick // spacing + draw(st.integers(-300, 300))) * spacing
    lower = min(max(lower, lowest), highest - spacing)
    return lower, min(lower + spacing * draw(st.integers(1, 400)), highest)


amounts = st.one_of(st.integers(1, 1000), st.integers(1, 10**24), st.integers(1, 2**255 - 1))
moderate_amounts = st.one_of(st.integers(1, 1000), st.integers(1, 10**24))


@st.composite
def constant_product_pools(draw: st.DrawFn) -> ConstantProductPool:
    reserves = st.integers(1, 10**30)
    return ConstantProductPool(draw(st.sampled_from((500, 2500, 3000))), draw(reserves), draw(reserves))
