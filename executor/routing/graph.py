"""The pools as arrays: built once a book, after which a new state of a pool costs only that pool.

Every pool is two arcs, one a direction, kept sorted by the token they leave, so that "the best rate out of each token" is one
pass of numpy. The chains of tick segments are built when an arc is first looked at closely, and kept until its pool changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import numpy as np
from numpy.typing import NDArray

from domain.amm.swap_step import FEE_UNIT
from executor.routing.chains import AnyPool, Chain, Floats, chain_of, first_rate
from executor.routing.pool_book import PoolBook

Integers = NDArray[np.int64]
MOST_ROUNDS = 12
BEYOND = 1e100  # units for one unit: more than any token has, so a rate that an endless gain has driven up may stop there
DENSE = 90  # tokens up to which a dense solve is the quicker one


class RoutingGraph:
    """Tokens by number, and the arcs between them.

    Of each arc: `source` and `target` (token numbers), `pool` (place in `pool_ids`), `down` (sells token0), `reverse` (the arc of
    the other direction), `kept` (1 − fee), `rate` (units out per unit in of an endlessly small swap, after the fee) and `depth`
    (the reserve of the token given that the first segment acts as if it had).
    """

    def __init__(self, book: PoolBook) -> None:
        """Arrays of all pools of a book that has some."""
        booked = list(book)
        self.tokens = [token.address for token in book.tokens]
        self.number_of = {address: at for at, address in enumerate(self.tokens)}
        self.pool_ids = [one.pool_id for one in booked]
        self._place_of = {pool_id: at for at, pool_id in enumerate(self.pool_ids)}
        self.pools: list[AnyPool] = [one.pool for one in booked]
        side0 = np.array([self.number_of[one.token0.address] for one in booked], dtype=np.int64)
        side1 = np.array([self.number_of[one.token1.address] for one in booked], dtype=np.int64)
        count = len(booked)
        source = np.concatenate((side0, side1))
        order = np.argsort(source, kind="stable")
        self.source = source[order]
        self.target = np.concatenate((side1, side0))[order]
        self.pool = (order % count).astype(np.int64)
        self.down = order < count
        place = np.empty_like(order)
        place[order] = np.arange(2 * count)
        self.reverse = place[(order + count) % (2 * count)]
        self.arcs_of = np.stack((place[:count], place[count:]), axis=1)
        self.kept = np.ones(2 * count)
        self.rate = np.zeros(2 * count)
        self.depth = np.zeros(2 * count)
        self._chains: list[Chain | None] = [None] * (2 * count)
        self.leaving, self.first_arc = np.unique(self.source, return_index=True)
        self._bounds = np.searchsorted(self.source, np.arange(len(self.tokens) + 1))
        for at in range(count):
            self._place(at)
        if len(self.tokens) > DENSE:
            import scipy.sparse.linalg  # noqa: F401  # what large searches need is loaded now, not by the first question

    def with_pools(self, changes: Mapping[int, AnyPool]) -> Self:
        """The graph with other states of some of its pools; what did not change is shared or copied whole."""
        after = object.__new__(type(self))
        after.__dict__.update(self.__dict__)
        after.pools, after._chains = list(self.pools), list(self._chains)
        after.kept, after.rate, after.depth = self.kept.copy(), self.rate.copy(), self.depth.copy()
        for pool_id, pool in changes.items():
            at = self._place_of[pool_id]
            after.pools[at] = pool
            after._place(at)
        return after

    def chain(self, arc: int) -> Chain:
        """The tick segments of an arc."""
        found = self._chains[arc]
        if found is None:
            found = self._chains[arc] = chain_of(self.pools[self.pool[arc]], bool(self.down[arc]))
        return found

    def span(self, token: int) -> tuple[int, int]:
        """The arcs that leave a token: from the first up to, but without, the second."""
        return int(self._bounds[token]), int(self._bounds[token + 1])

    def best_values(self, known: Floats, rate: Floats | None = None) -> Floats:
        """What one unit of each token is worth at best when sold along a path, given what some tokens are worth already.

        Values only grow. A token from which no path leads stays as it was. Pools between which an endless gain is possible are
        followed for some rounds only.
        """
        rates = self.rate if rate is None else rate
        value = known.copy()
        for _ in range(MOST_ROUNDS):
            held = value[self.leaving]
            grown = np.maximum(held, np.minimum(np.maximum.reduceat(rates * value[self.target], self.first_arc), BEYOND))
            if (grown == held).all():
                break
            value[self.leaving] = grown
        return value

    def least_values(self, known: Floats, gas: float) -> Floats:
        """The least prices of tokens without one (0) at which no pool that buys them could earn more than its gas, as it seems
        from the first segment of each pool; known prices stay.
        """
        value = known.copy()
        fixed = known[self.leaving] > 0
        spared = np.sqrt(gas)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(self.depth > 0, self.rate / self.depth, 0.0)
        for _ in range(MOST_ROUNDS):
            held = value[self.leaving]
            offered = scale * np.maximum(np.sqrt(value[self.target] * self.depth) - spared, 0.0) ** 2
            grown = np.where(fixed, held, np.maximum(held, np.minimum(np.maximum.reduceat(offered, self.first_arc), BEYOND)))
            if (grown == held).all():
                break
            value[self.leaving] = grown
        return value

    def best_yields(self, start: int, rounds: int = MOST_ROUNDS) -> Floats:
        """How many units of each token one unit of the start token buys at best, at the rates of endlessly small swaps."""
        into = self.rate[self.reverse]
        got = np.zeros(len(self.tokens))
        got[start] = 1.0
        for _ in range(rounds):
            best = np.maximum.reduceat(into * got[self.target], self.first_arc)
            grown = np.maximum(got[self.leaving], np.minimum(best, BEYOND))
            if (grown == got[self.leaving]).all():
                break
            got[self.leaving] = grown
        return got

    def hops_from(self, start: int) -> Integers:
        """The least number of pools between a token and every other; a very large number where none leads."""
        far = np.iinfo(np.int64).max // 4
        hops = np.full(len(self.tokens), far, dtype=np.int64)
        hops[start] = 0
        usable = np.where(self.rate[self.reverse] > 0, 1, far)
        while True:
            best = np.minimum.reduceat(hops[self.target] + usable, self.first_arc)
            nearer = np.minimum(hops[self.leaving], best)
            if (nearer == hops[self.leaving]).all():
                return hops
            hops[self.leaving] = nearer

    def _place(self, at: int) -> None:
        pool = self.pools[at]
        for arc, down in zip(self.arcs_of[at], (True, False), strict=True):
            self.kept[arc] = (FEE_UNIT - pool.fee_pips) / FEE_UNIT
            self.rate[arc], self.depth[arc] = first_rate(pool, down)
            self._chains[arc] = None
