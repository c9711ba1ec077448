"""Proof of a log: what it reports is derived again from the state before it, to the last base unit.

A log does not say what the trader asked for, so a swap is tried as an exact input, as an exact output and as a swap stopped
by a price limit. When none fits, a log is missing, the block was reorganised, or the pool has a rule we do not know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from domain.amm.quote import INT256_MAX, Quote
from domain.events import Burn, Mint, PairSwap, Swap, Sync
from domain.problems import Refused

if TYPE_CHECKING:
    from domain.amm.concentrated import ConcentratedPool
    from domain.amm.constant_product import ConstantProductPool

How = Literal["exact_in", "exact_out", "price_limit", "within_invariant"]


@dataclass(frozen=True, slots=True)
class Rederivation:
    """Whether a swap follows from the state before it, and how; on a mismatch, what was reported and what came nearest.

    `pool_after` stands where the event says; only after an exact derivation are its fees right too.
    """

    exact: bool
    how: How | None
    ticks_crossed: int
    pool_after: Any
    expected: tuple[int | None, ...] = ()
    actual: tuple[int | None, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LiquidityRederivation:
    """Whether a mint's or burn's amounts follow from the state before it."""

    exact: bool
    pool_after: Any
    amount0: int
    amount1: int
    reason: str | None = None


def rederive(pool: ConcentratedPool, swap: Swap) -> Rederivation:
    """Derives a swap from the pool before it; amounts are as the event reports them, positive when the pool received."""
    reported = (swap.amount0, swap.amount1, swap.sqrt_price_x96, swap.liquidity, swap.tick)
    zero_for_one = _direction(pool, swap)
    received, given = (swap.amount0, -swap.amount1) if zero_for_one else (swap.amount1, -swap.amount0)
    nearest: tuple[int | None, ...] = ()
    refusal: Refused | None = None
    attempts: list[tuple[How, int, bool, int | None]] = []
    if received > 0:
        attempts.append(("exact_in", received, False, None))
    if given > 0:
        attempts.append(("exact_out", given, True, None))
    if swap.sqrt_price_x96 is not None:
        attempts.append(("price_limit", INT256_MAX, False, swap.sqrt_price_x96))
    for how, amount, exact_out, limit in attempts if received >= 0 and given >= 0 else []:
        try:
            after, quote = pool.swap(zero_for_one, amount, exact_out=exact_out, sqrt_price_limit_x96=limit)
        except Refused as problem:
            refusal = problem
            continue
        derived = _as_reported(quote, zero_for_one)
        if all(told is None or told == ours for told, ours in zip(reported, derived, strict=True)):
            return Rederivation(True, how, quote.ticks_crossed, after)
        nearest = nearest or derived
    return Rederivation(False, None, 0, _placed(pool, swap), reported, nearest, _why_not(nearest, refusal))


def rederive_liquidity(pool: ConcentratedPool, event: Mint | Burn) -> LiquidityRederivation:
    """Derives a mint's or burn's amounts from the pool before it.

    Raises a Refused error when the pool cannot take the change at all.
    """
    change = pool.mint if isinstance(event, Mint) else pool.burn
    after, amount0, amount1 = change(event.tick_lower, event.tick_upper, event.liquidity)
    exact = (amount0, amount1) == (event.amount0, event.amount1)
    told = f"the log says {event.amount0} and {event.amount1}, the state before it gives {amount0} and {amount1}"
    return LiquidityRederivation(exact, after, amount0, amount1, None if exact else told)


def rederive_pair(pool: ConstantProductPool, swap: PairSwap, sync: Sync) -> Rederivation:
    """Derives a constant-product swap from the reserves before it and the Sync that came with it.

    The trader may take less than the pool would give; `within_invariant` says that the product, fee counted, did not fall.
    """
    after = (pool.reserve0 + swap.amount0_in - swap.amount0_out, pool.reserve1 + swap.amount1_in - swap.amount1_out)
    told = (sync.reserve0, sync.reserve1)
    pool_after = pool.apply(sync)
    if after != told:
        return Rederivation(False, None, 0, pool_after, told, after, "the reserves after it are not those before it plus the amounts")
    if not pool.keeps_invariant(swap):
        return Rederivation(False, None, 0, pool_after, told, after, "the product of the reserves fell, fee counted")
    return Rederivation(True, _how_in_pair(pool, swap), 0, pool_after)


def _how_in_pair(pool: ConstantProductPool, swap: PairSwap) -> How:
    one_way = not (swap.amount1_in or swap.amount0_out) or not (swap.amount0_in or swap.amount1_out)
    if one_way:
        zero_for_one = swap.amount0_in > 0
        spent, given = (swap.amount0_in, swap.amount1_out) if zero_for_one else (swap.amount1_in, swap.amount0_out)
        if pool.quote(zero_for_one, spent).amount_out == given:
            return "exact_in"
        if pool.quote(zero_for_one, given, exact_out=True).amount_in == spent:
            return "exact_out"
    return "within_invariant"


def _direction(pool: ConcentratedPool, swap: Swap) -> bool:
    if swap.amount0 > 0 or swap.amount1 < 0:
        return True
    if swap.amount1 > 0 or swap.amount0 < 0:
        return False
    # Nothing changed hands: the price moved through empty ticks to a limit.
    return swap.sqrt_price_x96 is not None and swap.sqrt_price_x96 < pool.sqrt_price_x96


def _as_reported(quote: Quote, zero_for_one: bool) -> tuple[int | None, ...]:
    amounts = (quote.amount_in, -quote.amount_out) if zero_for_one else (-quote.amount_out, quote.amount_in)
    return (*amounts, quote.sqrt_price_x96_after, quote.liquidity_after, quote.tick_after)


def _placed(pool: ConcentratedPool, swap: Swap) -> ConcentratedPool:
    """The pool where the event says it stands; unchanged where the event does not tell, or tells what cannot be."""
    if swap.sqrt_price_x96 is None or swap.liquidity is None or swap.tick is None:
        return pool
    try:
        return pool.standing_at(swap.sqrt_price_x96, swap.tick, swap.liquidity)
    except Refused:
        return pool


def _why_not(nearest: tuple[int | None, ...], refusal: Refused | None) -> str:
    if nearest:
        return "no exact input, exact output or price limit gives these amounts from the state before it"
    return refusal.message if refusal else "the amounts cannot be those of one swap"
