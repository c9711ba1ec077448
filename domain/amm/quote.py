"""A quote: what a pool would take and give, and how it would stand afterwards."""

from __future__ import annotations

from typing import NamedTuple

from domain.problems import BadInput

INT256_MAX = (1 << 255) - 1


class Quote(NamedTuple):
    """The answer of a pool, in base units; `amount_in` includes the fee.

    `partial` means that the asked amount could not be filled: the amounts are those that could.
    The prices, tick and liquidity are None in pools that have none (constant product).
    """

    amount_in: int
    amount_out: int
    sqrt_price_x96_after: int | None
    tick_after: int | None
    liquidity_after: int | None
    partial: bool
    ticks_crossed: int


def checked_amount(amount: int) -> int:
    """The amount, refused unless it is a whole number of base units that an int256 holds."""
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 < amount <= INT256_MAX:
        raise BadInput(
            f"The amount is {amount!r}; give a whole number of base units, at least 1 and below 2^255.", field="amount", value=str(amount)
        )
    return amount
