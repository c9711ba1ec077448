"""Quotes from running totals: every finished step of a swap costs a fixed amount, so one bisect finds the only unfinished one.

This is exact, not an approximation: the contract's question "can this step be finished?" is the same as "is what remains at
least the step's input and fee?". The steps are the contract's own, bitmap word boundaries included. A table grows only as
far as the amounts asked of it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from operator import neg
from typing import TYPE_CHECKING

from domain.amm.quote import Quote
from domain.amm.swap_loop import Start, liquidity_across, next_stop, nothing_ahead, tick_when_stopped_at, walk
from domain.amm.swap_step import (
    FEE_UNIT,
    amount0_between,
    amount1_between,
    fee_on,
    price_after_input,
    price_after_output,
)
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96, sqrt_price_at_tick, tick_at_sqrt_price

if TYPE_CHECKING:
    from domain.amm.concentrated import Tick

_quote = tuple.__new__  # a Quote without the detour over its keyword arguments: this is asked very often


def end_of_prices(zero_for_one: bool) -> int:
    """The furthest price a swap may ask for."""
    return MIN_SQRT_PRICE_X96 + 1 if zero_for_one else MAX_SQRT_PRICE_X96 - 1


class PrefixTable:
    """Running totals of one direction of one pool state.

    Position i of each list is the state after i finished steps; `targets[i]` is where step i leads. `is_closed` says that the
    price already stands at its end, so that no swap can go this way.
    """

    __slots__ = (
        "_crossed", "_cum_in", "_cum_out", "_end", "_fee_left", "_fee_pips", "_finished", "_liquidity", "_ordered", "_prices",
        "_spacing", "_targets", "_tick_values", "_ticks", "_zero_for_one", "is_closed",
    )  # fmt: skip

    def __init__(
        self, start: Start, ticks: Mapping[int, Tick], ordered: Sequence[int], spacing: int, fee_pips: int, zero_for_one: bool
    ) -> None:
        self._ticks, self._ordered, self._spacing = ticks, ordered, spacing
        self._fee_pips, self._fee_left, self._zero_for_one = fee_pips, FEE_UNIT - fee_pips, zero_for_one
        self._prices, self._tick_values, self._liquidity = [start.sqrt_price_x96], [start.tick], [start.liquidity]
        self._cum_in, self._cum_out, self._crossed = [0], [0], [0]
        self._targets: list[int] = []
        self._end = end_of_prices(zero_for_one)
        self.is_closed = start.sqrt_price_x96 <= self._end if zero_for_one else start.sqrt_price_x96 >= self._end
        self._finished = self.is_closed

    def exact_in(self, amount: int) -> Quote:
        """What `amount` buys, without a price limit."""
        totals = self._cum_in
        while totals[-1] <= amount and not self._finished:
            self._grow()
        at = bisect_right(totals, amount) - 1
        if totals[at] == amount:
            return self._after(bisect_left(totals, amount), amount, self._cum_out, exact_out=False)
        if at == len(self._targets):
            return self._exhausted()
        price, liquidity = self._prices[at], self._liquidity[at]
        after_fee = (amount - totals[at]) * self._fee_left // FEE_UNIT
        reached = price_after_input(price, liquidity, after_fee, self._zero_for_one)
        # amount1_between and amount0_between, written out: this is asked very often.
        given = liquidity * (price - reached) >> 96 if self._zero_for_one else (liquidity << 96) * (reached - price) // reached // price
        tick = self._tick_values[at] if reached == price else tick_at_sqrt_price(reached)
        return _quote(Quote, (amount, self._cum_out[at] + given, reached, tick, liquidity, False, self._crossed[at]))

    def exact_out(self, amount: int) -> Quote:
        """What `amount` of the other token costs, without a price limit."""
        totals = self._cum_out
        while totals[-1] <= amount and not self._finished:
            self._grow()
        at = bisect_right(totals, amount) - 1
        if totals[at] == amount:
            return self._after(bisect_left(totals, amount), amount, self._cum_in, exact_out=True)
        if at == len(self._targets):
            return self._exhausted()
        price, liquidity = self._prices[at], self._liquidity[at]
        reached = price_after_output(price, liquidity, amount - totals[at], self._zero_for_one)
        if reached == self._targets[at]:
            # Rounding in the pool's favour carried the price to the end of the step: the tick there counts as crossed.
            return self._after(at + 1, amount, self._cum_in, exact_out=True)
        taken = amount0_between(reached, price, liquidity, True) if self._zero_for_one else amount1_between(price, reached, liquidity, True)
        spent = self._cum_in[at] + taken + fee_on(taken, self._fee_pips)
        return _quote(Quote, (spent, amount, reached, tick_at_sqrt_price(reached), liquidity, False, self._crossed[at]))

    def limited(self, amount: int, exact_out: bool, limit_x96: int) -> Quote:
        """The quote when the price may not pass `limit_x96`: finished steps from the table, the rest walked."""
        totals = self._cum_out if exact_out else self._cum_in
        while totals[-1] < amount and self._is_before(self._prices[-1], limit_x96) and not self._finished:
            self._grow()
        sign = neg if self._zero_for_one else int
        before_limit = bisect_left(self._prices, sign(limit_x96), key=sign) - 1
        at = min(bisect_left(totals, amount) - 1, before_limit)
        rest = walk(
            Start(self._prices[at], self._tick_values[at], self._liquidity[at]),
            self._ticks,
            self._ordered,
            self._spacing,
            self._fee_pips,
            self._zero_for_one,
            amount - totals[at],
            not exact_out,
            limit_x96,
        )
        return Quote(
            self._cum_in[at] + rest.amount_in,
            self._cum_out[at] + rest.amount_out,
            rest.sqrt_price_x96,
            rest.tick,
            rest.liquidity,
            rest.remaining > 0,
            self._crossed[at] + len(rest.crossings),
        )

    def output_for(self, amount: int) -> int | None:
        """What `amount` buys, or None when the pool cannot take it all: the quote a route search asks for."""
        totals = self._cum_in
        while totals[-1] <= amount and not self._finished:
            self._grow()
        at = bisect_right(totals, amount) - 1
        if totals[at] == amount:
            return self._cum_out[bisect_left(totals, amount)]
        if at == len(self._targets):
            return None
        price, liquidity = self._prices[at], self._liquidity[at]
        after_fee = (amount - totals[at]) * self._fee_left // FEE_UNIT
        reached = price_after_input(price, liquidity, after_fee, self._zero_for_one)
        if self._zero_for_one:
            return self._cum_out[at] + (liquidity * (price - reached) >> 96)
        return self._cum_out[at] + (liquidity << 96) * (reached - price) // reached // price

    def _is_before(self, price: int, limit_x96: int) -> bool:
        return price > limit_x96 if self._zero_for_one else price < limit_x96

    def _after(self, steps: int, amount: int, other: list[int], exact_out: bool) -> Quote:
        """The state after whole steps, when the asked amount ends there."""
        spent, given = (other[steps], amount) if exact_out else (amount, other[steps])
        return Quote(spent, given, self._prices[steps], self._tick_values[steps], self._liquidity[steps], False, self._crossed[steps])

    def _exhausted(self) -> Quote:
        """All the pool holds in this direction; the contract then walks the price to its end."""
        return Quote(
            self._cum_in[-1], self._cum_out[-1], self._prices[-1], self._tick_values[-1], self._liquidity[-1], True, self._crossed[-1]
        )

    def _grow(self) -> None:
        """Adds the next step. Raises BadInput when the ticks do not add up; the table then stays as it was."""
        price, tick, liquidity = self._prices[-1], self._tick_values[-1], self._liquidity[-1]
        down, crossed = self._zero_for_one, self._crossed[-1]
        taken = given = 0
        if liquidity == 0 and nothing_ahead(self._ordered, tick, down):
            target, tick = self._end, tick_when_stopped_at(self._end, self._spacing, down)
        else:
            stop, initialised = next_stop(self._ordered, tick, self._spacing, down)
            stop_x96 = sqrt_price_at_tick(stop)
            target = max(stop_x96, self._end) if down else min(stop_x96, self._end)
            if down:
                taken, given = amount0_between(target, price, liquidity, True), amount1_between(target, price, liquidity, False)
            else:
                taken, given = amount1_between(price, target, liquidity, True), amount0_between(price, target, liquidity, False)
            if target == stop_x96:
                if initialised:
                    liquidity = liquidity_across(liquidity, self._ticks[stop].liquidity_net, stop, down)
                    crossed += 1
                tick = stop - 1 if down else stop
            else:
                tick = tick_at_sqrt_price(target)
        self._cum_in.append(self._cum_in[-1] + taken + fee_on(taken, self._fee_pips))
        self._cum_out.append(self._cum_out[-1] + given)
        self._targets.append(target)
        self._prices.append(target)
        self._tick_values.append(tick)
        self._liquidity.append(liquidity)
        self._crossed.append(crossed)
        self._finished = target == self._end
