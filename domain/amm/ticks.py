"""Ticks and prices of the Uniswap V3 family: the price at a tick, the tick at a price, and their ends.

Prices are square roots of token1 per token0, times 2^96. The constants are those of the contract's TickMath.
"""

from __future__ import annotations

import math
from functools import lru_cache

from domain.problems import BadInput

MIN_TICK = -887272
MAX_TICK = 887272
MIN_SQRT_PRICE_X96 = 4295128739
MAX_SQRT_PRICE_X96 = 1461446703485210103287273052203988822378723970342
UINT128_MAX = (1 << 128) - 1
TICKS_PER_WORD = 256  # bits of one word of the contract's bitmap; a swap steps from word to word

# sqrt(1.0001)^-(2^i) as 128-bit fractions.
_FACTORS = (
    0xFFFCB933BD6FAD37AA2D162D1A594001,
    0xFFF97272373D413259A46990580E213A,
    0xFFF2E50F5F656932EF12357CF3C7FDCC,
    0xFFE5CACA7E10E4E61C3624EAA0941CD0,
    0xFFCB9843D60F6159C9DB58835C926644,
    0xFF973B41FA98C081472E6896DFB254C0,
    0xFF2EA16466C96A3843EC78B326B52861,
    0xFE5DEE046A99A2A811C461F1969C3053,
    0xFCBE86C7900A88AEDCFFC83B479AA3A4,
    0xF987A7253AC413176F2B074CF7815E54,
    0xF3392B0822B70005940C7A398E4B70F3,
    0xE7159475A2C29B7443B29C7FA6E889D9,
    0xD097F3BDFD2022B8845AD8F792AA5825,
    0xA9F746462D870FDF8A65DC1F90E061E5,
    0x70D869A156D2A1B890BB3DF62BAF32F7,
    0x31BE135F97D08FD981231505542FCFA6,
    0x9AA508B5B7A84E1C677DE54F3E99BC9,
    0x5D6AF8DEDB81196699C329225EE604,
    0x2216E584F5FA1EA926041BEDFE98,
    0x48A170391F7DC42444E8FA2,
)
_TICKS_PER_LOG = 2 / math.log(1.0001)
_TICKS_OF_Q96 = 96 * math.log(2) * _TICKS_PER_LOG
_NEAR_A_TICK = 1e-4


@lru_cache(maxsize=1 << 17)
def sqrt_price_at_tick(tick: int) -> int:
    """The price at a tick, rounded up as the contract rounds it. Raises BadInput past the ends."""
    distance = abs(tick)
    if distance > MAX_TICK:
        raise BadInput(f"Tick {tick} lies outside {MIN_TICK}..{MAX_TICK}; no pool has a price there.", field="tick", value=tick)
    ratio = 1 << 128
    for bit, factor in enumerate(_FACTORS):
        if distance >> bit & 1:
            ratio = ratio * factor >> 128
    if tick > 0:
        ratio = ((1 << 256) - 1) // ratio
    return (ratio >> 32) + (1 if ratio & 0xFFFFFFFF else 0)


def tick_at_sqrt_price(sqrt_price_x96: int) -> int:
    """The greatest tick whose price is at most this one. Raises BadInput where the contract reverts with R."""
    if not MIN_SQRT_PRICE_X96 <= sqrt_price_x96 < MAX_SQRT_PRICE_X96:
        raise BadInput(
            f"Square-root price {sqrt_price_x96} lies outside {MIN_SQRT_PRICE_X96}..{MAX_SQRT_PRICE_X96 - 1}; give one in Q64.96.",
            field="sqrt_price_x96",
            value=sqrt_price_x96,
        )
    # The logarithm only guesses. Its error and that of the rounded price at a tick (one in 2^32 at worst) stay below 1e-5 ticks;
    # nearer than ten times that to a tick, whole numbers decide, so the answer is always exact.
    guess = math.log(sqrt_price_x96) * _TICKS_PER_LOG - _TICKS_OF_Q96
    tick = math.floor(guess)
    if _NEAR_A_TICK < guess - tick < 1 - _NEAR_A_TICK:
        return tick
    if not MIN_TICK <= tick < MAX_TICK:
        tick = MIN_TICK if tick < MIN_TICK else MAX_TICK - 1
    while sqrt_price_at_tick(tick) > sqrt_price_x96:
        tick -= 1
    while sqrt_price_at_tick(tick + 1) <= sqrt_price_x96:
        tick += 1
    return tick


def lowest_usable_tick(tick_spacing: int) -> int:
    """The lowest tick a position may start at."""
    return -(MAX_TICK // tick_spacing) * tick_spacing


def highest_usable_tick(tick_spacing: int) -> int:
    """The highest tick a position may end at."""
    return MAX_TICK // tick_spacing * tick_spacing


@lru_cache(maxsize=256)
def max_liquidity_per_tick(tick_spacing: int) -> int:
    """How much liquidity may reference one tick, so that the whole pool's never passes 128 bits."""
    return UINT128_MAX // (2 * (MAX_TICK // tick_spacing) + 1)
