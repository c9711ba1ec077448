"""Gas is a fixed cost, so which pools to use is a yes or no: the bound is tightened by settling the doubtful ones both ways.

The dual charges a pool its gas only in so far as it earns it, and so may use a pool "by half". Splitting the question into "with
this pool" and "without it" gives two bounds, the larger of which holds for all routes. The question with the largest bound is
split first, a stated number of times at most, and every part offers the pools it uses as a plan.
"""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from executor.routing.certificate import most_possible, most_profit
from executor.routing.chains import Floats
from executor.routing.dual import Question, WorkingSet, cheapest_prices
from executor.routing.graph import Integers, RoutingGraph
from executor.routing.plans import Asked, Planner

ENOUGH = 2e-7  # of the output: gaps below this (0.002 bp) are not worth another question
SOFT, HARD = 0.3, 0.02  # of the gas: how wide the kink is rounded while pools are still being added, and at the end
WORTHLESS = 0.5  # of what a token sells for at best: below that it is asked anew from there
ROUGH, FINE = 1e-5, 1e-9  # of what the trade is worth: how little must be left to gain
COLUMNS = 20  # times that pools may join the search
USED = 0.05
MANY = 60  # pools that join the search at once; the prices move before the next ones are judged


class _Part(NamedTuple):
    """Routes that use some pools and leave out others; ordered by what they could give, largest first."""

    minus_bound: int
    serial: int
    price: Floats
    used: frozenset[int]
    unused: frozenset[int]
    doubtful: int | None


class Brancher:
    """The search for one question: a bound for all routes, and plans along the way."""

    def __init__(self, graph: RoutingGraph, asked: Asked, planner: Planner, value: Floats) -> None:
        """`value` is what a unit of each token sells for at best, without the pools giving way."""
        self._graph, self._asked, self._planner, self._value = graph, asked, planner, value
        self.parts = 0
        self._work = 0
        self.arcs: Integers = np.zeros(0, dtype=np.int64)
        self.price: Floats = np.zeros(0)

    def bound(self, arcs: Integers, price: Floats, most_work: int) -> int:
        """The most that any route could give after gas; the planner holds the best plan that was met.

        The first bound is always found; after it no part is split once `most_work` is done. Work counts the arcs looked at.
        """
        open_parts = [self._solved(arcs, price, frozenset(), frozenset())]
        before = most = self._work + self._planner.work
        most, last = most + most_work, before // 2
        while before + 2 * last <= most and self._is_open(-open_parts[0].minus_bound):
            doubtful = open_parts[0].doubtful
            if doubtful is None:
                break
            part = heapq.heappop(open_parts)
            for used, unused in ((part.used | {doubtful}, part.unused), (part.used, part.unused | {doubtful})):
                new = self._solved(arcs, part.price, used, unused)
                heapq.heappush(open_parts, new._replace(minus_bound=max(new.minus_bound, part.minus_bound)))
            now = self._work + self._planner.work
            before, last = now, (now - before) // 2
        return -open_parts[0].minus_bound

    def _is_open(self, bound: int) -> bool:
        """Whether the bound is worth tightening: there is a gap, and the cap on legs does not cost much more than that anyway."""
        best, fitting = self._planner.best_of_all, self._planner.best
        if best is None or fitting is None:
            return True
        return bound - best.net > max(ENOUGH * abs(best.net), (best.net - fitting.net) / 10)

    def _solved(self, arcs: Integers, price: Floats, used: frozenset[int], unused: frozenset[int]) -> _Part:
        self.parts += 1
        graph, asked = self._graph, self._asked
        for round_number in range(COLUMNS):
            working = WorkingSet(graph, arcs, (asked.start, asked.goal))
            gas, usable = self._gas(working, used, unused)
            start, goal = working.local(asked.start), working.local(asked.goal)
            question = Question(start, goal, float(asked.amount), gas, usable, SOFT * asked.gas, ROUGH)
            local, _ = cheapest_prices(working, question, price[working.tokens])
            price = self._everywhere(working, local)
            more = self._missing(arcs, price, unused) if round_number < COLUMNS - 1 else None
            if more is None:
                local, _ = cheapest_prices(working, question._replace(softness=HARD * asked.gas, enough=FINE), local)
                self._work += working.work
                price = self._everywhere(working, local)
                doubtful, chosen = self._doubt(working, local, gas, usable)
                break
            self._work += working.work
            arcs = more
            if unused:
                # Without the pools left out a token may have looked worthless; from there its price would take long to come back.
                price = np.where(price < WORTHLESS * self._value, self._value, price)
        else:
            raise AssertionError("the last round takes no new pools")
        if not len(self.arcs):
            self.arcs, self.price = arcs, price
        bound = most_possible(graph, price, asked.start, asked.amount, asked.gas, used, unused)
        self._planner.trim(chosen, price)
        return _Part(-bound, self.parts, price, used, unused, doubtful)

    def _everywhere(self, working: WorkingSet, local: Floats) -> Floats:
        """Prices of the working set's tokens, and for all others the least at which no pool that buys them earns its gas."""
        known = np.zeros(len(self._graph.tokens))
        known[working.tokens] = local
        return self._graph.least_values(known, float(self._asked.gas))

    def _gas(self, working: WorkingSet, used: frozenset[int], unused: frozenset[int]) -> tuple[Floats | None, NDArray[np.bool_] | None]:
        if not self._asked.gas:
            return None, None
        gas = np.full(len(working.arcs), float(self._asked.gas))
        if used:
            gas[np.isin(working.pool, list(used))] = 0.0
        return gas, ~np.isin(working.pool, list(unused)) if unused else None

    def _missing(self, arcs: Integers, price: Floats, unused: frozenset[int]) -> Integers | None:
        """The arcs with those added that would be used at these prices; None when there are none."""
        graph, gas = self._graph, float(self._asked.gas)
        outside = np.ones(len(graph.source), dtype=bool)
        outside[arcs] = False
        outside[graph.arcs_of[list(unused)].ravel()] = False
        offered, asked = price[graph.target] * graph.rate, price[graph.source]
        paying = np.flatnonzero(outside & (offered > asked * (1 + 1e-9)))
        if not len(paying):
            return None
        if gas:
            profit = most_profit(WorkingSet(graph, paying), asked[paying], price[graph.target[paying]])
            tempting = paying[profit > gas * 1.001]
            if not len(tempting):
                return None
            if len(tempting) > MANY:
                tempting = paying[np.argsort(-profit)[:MANY]]
            near = paying[profit > gas * 0.8]
        else:
            tempting, near = paying, np.flatnonzero(outside & (offered * 1.0005 > asked))
            if len(tempting) > MANY:
                gain = offered[paying] / graph.rate[paying] * graph.depth[paying] * (1 - np.sqrt(asked[paying] / offered[paying])) ** 2
                tempting = paying[np.argsort(-gain)[:MANY]]
        found = [arcs, tempting]
        met = np.zeros(len(graph.tokens), dtype=bool)
        met[graph.source[arcs]] = met[graph.target[arcs]] = True
        reached = np.zeros(len(graph.tokens), dtype=bool)
        reached[graph.target[tempting]] = True
        # What a new token can be sold for comes along, down to tokens that are known: else it would look worthless.
        while reached.any():
            onward = near[reached[graph.source[near]]]
            found.append(onward)
            met |= reached
            reached = np.zeros(len(graph.tokens), dtype=bool)
            reached[graph.target[onward]] = True
            reached &= ~met
        return np.unique(np.concatenate(found))

    def _doubt(
        self, working: WorkingSet, price: Floats, gas: Floats | None, usable: NDArray[np.bool_] | None
    ) -> tuple[int | None, list[int]]:
        """The pool about which the dual is least sure, and the arcs it uses, if only in part."""
        trades = working.trades(price, usable)
        if gas is None:
            return None, working.arcs[trades.arcs].tolist()
        over = trades.profit - gas[trades.arcs]
        half = HARD * self._asked.gas
        use = np.clip((over + half) / (2 * half), 0, 1)
        free = gas[trades.arcs] > 0
        use[~free] = 1.0
        chosen = working.arcs[trades.arcs[use > USED]].tolist()
        if not free.any():
            return None, chosen
        # Those on the kink first; where none is, the one nearest to it.
        sure = np.where(free, np.abs(over), np.inf)
        return int(working.pool[trades.arcs[int(sure.argmin())]]), chosen
