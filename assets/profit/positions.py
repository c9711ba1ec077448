"""Liquidity positions as holdings: what a unit of one is called, how many an event made, and what they are worth.

In a concentrated pool a unit is a unit of liquidity between two ticks. In a constant-product pool it is a unit of the square root of
the two amounts' product: that grows with fees only, so a share that is taken out whole always covers the units it was put in for.
Fees that were not collected yet are in nobody's value: they become income the moment they are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isqrt
from typing import Any

from domain.amm.liquidity import position_amounts

MICRO = 1_000_000


def position_name(pool: str, tick_lower: int | None, tick_upper: int | None) -> str:
    """How a position is called where tokens are listed."""
    return f"position:{pool}" if tick_lower is None else f"position:{pool}:{tick_lower}:{tick_upper}"


def owed_name(pool: str, tick_lower: int, tick_upper: int, token: str) -> str:
    """What was withdrawn from a position but not collected; its value is already counted with the token."""
    return f"owed:{pool}:{tick_lower}:{tick_upper}:{token}"


def is_position(token: str) -> bool:
    return token.startswith("position:")


def is_owed(token: str) -> bool:
    return token.startswith("owed:")


def units_of_pair(amount0: int, amount1: int) -> int:
    """Units of a constant-product pool that the two amounts make up."""
    return isqrt(amount0 * amount1)


def amounts_of(position: str, units: int, state: Mapping[str, Any]) -> tuple[int, int]:
    """The tokens that so many units would give back on a state of their pool (a row of pool_states)."""
    _, _, *ticks = position.split(":")
    sign, size = (-1, -units) if units < 0 else (1, units)
    if ticks:
        price = int.from_bytes(state["sqrt_price_x96"], "big")
        amount0, amount1 = position_amounts(int(ticks[0]), int(ticks[1]), -size, state["tick"], price)
    else:
        reserve0, reserve1 = int(state["reserve0"]), int(state["reserve1"])
        whole = units_of_pair(reserve0, reserve1)
        amount0, amount1 = (size * reserve0 // whole, size * reserve1 // whole) if whole else (0, 0)
    return sign * amount0, sign * amount1


def pool_of(position: str) -> str:
    """The pool a position lies in."""
    return position.split(":")[1]


def micro_usd_of(amount: int, decimals: int, price_usd: float) -> int:
    """An amount of base units at a price, in millionths of a dollar: exact until the one rounding at the end."""
    return round(Fraction(price_usd) * amount * MICRO / 10**decimals)
