"""One step of a swap at constant liquidity, with the contract's rounding: always in the pool's favour.

Amounts are base units, prices are square roots times 2^96, fees are pips (3000 is 0.30 %).
"""

from __future__ import annotations

FEE_UNIT = 1_000_000
_WORD = 1 << 256


def amount0_between(low_x96: int, high_x96: int, liquidity: int, round_up: bool) -> int:
    """Token0 that `liquidity` holds between two prices, low first."""
    numerator = (liquidity << 96) * (high_x96 - low_x96)
    if round_up:
        ceiled = -(-numerator // high_x96)
        return -(-ceiled // low_x96)
    return numerator // high_x96 // low_x96


def amount1_between(low_x96: int, high_x96: int, liquidity: int, round_up: bool) -> int:
    """Token1 that `liquidity` holds between two prices, low first."""
    product = liquidity * (high_x96 - low_x96)
    return -(-product >> 96) if round_up else product >> 96


def price_after_input(price_x96: int, liquidity: int, amount_in: int, zero_for_one: bool) -> int:
    """Where the price stands after `amount_in` (its fee already taken off) came in; rounded so as not to pass the target."""
    if not zero_for_one:
        return price_x96 + (amount_in << 96) // liquidity
    if amount_in == 0:
        return price_x96
    numerator = liquidity << 96
    product = amount_in * price_x96
    if product < _WORD and numerator + product < _WORD:
        return -(-numerator * price_x96 // (numerator + product))
    # The contract works in 256 bits and rounds differently where the product does not fit.
    return -(-numerator // (numerator // price_x96 + amount_in))


def price_after_output(price_x96: int, liquidity: int, amount_out: int, zero_for_one: bool) -> int:
    """Where the price stands after `amount_out` left; the caller has made sure that the step holds that much."""
    if zero_for_one:
        return price_x96 - -(-(amount_out << 96) // liquidity)
    numerator = liquidity << 96
    return -(-numerator * price_x96 // (numerator - amount_out * price_x96))


def compute_swap_step(
    price_x96: int, target_x96: int, liquidity: int, remaining: int, fee_pips: int, exact_in: bool
) -> tuple[int, int, int, int]:
    """Moves the price towards the target as far as `remaining` allows.

    Returns the price reached, the amount in without its fee, the amount out, and the fee (in the token that came in).
    """
    zero_for_one = price_x96 >= target_x96
    low, high = (target_x96, price_x96) if zero_for_one else (price_x96, target_x96)
    amount_in_of, amount_out_of = (amount0_between, amount1_between) if zero_for_one else (amount1_between, amount0_between)
    amount_in = amount_in_of(low, high, liquidity, True)
    amount_out = amount_out_of(low, high, liquidity, False)
    if exact_in:
        after_fee = remaining * (FEE_UNIT - fee_pips) // FEE_UNIT
        if after_fee >= amount_in:
            return target_x96, amount_in, amount_out, fee_on(amount_in, fee_pips)
        reached = price_after_input(price_x96, liquidity, after_fee, zero_for_one)
    else:
        if remaining >= amount_out:
            return target_x96, amount_in, amount_out, fee_on(amount_in, fee_pips)
        reached = price_after_output(price_x96, liquidity, remaining, zero_for_one)
    low, high = (reached, price_x96) if zero_for_one else (price_x96, reached)
    amount_in = amount_in_of(low, high, liquidity, True)
    if exact_in:
        # What is left after the last step is fee: the trader asked to spend all of it.
        return reached, amount_in, amount_out_of(low, high, liquidity, False), remaining - amount_in
    return reached, amount_in, remaining, fee_on(amount_in, fee_pips)


def fee_on(amount_in: int, fee_pips: int) -> int:
    """The fee on top of an amount that reaches the pool, rounded up."""
    return -(-amount_in * fee_pips // (FEE_UNIT - fee_pips))
