"""The exact best path after gas, when something good is known already: only paths that could beat it are followed.

`single_path.best_path` asks nothing in advance and tries every path. Here a path is dropped as soon as what it holds, sold at the
best rate of an endlessly small swap, could not beat the plan at hand; so nothing better is ever missed, and mostly little is tried.
"""

from __future__ import annotations

import numpy as np

from domain.problems import Refused
from executor.routing.chains import Floats
from executor.routing.graph import RoutingGraph

WIDER = 1 + 1e-9  # rates are floats: a path is dropped only when it is behind by more than they can err


def best_arcs(
    graph: RoutingGraph, start: int, goal: int, amount: int, gas: int, max_hops: int, value: Floats, to_beat: int
) -> list[int] | None:
    """The arcs of the path that gives the most after gas, more than `to_beat`; None where no path does.

    `value` is what a unit of each token sells for at best, without the pools giving way.
    """
    best: list[int] | None = None
    frontier: list[tuple[int, int, list[int]]] = [(start, amount, [])]
    for hops in range(1, max_hops + 1):
        further: list[tuple[int, int, list[int]]] = []
        for token, held, path in frontier:
            low, high = graph.span(token)
            targets = graph.target[low:high]
            hopeful = held * graph.rate[low:high] * value[targets] * WIDER - gas * hops > to_beat
            for arc in (np.flatnonzero(hopeful) + low).tolist():
                if any(graph.pool[arc] == graph.pool[before] for before in path):
                    continue
                try:
                    given = graph.pools[graph.pool[arc]].output_for(bool(graph.down[arc]), held)
                except Refused:  # the pool's ticks do not add up that far out
                    continue
                if not given:
                    continue
                target = int(graph.target[arc])
                if target == goal and given - gas * hops > to_beat:
                    best, to_beat = [*path, arc], given - gas * hops
                further.append((target, given, [*path, arc]))
        # The largest amounts first: they raise the mark that the others must pass.
        further.sort(key=lambda one: -one[1] * float(value[one[0]]))
        frontier = further
    return best
