"""Liquidity between two ticks: what a position costs or yields, and what it leaves at its ticks."""

from __future__ import annotations

from dataclasses import dataclass

from domain.amm.swap_step import amount0_between, amount1_between
from domain.amm.ticks import MAX_TICK, MIN_TICK, max_liquidity_per_tick, sqrt_price_at_tick
from domain.problems import BadInput, NotEnoughLiquidity


@dataclass(frozen=True, slots=True)
class Tick:
    """Liquidity that begins or ends at a tick: `liquidity_net` is added when the price rises past it.

    `liquidity_gross` is the sum over all positions that touch the tick, or None where only the net could be inferred.
    """

    liquidity_gross: int | None
    liquidity_net: int
    fee_growth_outside0_x128: int = 0
    fee_growth_outside1_x128: int = 0


def check_range(tick_lower: int, tick_upper: int, tick_spacing: int) -> None:
    """Raises BadInput unless a position may lie between these ticks."""
    if not MIN_TICK <= tick_lower < tick_upper <= MAX_TICK:
        raise BadInput(
            f"A position needs {MIN_TICK} <= tick_lower < tick_upper <= {MAX_TICK}, not {tick_lower} and {tick_upper}.",
            field="tick_lower",
            tick_lower=tick_lower,
            tick_upper=tick_upper,
        )
    for name, tick in (("tick_lower", tick_lower), ("tick_upper", tick_upper)):
        if tick % tick_spacing:
            raise BadInput(f"{name} {tick} is no multiple of the pool's spacing {tick_spacing}.", field=name, value=tick)


def position_amounts(tick_lower: int, tick_upper: int, delta: int, tick: int, sqrt_price_x96: int) -> tuple[int, int]:
    """Token0 and token1 of `delta` liquidity between two ticks: rounded up when it is added, down when it is taken."""
    low, high, size, up = sqrt_price_at_tick(tick_lower), sqrt_price_at_tick(tick_upper), abs(delta), delta > 0
    if tick < tick_lower:
        return amount0_between(low, high, size, up), 0
    if tick >= tick_upper:
        return 0, amount1_between(low, high, size, up)
    return amount0_between(sqrt_price_x96, high, size, up), amount1_between(low, sqrt_price_x96, size, up)


def tick_after(entry: Tick, tick: int, tick_spacing: int, delta: int, net: int) -> Tick | None:
    """The tick once its positions hold `delta` more liquidity; None when none is left.

    Where the gross liquidity is unknown, a tick counts as uninitialised when a burn brings its net to zero: that is all the
    events can tell.
    """
    net_after = entry.liquidity_net + net
    if entry.liquidity_gross is None:
        return None if delta < 0 and net_after == 0 else _moved(entry, None, net_after)
    gross = entry.liquidity_gross + delta
    if gross < 0:
        raise NotEnoughLiquidity(
            f"Only {entry.liquidity_gross} of liquidity touches tick {tick}; burn no more than that.", tick=tick, asked=str(-delta)
        )
    most = max_liquidity_per_tick(tick_spacing)
    if gross > most:
        raise BadInput(f"Tick {tick} would carry {gross} of liquidity; at most {most} may.", field="liquidity", tick=tick)
    return _moved(entry, gross, net_after) if gross else None


def _moved(entry: Tick, gross: int | None, net: int) -> Tick:
    return Tick(gross, net, entry.fee_growth_outside0_x128, entry.fee_growth_outside1_x128)
