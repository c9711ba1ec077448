"""Depth: how much a pool trades before its price has moved so far, exactly, from its own ticks or reserves.

Amounts are of the pool's first token, in base units. Buying takes them out of the pool; selling puts them in, fee included.
"""

from __future__ import annotations

from decimal import Decimal
from math import isqrt

import polars as pl

from assets.chain.market_replay import pools_at
from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.swap_step import FEE_UNIT
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96
from domain.problems import NotEnoughLiquidity
from domain.schemas import AMOUNT, TEXT, TIME

BPS = 10_000
STEPS_BPS = (10, 50, 100)
DEPTHS = pl.Schema(
    {"pool": TEXT, "state_hour": TIME, **{f"depth_{side}_{bps}bps": AMOUNT for bps in STEPS_BPS for side in ("buy", "sell")}}
)
EVERYTHING = 1 << 200  # more than any pool takes: the price limit decides


def depths_of(states: pl.DataFrame) -> pl.DataFrame:
    """The depths of each row of pool_states at 10, 50 and 100 bps, base units (DEPTHS)."""
    rows = []
    for (hour,), at_that_hour in states.sort("hour", "pool").group_by("hour", maintain_order=True):
        for address, pool in pools_at(at_that_hour).items():
            amounts = [Decimal(amount) for bps in STEPS_BPS for amount in depth(pool, bps)]
            rows.append((address, hour, *amounts))
    return pl.DataFrame(rows, schema=DEPTHS, orient="row")


def depth(pool: ConcentratedPool | ConstantProductPool, bps: int) -> tuple[int, int]:
    """Amounts of the first token that can be bought, and sold, before the price has risen, or fallen, by `bps`."""
    if isinstance(pool, ConcentratedPool):
        return _concentrated(pool, bps, buying=True), _concentrated(pool, bps, buying=False)
    return _pair(pool, bps, buying=True), _pair(pool, bps, buying=False)


def _concentrated(pool: ConcentratedPool, bps: int, *, buying: bool) -> int:
    squared = pool.sqrt_price_x96**2
    limit = isqrt(squared * (BPS + bps) // BPS) if buying else isqrt(squared * (BPS - bps) // BPS)
    limit = min(max(limit, MIN_SQRT_PRICE_X96 + 1), MAX_SQRT_PRICE_X96 - 1)
    try:
        quote = pool.quote(not buying, EVERYTHING, sqrt_price_limit_x96=limit)
    except NotEnoughLiquidity:
        return 0
    return quote.amount_out if buying else quote.amount_in


def _pair(pool: ConstantProductPool, bps: int, *, buying: bool) -> int:
    held = pool.reserve1 if buying else pool.reserve0
    # Buying multiplies the price of the first token by 1 + move, selling divides that of the second by 1 - move.
    most = _input_that_moves(held, pool.fee_pips, bps, BPS if buying else BPS - bps)
    if not most:
        return 0
    return pool.quote(False, most).amount_out if buying else most


def _input_that_moves(held: int, fee_pips: int, numerator: int, denominator: int) -> int:
    """The most that can be put in before (held + input)(held + input after fee) exceeds held^2 (1 + numerator / denominator)."""
    kept = FEE_UNIT - fee_pips
    linear = FEE_UNIT + kept
    inside = held**2 * (linear**2 * denominator + 4 * kept * FEE_UNIT * numerator)
    return max(isqrt(inside // denominator) - held * linear, 0) // (2 * kept)
