"""A swap as the contract walks it: from tick to tick, stopping at every word boundary of the tick bitmap.

This is the full account, with fee growth and the protocol's part; a quote alone is quicker from prefix tables.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from domain.amm.swap_step import compute_swap_step
from domain.amm.ticks import MAX_TICK, MIN_TICK, TICKS_PER_WORD, UINT128_MAX, sqrt_price_at_tick, tick_at_sqrt_price
from domain.problems import BadInput

if TYPE_CHECKING:
    from domain.amm.concentrated import Tick

Q128 = 1 << 128
UINT256_MAX = (1 << 256) - 1


class Start(NamedTuple):
    """Where a walk begins."""

    sqrt_price_x96: int
    tick: int
    liquidity: int


class Crossing(NamedTuple):
    """An initialised tick that was crossed, and the fee growth of the token that came in at that moment."""

    tick: int
    fee_growth_x128: int


class Walk(NamedTuple):
    """Where a walk ended and what it moved; `remaining` is the part of the asked amount that could not be filled."""

    remaining: int
    amount_in: int
    amount_out: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    crossings: list[Crossing]
    fee_growth_x128: int
    protocol_fee: int


def next_stop(ordered: Sequence[int], tick: int, spacing: int, zero_for_one: bool) -> tuple[int, bool]:
    """The next tick a swap stops at, and whether it is initialised: a tick with liquidity or the end of the bitmap's word."""
    compressed = tick // spacing
    if zero_for_one:
        end = (compressed & -TICKS_PER_WORD) * spacing
        at = bisect_right(ordered, tick) - 1
        found = at >= 0 and ordered[at] >= end
    else:
        end = ((compressed + 1) | (TICKS_PER_WORD - 1)) * spacing
        at = bisect_right(ordered, tick)
        found = at < len(ordered) and ordered[at] <= end
    if found:
        return ordered[at], True
    return max(end, MIN_TICK) if zero_for_one else min(end, MAX_TICK), False


def nothing_ahead(ordered: Sequence[int], tick: int, zero_for_one: bool) -> bool:
    """Whether no initialised tick is left in the direction of the swap."""
    return (bisect_right(ordered, tick) == 0) if zero_for_one else (bisect_right(ordered, tick) == len(ordered))


def tick_when_stopped_at(limit_x96: int, spacing: int, zero_for_one: bool) -> int:
    """The tick after a walk through empty space up to a price limit.

    A limit that is exactly the price of a word boundary counts as crossed when the price falls.
    """
    tick = tick_at_sqrt_price(limit_x96)
    on_boundary = tick % (TICKS_PER_WORD * spacing) == 0 and sqrt_price_at_tick(tick) == limit_x96
    return tick - 1 if zero_for_one and on_boundary else tick


def liquidity_across(liquidity: int, net: int, tick: int, zero_for_one: bool) -> int:
    """Active liquidity on the other side of a tick. Raises BadInput when it leaves 128 bits: then the ticks are not the pool's."""
    after = liquidity - net if zero_for_one else liquidity + net
    if not 0 <= after <= UINT128_MAX:
        raise BadInput(
            f"Crossing tick {tick} would leave the pool with a liquidity of {after}; its ticks are incomplete or from another moment,"
            " load them together with the state.",
            field="liquidity_net",
            tick=tick,
            liquidity=liquidity,
            liquidity_net=net,
        )
    return after


def walk(
    start: Start,
    ticks: Mapping[int, Tick],
    ordered: Sequence[int],
    spacing: int,
    fee_pips: int,
    zero_for_one: bool,
    amount: int,
    exact_in: bool,
    limit_x96: int,
    fee_growth_x128: int = 0,
    protocol_share: tuple[int, int] = (0, 1),
) -> Walk:
    """Walks until the amount is filled or the price limit is reached.

    `protocol_share` is the part of the fee that the protocol takes, as numerator and denominator.
    """
    price, tick, liquidity = start
    share, whole = protocol_share
    remaining, amount_in, amount_out, protocol_fee = amount, 0, 0, 0
    crossings: list[Crossing] = []
    while remaining and price != limit_x96:
        if liquidity == 0 and nothing_ahead(ordered, tick, zero_for_one):
            price, tick = limit_x96, tick_when_stopped_at(limit_x96, spacing, zero_for_one)
            break
        stop, initialised = next_stop(ordered, tick, spacing, zero_for_one)
        stop_x96 = sqrt_price_at_tick(stop)
        target = max(stop_x96, limit_x96) if zero_for_one else min(stop_x96, limit_x96)
        before = price
        price, taken, given, fee = compute_swap_step(price, target, liquidity, remaining, fee_pips, exact_in)
        remaining -= taken + fee if exact_in else given
        amount_in += taken + fee
        amount_out += given
        if share:
            cut = fee * share // whole
            fee -= cut
            protocol_fee = (protocol_fee + cut) & UINT128_MAX
        if liquidity:
            fee_growth_x128 = (fee_growth_x128 + fee * Q128 // liquidity) & UINT256_MAX
        if price == stop_x96:
            if initialised:
                crossings.append(Crossing(stop, fee_growth_x128))
                liquidity = liquidity_across(liquidity, ticks[stop].liquidity_net, stop, zero_for_one)
            tick = stop - 1 if zero_for_one else stop
        elif price != before:
            tick = tick_at_sqrt_price(price)
    return Walk(remaining, amount_in, amount_out, price, tick, liquidity, crossings, fee_growth_x128, protocol_fee)
