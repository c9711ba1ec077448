"""One direction of a pool as a chain of curves: each tick segment is a bounded constant product, a pair is one without end.

With `z`, the square root of "units out per unit in before the fee", a segment of liquidity L gives L·(z_start − z_end) and takes
L·(1/z_end − 1/z_start) / (1 − fee). This is the real-valued curve under the contract's integers: the contract rounds what it
takes up and what it gives down, step by step, so no exact swap ever gives more than the chain does.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.prefix_tables import end_of_prices
from domain.amm.swap_step import FEE_UNIT
from domain.amm.ticks import sqrt_price_at_tick

Q96 = 1 << 96
Floats = NDArray[np.float64]
AnyPool = ConcentratedPool | ConstantProductPool


class Chain(NamedTuple):
    """Segments in the order a growing swap meets them; the last one is a stop without liquidity where the pool ends.

    `total_in` (fee included) and `total_out` are what the segments before it take and give, in base units.
    """

    starts: Floats
    ends: Floats
    liquidity: Floats
    total_in: Floats
    total_out: Floats


def first_rate(pool: AnyPool, zero_for_one: bool) -> tuple[float, float]:
    """Units out per unit in of an endlessly small swap, fee taken off, and the reserve of what is given that it seems to meet.

    Both are 0 where nothing can be traded at all.
    """
    kept = (FEE_UNIT - pool.fee_pips) / FEE_UNIT
    if isinstance(pool, ConstantProductPool):
        held_in, held_out = (pool.reserve0, pool.reserve1) if zero_for_one else (pool.reserve1, pool.reserve0)
        return (kept * held_out / held_in, float(held_out)) if held_in and held_out else (0.0, 0.0)
    if pool.liquidity and _has_room(pool, zero_for_one):
        price = pool.sqrt_price_x96 / Q96
        z = price if zero_for_one else 1 / price
        return kept * z * z, pool.liquidity * z
    chain = chain_of(pool, zero_for_one)
    z = float(chain.starts[0])
    return (kept * z * z, float(chain.liquidity[0]) * z) if len(chain.starts) > 1 else (0.0, 0.0)


def chain_of(pool: AnyPool, zero_for_one: bool) -> Chain:
    """The whole chain of one direction."""
    if isinstance(pool, ConstantProductPool):
        held_in, held_out = (pool.reserve0, pool.reserve1) if zero_for_one else (pool.reserve1, pool.reserve0)
        if not held_in or not held_out:
            return _chain([], [], [], 1.0)
        return Chain(
            np.array([math.sqrt(held_out / held_in)]),
            np.zeros(1),
            np.array([math.sqrt(float(held_in) * float(held_out))]),
            np.zeros(1),
            np.zeros(1),
        )
    stops, liquidity = _stops(pool, zero_for_one)
    widths, prices, active = [], [pool.sqrt_price_x96], []
    for stop, size in zip(stops, liquidity, strict=True):
        if size and stop != prices[-1]:
            widths.append(abs(stop - prices[-1]))
            active.append(size)
            prices.append(stop)
        elif stop != prices[-1] and not active:
            prices = [stop]  # nothing to trade before the first liquidity: the chain begins there
        elif stop != prices[-1]:
            widths.append(abs(stop - prices[-1]))
            active.append(0)
            prices.append(stop)
    while active and not active[-1]:
        del active[-1], widths[-1], prices[-1]
    kept = (FEE_UNIT - pool.fee_pips) / FEE_UNIT
    return _chain(prices, widths, active, kept, zero_for_one)


def _has_room(pool: ConcentratedPool, zero_for_one: bool) -> bool:
    """Whether the price can move at all before it meets a tick or the end of prices."""
    ordered = pool._ordered or ()
    at = bisect_right(ordered, pool.tick)
    end = end_of_prices(zero_for_one)
    if zero_for_one:
        return pool.sqrt_price_x96 > max(end, sqrt_price_at_tick(ordered[at - 1]) if at else end)
    return pool.sqrt_price_x96 < min(end, sqrt_price_at_tick(ordered[at]) if at < len(ordered) else end)


def _stops(pool: ConcentratedPool, zero_for_one: bool) -> tuple[list[int], list[int]]:
    """The prices at which liquidity changes, and the liquidity on the way to each."""
    ordered = pool._ordered or ()
    at = bisect_right(ordered, pool.tick)
    ahead: Iterable[int] = reversed(ordered[:at]) if zero_for_one else ordered[at:]
    sign = -1 if zero_for_one else 1
    end = end_of_prices(zero_for_one)
    stops: list[int] = []
    sizes: list[int] = []
    active = pool.liquidity
    for tick in ahead:
        price = sqrt_price_at_tick(tick)
        if (price <= end) if zero_for_one else (price >= end):
            break
        stops.append(price)
        sizes.append(active)
        active += sign * pool.ticks[tick].liquidity_net
        if active < 0:  # ticks are missing: the contract's state cannot be this one, nothing is traded past here
            return stops, sizes
    if active and (pool.sqrt_price_x96 > end if zero_for_one else pool.sqrt_price_x96 < end):
        stops.append(end)
        sizes.append(active)
    return stops, sizes


def _chain(prices: list[int], widths: list[int], active: list[int], kept: float, zero_for_one: bool = True) -> Chain:
    if not active:
        return Chain(np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1), np.zeros(1))
    at = np.array(prices, dtype=np.float64) / Q96
    # Differences are taken between whole numbers, so that narrow segments lose no digits.
    width = np.array(widths, dtype=np.float64) / Q96
    size = np.array(active, dtype=np.float64)
    of_token1 = size * width
    of_token0 = of_token1 / at[:-1] / at[1:]
    given, taken = (of_token1, of_token0) if zero_for_one else (of_token0, of_token1)
    z = at if zero_for_one else 1 / at
    return Chain(
        z,
        np.append(z[1:], 0.0),
        np.append(size, 0.0),
        np.concatenate(([0.0], np.cumsum(taken / kept))),
        np.concatenate(([0.0], np.cumsum(given))),
    )
