"""The pools as exact values beside the chain: what traders look at, and a forecast of every transaction to the wei.

The builder compares the mirror with the chain as it goes, so a difference of one wei stops the recording.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt, sqrt

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.quote import Quote
from domain.amm.ticks import sqrt_price_at_tick, tick_at_sqrt_price
from domain.problems import Problem
from executor.chain.local.world import Pool
from recordings.actions import (
    Action,
    AddRange,
    AddToPair,
    BuyExact,
    CreatePool,
    Leg,
    RemoveFromPair,
    RemoveRange,
    SellExact,
    SellToPrice,
    SetProtocolFee,
    StartPool,
)

Q96 = 1 << 96
MINIMUM_SHARES = 1000  # a V2 pair burns this many of its first shares


class Reverts(Exception):
    """The transaction would not go through."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a transaction did: the pools it touched, what it took from its sender and what it gave."""

    succeeded: bool
    touched: tuple[str, ...] = ()
    amount_in: int = 0
    amount_out: int = 0
    swaps: int = 0


class Mirror:
    """Every pool by its key. Pool values are immutable, so `copy` is cheap and a branch never disturbs its origin."""

    def __init__(self, pools: Mapping[str, Pool]) -> None:
        self.facts = pools
        self.state: dict[str, ConcentratedPool | ConstantProductPool] = {}
        self.shares: dict[str, int] = {}
        self.held: dict[tuple[str, int], int] = {}

    def copy(self) -> Mirror:
        """Another mirror in the same state."""
        twin = Mirror(self.facts)
        twin.state, twin.shares, twin.held = dict(self.state), dict(self.shares), dict(self.held)
        return twin

    def concentrated(self, key: str) -> ConcentratedPool:
        """The pool as a concentrated one."""
        pool = self.state[key]
        assert isinstance(pool, ConcentratedPool)
        return pool

    def pair(self, key: str) -> ConstantProductPool:
        """The pool as a constant-product one."""
        pool = self.state[key]
        assert isinstance(pool, ConstantProductPool)
        return pool

    def price(self, key: str) -> float:
        """Base units of token1 per base unit of token0."""
        pool = self.state[key]
        if isinstance(pool, ConcentratedPool):
            return (pool.sqrt_price_x96 / Q96) ** 2
        return pool.reserve1 / pool.reserve0 if pool.reserve0 else 0.0

    def zero_for_one(self, leg: Leg) -> bool:
        """Whether the leg sells the pool's token0."""
        return self.facts[leg.pool].token0.symbol == leg.token_in

    def quote(self, leg: Leg, amount: int, *, exact_out: bool = False, limit: int | None = None) -> Quote:
        """What the leg would take and give now; raises Reverts when the pool refuses."""
        pool = self.state[leg.pool]
        try:
            if isinstance(pool, ConcentratedPool):
                return pool.quote(self.zero_for_one(leg), amount, exact_out=exact_out, sqrt_price_limit_x96=limit)
            return pool.quote(self.zero_for_one(leg), amount, exact_out=exact_out)
        except Problem as problem:
            raise Reverts(problem.message) from problem

    def out_of_path(self, legs: tuple[Leg, ...], amount: int) -> int:
        """What selling `amount` along a path gives now; 0 when a pool cannot take it all. The legs must be different pools."""
        for leg in legs:
            pool = self.state[leg.pool]
            if isinstance(pool, ConcentratedPool):
                amount = pool.output_for(self.zero_for_one(leg), amount) or 0
            else:
                try:
                    amount = pool.quote(self.zero_for_one(leg), amount).amount_out
                except Problem:
                    return 0
            if amount == 0:
                return 0
        return amount

    def apply(self, wallet: int, action: Action) -> Outcome:
        """Do what the chain will do with this action; when it reverts nothing changes."""
        before = dict(self.state)
        try:
            return self._do(wallet, action)
        except (Reverts, Problem):
            self.state = before
            return Outcome(succeeded=False)

    def _do(self, wallet: int, action: Action) -> Outcome:
        match action:
            case SellExact():
                amount = action.amount_in
                for leg in action.legs:
                    quote = self._swap(leg, amount)
                    if quote.partial or quote.amount_in != amount:
                        raise Reverts("partial fill")
                    amount = quote.amount_out
                if amount < action.least_out:
                    raise Reverts("too little received")
                return Outcome(True, tuple(leg.pool for leg in action.legs), action.amount_in, amount, len(action.legs))
            case BuyExact():
                quote = self._swap(action.leg, action.amount_out, exact_out=True)
                if quote.partial or quote.amount_in > action.most_in:
                    raise Reverts("paid too much")
                return Outcome(True, (action.leg.pool,), quote.amount_in, quote.amount_out, 1)
            case SellToPrice():
                quote = self._swap(action.leg, action.most_in, limit=action.sqrt_price_limit_x96)
                if quote.amount_out < action.least_out:
                    raise Reverts("too little received")
                return Outcome(True, (action.leg.pool,), quote.amount_in, quote.amount_out, 1)
            case AddRange() | RemoveRange():
                return self._move_range(wallet, action)
            case AddToPair():
                return self._add_to_pair(wallet, action)
            case RemoveFromPair():
                return self._remove_from_pair(wallet, action)
            case StartPool():
                fact = self.facts[action.pool]
                tick = tick_at_sqrt_price(action.sqrt_price_x96)
                self.state[action.pool] = ConcentratedPool(fact.fee_pips, fact.tick_spacing or 1, action.sqrt_price_x96, tick, 0, {})
                return Outcome(True, (action.pool,))
            case SetProtocolFee():
                # What the protocol takes comes out of the providers' fees: no swap can tell.
                return Outcome(True, (action.pool,))
            case CreatePool():
                if not self.facts[action.pool].is_concentrated:
                    self.state[action.pool] = ConstantProductPool(self.facts[action.pool].fee_pips, 0, 0)
                return Outcome(True)

    def _swap(self, leg: Leg, amount: int, *, exact_out: bool = False, limit: int | None = None) -> Quote:
        pool = self.state[leg.pool]
        if isinstance(pool, ConcentratedPool):
            after, quote = pool.swap(self.zero_for_one(leg), amount, exact_out=exact_out, sqrt_price_limit_x96=limit)
        else:
            after, quote = pool.swap(self.zero_for_one(leg), amount, exact_out=exact_out)
        self.state[leg.pool] = after
        return quote

    def _move_range(self, wallet: int, action: AddRange | RemoveRange) -> Outcome:
        pool = self.concentrated(action.pool)
        if action.liquidity:
            move = pool.mint if isinstance(action, AddRange) else pool.burn
            self.state[action.pool] = move(action.tick_lower, action.tick_upper, action.liquidity)[0]
        return Outcome(True, (action.pool,))

    def _add_to_pair(self, wallet: int, action: AddToPair) -> Outcome:
        pair, total = self.pair(action.pool), self.shares.get(action.pool, 0)
        if total == 0:
            minted = isqrt(action.amount0 * action.amount1) - MINIMUM_SHARES
            self.shares[action.pool] = minted + MINIMUM_SHARES
        else:
            minted = min(action.amount0 * total // pair.reserve0, action.amount1 * total // pair.reserve1)
            self.shares[action.pool] = total + minted
        self.held[action.pool, wallet] = self.held.get((action.pool, wallet), 0) + minted
        self._set_reserves(action.pool, pair.reserve0 + action.amount0, pair.reserve1 + action.amount1)
        return Outcome(True, (action.pool,))

    def _remove_from_pair(self, wallet: int, action: RemoveFromPair) -> Outcome:
        pair, total = self.pair(action.pool), self.shares[action.pool]
        if action.shares > self.held.get((action.pool, wallet), 0):
            raise Reverts("more shares than held")
        self.held[action.pool, wallet] -= action.shares
        self.shares[action.pool] = total - action.shares
        given0, given1 = action.shares * pair.reserve0 // total, action.shares * pair.reserve1 // total
        self._set_reserves(action.pool, pair.reserve0 - given0, pair.reserve1 - given1)
        return Outcome(True, (action.pool,))

    def _set_reserves(self, key: str, reserve0: int, reserve1: int) -> None:
        self.state[key] = ConstantProductPool(self.facts[key].fee_pips, reserve0, reserve1)


def sqrt_price_of(price: float) -> int:
    """A price (base units of token1 per base unit of token0) as the pools store it."""
    return int(sqrt(price) * Q96)


def liquidity_for(sqrt_price_x96: int, tick_lower: int, tick_upper: int, value0: float, value1: float, value: float) -> int:
    """Liquidity of a range worth `value`, when one base unit of token0 and token1 are worth `value0` and `value1`."""
    lower, upper = sqrt_price_at_tick(tick_lower) / Q96, sqrt_price_at_tick(tick_upper) / Q96
    now = min(max(sqrt_price_x96 / Q96, lower), upper)
    worth_of_one = (1 / now - 1 / upper) * value0 + (now - lower) * value1
    return int(value / worth_of_one)
