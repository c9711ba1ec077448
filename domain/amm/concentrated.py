"""A concentrated-liquidity pool (Uniswap V3 and its family) as a value: quote it, swap in it, apply what the chain says.

All of it is whole numbers and the contract's own rounding, proved against the production bytecode (tests/bytecode).
Positions are not kept: liquidity per tick is all that a swap can see.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self

from domain import events
from domain.amm.liquidity import Tick, check_range, position_amounts, tick_after
from domain.amm.prefix_tables import PrefixTable, end_of_prices
from domain.amm.quote import INT256_MAX, Quote, checked_amount
from domain.amm.replay import rederive
from domain.amm.swap_loop import Q128, UINT256_MAX, Start, Walk, walk
from domain.amm.swap_step import FEE_UNIT
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MAX_TICK, MIN_SQRT_PRICE_X96, MIN_TICK, UINT128_MAX, sqrt_price_at_tick
from domain.problems import BadInput, NotEnoughLiquidity


@dataclass(frozen=True, slots=True)
class ConcentratedPool:
    """One state of one pool.

    `fee_protocol0/1` are Uniswap's divisors unless `protocol_fee_denominator` is set; then they are shares of that (PancakeSwap).
    `ticks_are_inferred` says that gross liquidity is unknown, as when ticks were read off events: then a tick whose net is
    burned to zero counts as uninitialised.
    """

    fee_pips: int
    tick_spacing: int
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: Mapping[int, Tick] = field(default_factory=dict)
    fee_growth_global0_x128: int = 0
    fee_growth_global1_x128: int = 0
    fee_protocol0: int = 0
    fee_protocol1: int = 0
    protocol_fees0: int = 0
    protocol_fees1: int = 0
    protocol_fee_denominator: int | None = None
    ticks_are_inferred: bool = False
    _ordered: tuple[int, ...] | None = field(default=None, repr=False, compare=False)
    _down: PrefixTable | None = field(default=None, init=False, repr=False, compare=False)
    _up: PrefixTable | None = field(default=None, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        _refuse("fee_pips", self.fee_pips, 0, FEE_UNIT - 1, "give the fee in hundredths of a basis point (3000 is 0.30 %)")
        _refuse("tick_spacing", self.tick_spacing, 1, 16383, "give the pool's own spacing")
        _refuse("sqrt_price_x96", self.sqrt_price_x96, MIN_SQRT_PRICE_X96, MAX_SQRT_PRICE_X96 - 1, "give the price in Q64.96")
        _refuse("tick", self.tick, MIN_TICK, MAX_TICK - 1, "give the tick of the price")
        _refuse("liquidity", self.liquidity, 0, UINT128_MAX, "give the liquidity that is active at the price")
        # The upper end belongs to it too: a falling price that stopped exactly on a tick has already left that tick.
        if not sqrt_price_at_tick(self.tick) <= self.sqrt_price_x96 <= sqrt_price_at_tick(self.tick + 1):
            raise BadInput(
                f"Tick {self.tick} and square-root price {self.sqrt_price_x96} do not belong together; take both from the same event.",
                field="tick",
                tick=self.tick,
                sqrt_price_x96=str(self.sqrt_price_x96),
            )
        if self._ordered is None:
            object.__setattr__(self, "_ordered", tuple(sorted(self.ticks)))

    # --- asking -----------------------------------------------------------------------------------------------------

    def quote(self, zero_for_one: bool, amount: int, *, exact_out: bool = False, sqrt_price_limit_x96: int | None = None) -> Quote:
        """What the pool would take and give, without changing anything.

        A pool that runs out fills what it can and says `partial`; so does one stopped by the price limit.
        """
        if type(amount) is not int or not 0 < amount <= INT256_MAX:
            checked_amount(amount)
        table = (self._down if zero_for_one else self._up) or self._new_table(zero_for_one)
        if sqrt_price_limit_x96 is not None or table.is_closed:
            limit = end_of_prices(zero_for_one) if sqrt_price_limit_x96 is None else sqrt_price_limit_x96
            return table.limited(amount, exact_out, self._checked_limit(zero_for_one, limit))
        return table.exact_out(amount) if exact_out else table.exact_in(amount)

    def output_for(self, zero_for_one: bool, amount: int) -> int | None:
        """What `amount` buys when the pool can take all of it, else None. For searches that ask very often."""
        return ((self._down if zero_for_one else self._up) or self._new_table(zero_for_one)).output_for(amount)

    def quote_by_steps(self, zero_for_one: bool, amount: int, *, exact_out: bool = False, sqrt_price_limit_x96: int | None = None) -> Quote:
        """The same quote, walked step by step as the contract does it. Slower; the prefix tables are tested against it."""
        return _as_quote(self._walk(zero_for_one, amount, exact_out, sqrt_price_limit_x96))

    def fee_growth_inside(self, tick_lower: int, tick_upper: int) -> tuple[int, int]:
        """Fees earned per unit of liquidity between two initialised ticks, times 2^128, in both tokens (modulo 2^256)."""
        lower, upper = self._initialised(tick_lower), self._initialised(tick_upper)
        inside = []
        for total, below, above in (
            (self.fee_growth_global0_x128, lower.fee_growth_outside0_x128, upper.fee_growth_outside0_x128),
            (self.fee_growth_global1_x128, lower.fee_growth_outside1_x128, upper.fee_growth_outside1_x128),
        ):
            under = below if self.tick >= tick_lower else total - below
            over = above if self.tick < tick_upper else total - above
            inside.append((total - under - over) & UINT256_MAX)
        return inside[0], inside[1]

    # --- changing ---------------------------------------------------------------------------------------------------

    def swap(
        self, zero_for_one: bool, amount: int, *, exact_out: bool = False, sqrt_price_limit_x96: int | None = None
    ) -> tuple[Self, Quote]:
        """The pool after the swap, and what it took and gave."""
        done = self._walk(zero_for_one, amount, exact_out, sqrt_price_limit_x96)
        changes: dict[str, object] = {"sqrt_price_x96": done.sqrt_price_x96, "tick": done.tick, "liquidity": done.liquidity}
        side = 0 if zero_for_one else 1
        changes[f"fee_growth_global{side}_x128"] = done.fee_growth_x128
        if done.protocol_fee:
            owed = self.protocol_fees0 if zero_for_one else self.protocol_fees1
            changes[f"protocol_fees{side}"] = (owed + done.protocol_fee) & UINT128_MAX
        if done.crossings:
            changes["ticks"] = self._ticks_after(done, zero_for_one)
        return self._with(_ordered=self._ordered, **changes), _as_quote(done)

    def mint(self, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[Self, int, int]:
        """The pool with liquidity added between two ticks, and what that costs in token0 and token1."""
        _refuse("liquidity", liquidity, 1, (1 << 127) - 1, "add at least 1")
        return self._change_liquidity(tick_lower, tick_upper, liquidity)

    def burn(self, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[Self, int, int]:
        """The pool with liquidity taken from between two ticks, and what that yields. Zero is allowed: it changes nothing."""
        _refuse("liquidity", liquidity, 0, (1 << 127) - 1, "burn at least 0")
        if liquidity == 0:
            check_range(tick_lower, tick_upper, self.tick_spacing)
            return self, 0, 0
        return self._change_liquidity(tick_lower, tick_upper, -liquidity)

    def apply(self, event: events.ConcentratedEvent) -> Self:
        """The pool after what the chain says happened.

        A swap is re-derived, so that fees and ticks follow; where it cannot be, the event's own price, tick and liquidity hold.
        """
        match event:
            case events.Swap():
                return rederive(self, event).pool_after
            case events.Mint():
                return self.mint(event.tick_lower, event.tick_upper, event.liquidity)[0]
            case events.Burn():
                return self.burn(event.tick_lower, event.tick_upper, event.liquidity)[0]
            case events.Initialize():
                return self._with(_ordered=self._ordered, sqrt_price_x96=event.sqrt_price_x96, tick=event.tick)
            case events.SetFeeProtocol():
                return self._with(_ordered=self._ordered, fee_protocol0=event.fee_protocol0, fee_protocol1=event.fee_protocol1)
            case events.CollectProtocol():
                return self._after_collect_protocol(event)
            case events.Flash():
                return self._after_flash(event)
            case events.Collect() | events.IncreaseObservationCardinality():
                return self
        raise BadInput(f"A concentrated pool cannot apply {type(event).__name__}; send it the events of its own kind.", field="event")

    def standing_at(self, sqrt_price_x96: int, tick: int, liquidity: int) -> Self:
        """The same pool told where it stands: for a state that was read off the chain."""
        return self._with(_ordered=self._ordered, sqrt_price_x96=sqrt_price_x96, tick=tick, liquidity=liquidity)

    def check_ticks(self, whole: bool = True) -> None:
        """Raises BadInput unless the ticks lie on the spacing and, being `whole`, net to zero and add up to the active liquidity."""
        for tick in self.ticks:
            if tick % self.tick_spacing or not MIN_TICK <= tick <= MAX_TICK:
                raise BadInput(
                    f"Tick {tick} is no multiple of the spacing {self.tick_spacing} within the bounds; it is not a tick of this pool.",
                    field="tick",
                    value=tick,
                )
        if not whole:
            return
        total = sum(entry.liquidity_net for entry in self.ticks.values())
        if total:
            raise BadInput(f"The ticks' net liquidity sums to {total}, not 0; ticks are missing, load them all.", field="liquidity_net")
        active = sum(entry.liquidity_net for tick, entry in self.ticks.items() if tick <= self.tick)
        if active != self.liquidity:
            raise BadInput(
                f"The ticks up to {self.tick} add up to a liquidity of {active}, the pool says {self.liquidity};"
                " load ticks and state of the same moment.",
                field="liquidity",
                expected=str(active),
                found=str(self.liquidity),
            )

    # --- inside -----------------------------------------------------------------------------------------------------

    def _new_table(self, zero_for_one: bool) -> PrefixTable:
        """The table of one direction, kept for the next question: the state never changes, so neither does the table's truth."""
        start = Start(self.sqrt_price_x96, self.tick, self.liquidity)
        table = PrefixTable(start, self.ticks, self._ordered or (), self.tick_spacing, self.fee_pips, zero_for_one)
        object.__setattr__(self, "_down" if zero_for_one else "_up", table)
        return table

    def _walk(self, zero_for_one: bool, amount: int, exact_out: bool, limit_x96: int | None) -> Walk:
        return walk(
            Start(self.sqrt_price_x96, self.tick, self.liquidity),
            self.ticks,
            self._ordered or (),
            self.tick_spacing,
            self.fee_pips,
            zero_for_one,
            checked_amount(amount),
            not exact_out,
            self._checked_limit(zero_for_one, end_of_prices(zero_for_one) if limit_x96 is None else limit_x96),
            self.fee_growth_global0_x128 if zero_for_one else self.fee_growth_global1_x128,
            self._protocol_share(self.fee_protocol0 if zero_for_one else self.fee_protocol1),
        )

    def _protocol_share(self, setting: int) -> tuple[int, int]:
        if not setting:
            return 0, 1
        return (1, setting) if self.protocol_fee_denominator is None else (setting, self.protocol_fee_denominator)

    def _checked_limit(self, zero_for_one: bool, limit_x96: int) -> int:
        price = self.sqrt_price_x96
        low, high = (MIN_SQRT_PRICE_X96, price) if zero_for_one else (price, MAX_SQRT_PRICE_X96)
        if not low < limit_x96 < high:
            if limit_x96 == end_of_prices(zero_for_one):
                raise NotEnoughLiquidity(
                    f"The pool's price already stands at its end ({price}); it can only trade in the other direction.",
                    sqrt_price_x96=str(price),
                )
            way = "below" if zero_for_one else "above"
            raise BadInput(
                f"The price limit {limit_x96} must lie {way} the pool's price {price} and inside the contract's bounds.",
                field="sqrt_price_limit_x96",
                value=str(limit_x96),
            )
        return limit_x96

    def _ticks_after(self, done: Walk, zero_for_one: bool) -> dict[int, Tick]:
        ticks = dict(self.ticks)
        for tick, growth in done.crossings:
            entry = ticks[tick]
            growth0 = growth if zero_for_one else self.fee_growth_global0_x128
            growth1 = self.fee_growth_global1_x128 if zero_for_one else growth
            ticks[tick] = Tick(
                entry.liquidity_gross,
                entry.liquidity_net,
                (growth0 - entry.fee_growth_outside0_x128) & UINT256_MAX,
                (growth1 - entry.fee_growth_outside1_x128) & UINT256_MAX,
            )
        return ticks

    def _change_liquidity(self, tick_lower: int, tick_upper: int, delta: int) -> tuple[Self, int, int]:
        check_range(tick_lower, tick_upper, self.tick_spacing)
        ticks, ordered = dict(self.ticks), list(self._ordered or ())
        for tick, net in ((tick_lower, delta), (tick_upper, -delta)):
            after = tick_after(self._entry(tick, delta), tick, self.tick_spacing, delta, net)
            at = bisect_left(ordered, tick)
            if after is None:
                ticks.pop(tick, None)
                ordered[at : at + (tick in self.ticks)] = []
            else:
                ticks[tick] = after
                ordered[at : at + (tick in self.ticks)] = [tick]
        liquidity = self.liquidity + (delta if tick_lower <= self.tick < tick_upper else 0)
        if not 0 <= liquidity <= UINT128_MAX:
            raise NotEnoughLiquidity(
                f"The active liquidity would become {liquidity}; the pool holds {self.liquidity} at its price.", field="liquidity"
            )
        amounts = position_amounts(tick_lower, tick_upper, delta, self.tick, self.sqrt_price_x96)
        return self._with(_ordered=tuple(ordered), ticks=ticks, liquidity=liquidity), *amounts

    def _entry(self, tick: int, delta: int) -> Tick:
        """The tick as it is, or as it would begin. All growth before it began counts as having happened below it."""
        entry = self.ticks.get(tick)
        if entry is not None:
            return entry
        if delta < 0 and not self.ticks_are_inferred:
            raise NotEnoughLiquidity(f"No liquidity touches tick {tick}; there is nothing to burn.", tick=tick)
        seen = (self.fee_growth_global0_x128, self.fee_growth_global1_x128) if tick <= self.tick else (0, 0)
        return Tick(None if self.ticks_are_inferred else 0, 0, *seen)

    def _initialised(self, tick: int) -> Tick:
        if tick not in self.ticks:
            raise BadInput(f"No liquidity touches tick {tick}, so nothing was recorded there; ask at an initialised tick.", field="tick")
        return self.ticks[tick]

    def _after_collect_protocol(self, event: events.CollectProtocol) -> Self:
        left0, left1 = self.protocol_fees0 - event.amount0, self.protocol_fees1 - event.amount1
        if left0 < 0 or left1 < 0:
            raise NotEnoughLiquidity(
                f"The protocol took {event.amount0} and {event.amount1}, but had only {self.protocol_fees0} and {self.protocol_fees1}.",
                field="protocol_fees",
            )
        return self._with(_ordered=self._ordered, protocol_fees0=left0, protocol_fees1=left1)

    def _after_flash(self, event: events.Flash) -> Self:
        if not self.liquidity:
            raise NotEnoughLiquidity("A pool without active liquidity lends nothing; a log is missing before this one.", field="liquidity")
        changes: dict[str, int] = {}
        for side, paid, setting, growth, owed in (
            (0, event.paid0, self.fee_protocol0, self.fee_growth_global0_x128, self.protocol_fees0),
            (1, event.paid1, self.fee_protocol1, self.fee_growth_global1_x128, self.protocol_fees1),
        ):
            share, whole = self._protocol_share(setting)
            cut = paid * share // whole
            changes[f"protocol_fees{side}"] = (owed + cut) & UINT128_MAX
            changes[f"fee_growth_global{side}_x128"] = (growth + (paid - cut) * Q128 // self.liquidity) & UINT256_MAX
        return self._with(_ordered=self._ordered, **changes)

    def _with(self, **changes: object) -> Self:
        values = {one.name: getattr(self, one.name) for one in _STATE}
        return type(self)(**{**values, **changes})  # type: ignore[arg-type]


_STATE = tuple(one for one in fields(ConcentratedPool) if one.init and one.name != "_ordered")


def _as_quote(done: Walk) -> Quote:
    return Quote(done.amount_in, done.amount_out, done.sqrt_price_x96, done.tick, done.liquidity, done.remaining > 0, len(done.crossings))


def _refuse(name: str, value: int, low: int, high: int, fix: str) -> None:
    if not low <= value <= high:
        raise BadInput(f"{name} is {value}, outside {low}..{high}; {fix}.", field=name, value=str(value))
