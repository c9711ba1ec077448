"""Plans: a set of pools, the best shares among them, and what that gives in whole numbers.

Given which pools may be used, the shares are a small convex problem. Which pools are worth their gas, and fit under the cap on
legs, is not: it is searched by leaving out the pool that is missed least, again and again, each time with new shares.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from executor.routing.chains import Floats
from executor.routing.dual import Question, WorkingSet, cheapest_prices
from executor.routing.graph import RoutingGraph
from executor.routing.legs import SplitLeg, in_order, longest_path, on_the_way, run_legs

HARDLY_USED = 1e-9  # a part of the whole trade so small is a leftover of the search
NEARLY_ALL = 1 - 1e-9  # an exhausted pool is asked a little less than it holds: shares are rounded
FEW = 10  # legs up to which each of the least profitable is left out in turn, to see
TRIED = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """One question to the router: tokens by number, the amount and the gas of a leg in base units, and what a route may be."""

    start: int
    goal: int
    amount: int
    gas: int
    max_legs: int
    max_hops: int | None


@dataclass(frozen=True, slots=True)
class Plan:
    """Legs that were replayed, and what remains of their output after gas."""

    legs: tuple[SplitLeg, ...]
    arcs: tuple[int, ...]
    amount_out: int
    net: int
    fits: bool
    price: Floats
    profit: dict[int, float]


class Planner:
    """Turns sets of arcs into plans for one question, and remembers the best that fits."""

    def __init__(self, graph: RoutingGraph, asked: Asked) -> None:
        self._graph, self._asked = graph, asked
        self._seen: dict[frozenset[int], Plan | None] = {}
        self.best: Plan | None = None
        self.best_of_all: Plan | None = None  # of the plans that do not fit under the caps too
        self.work = 0

    def settle(self, arcs: Iterable[int], price: Floats) -> Plan | None:
        """The plan of exactly these arcs, or of those that are of use among them; None where no such route runs."""
        key = frozenset(arcs)
        if key not in self._seen:
            self._seen[key] = self._kept(self._settled(sorted(key), price))
        return self._seen[key]

    def offer(self, shares: Sequence[tuple[int, int]], price: Floats) -> Plan | None:
        """A plan with shares that are known already."""
        return self._kept(self._replayed(shares, price, {}))

    def trim(self, arcs: Iterable[int], price: Floats) -> None:
        """Leaves out pools, those missed least first, for as long as that pays or the caps on legs and hops ask for it."""
        asked, plan = self._asked, self.settle(arcs, price)
        while plan is not None and len(plan.arcs) > 1:
            profit = plan.profit
            by_profit = sorted(plan.arcs, key=lambda arc: profit.get(arc, 0.0))
            over = len(plan.arcs) - asked.max_legs
            poor = sum(1 for arc in by_profit if profit.get(arc, 0.0) < asked.gas)
            if len(plan.arcs) > FEW and (over > 3 or poor):
                count = max(1, min(max(over, poor), len(plan.arcs) // 4))
                plan = self.settle(by_profit[count:], plan.price)
                continue
            if plan.fits:
                by_profit = [arc for arc in by_profit if profit.get(arc, 0.0) < 3 * asked.gas]
            fewer = [self.settle([arc for arc in plan.arcs if arc != left], plan.price) for left in by_profit[:TRIED]]
            better = max((one for one in fewer if one is not None), key=lambda one: one.net, default=None)
            if better is None or (plan.fits and better.net <= plan.net):
                return
            plan = better

    def _kept(self, plan: Plan | None) -> Plan | None:
        if plan is not None:
            if plan.fits and (self.best is None or plan.net > self.best.net):
                self.best = plan
            if self.best_of_all is None or plan.net > self.best_of_all.net:
                self.best_of_all = plan
        return plan

    def _settled(self, arcs: list[int], price: Floats) -> Plan | None:
        graph, asked = self._graph, self._asked
        arcs = on_the_way(graph, arcs, asked.start, asked.goal)
        if not arcs:
            return None
        working = WorkingSet(graph, np.array(arcs, dtype=np.int64), (asked.start, asked.goal))
        question = Question(working.local(asked.start), working.local(asked.goal), float(asked.amount))
        found, _ = cheapest_prices(working, question, price[working.tokens])
        trades = working.trades(found)
        self.work += working.work
        worth = asked.amount * found[question.start]
        taken, profit = {}, {}
        for at, amount, gain, cost in zip(
            trades.arcs.tolist(),
            trades.taken.tolist(),
            trades.profit.tolist(),
            (trades.taken * found[working.source[trades.arcs]]).tolist(),
            strict=True,
        ):
            if cost > HARDLY_USED * worth:
                taken[arcs[at]], profit[arcs[at]] = amount, gain
        # Where a pool is used up, its stiffness is nothing.
        for at in trades.arcs[trades.stiffness == 0].tolist():
            if arcs[at] in taken:
                taken[arcs[at]] *= NEARLY_ALL
        shares = in_order(graph, taken, asked.start, asked.goal)
        everywhere = price.copy()
        everywhere[working.tokens] = found
        return self._replayed(shares, everywhere, profit) if shares else None

    def _replayed(self, shares: Sequence[tuple[int, int]], price: Floats, profit: dict[int, float]) -> Plan | None:
        asked = self._asked
        ran = run_legs(self._graph, shares, asked.start, asked.amount)
        if ran is None:
            return None
        legs, held = ran
        arcs = tuple(arc for arc, _ in shares)
        given = held.get(asked.goal, 0)
        fits = len(arcs) <= asked.max_legs and (asked.max_hops is None or longest_path(self._graph, arcs, asked.start) <= asked.max_hops)
        return Plan(tuple(legs), arcs, given, given - asked.gas * len(arcs), fits, price, profit)
