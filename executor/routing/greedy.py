"""A first split: the amount goes in equal parts, each along the path that is best after the parts before it.

It is quick and coarse. It tells the convex search where to begin and which pools are worth looking at, and stands as a candidate.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from executor.routing.chains import Chain, Floats
from executor.routing.graph import RoutingGraph

PARTS = 8


class Filled(NamedTuple):
    """What each arc takes, by arc, and what a unit of each token is worth once all parts are placed."""

    taken: dict[int, float]
    value: Floats


def fill(graph: RoutingGraph, start: int, goal: int, amount: float, parts: int = PARTS) -> Filled:
    """Places the amount part by part; `taken` is empty when no path leads from start to goal."""
    rate = graph.rate.copy()
    taken: dict[int, float] = {}
    worth = np.zeros(len(graph.tokens))
    worth[goal] = 1.0
    for _ in range(parts):
        value = graph.best_values(worth, rate)
        path = _path(graph, rate, value, start, goal)
        if not path:
            break
        moved = amount / parts
        for arc in path:
            chain, kept = graph.chain(arc), float(graph.kept[arc])
            before = taken.get(arc, 0.0)
            taken[arc] = before + moved
            moved = output(chain, kept, taken[arc]) - output(chain, kept, before)
            rate[arc] = rate_after(chain, kept, taken[arc])
            rate[graph.reverse[arc]] = 0.0  # a route uses a pool in one direction
    return Filled(taken, graph.best_values(worth, rate))


def output(chain: Chain, kept: float, taken: float) -> float:
    """What a chain gives for an amount, fee included; all it holds where it cannot take that much."""
    at = _segment(chain, taken)
    size = float(chain.liquidity[at])
    if not size:
        return float(chain.total_out[at])
    start = float(chain.starts[at])
    reached = 1 / (1 / start + (taken - float(chain.total_in[at])) * kept / size)
    return float(chain.total_out[at]) + size * (start - reached)


def rate_after(chain: Chain, kept: float, taken: float) -> float:
    """Units out per unit in of the next bit, after an amount went in; 0 at the end of the pool."""
    at = _segment(chain, taken)
    size = float(chain.liquidity[at])
    if not size:
        return 0.0
    reached = 1 / (1 / float(chain.starts[at]) + (taken - float(chain.total_in[at])) * kept / size)
    return kept * reached * reached


def _segment(chain: Chain, taken: float) -> int:
    return int(chain.total_in.searchsorted(taken, side="right")) - 1 if len(chain.total_in) > 1 else 0


def _path(graph: RoutingGraph, rate: Floats, value: Floats, start: int, goal: int) -> list[int]:
    """The arcs from start to goal along which the value was found, no token twice; empty when none leads there."""
    path: list[int] = []
    token, fresh = start, np.ones(len(value), dtype=bool)
    while token != goal:
        fresh[token] = False
        low, high = graph.span(token)
        targets = graph.target[low:high]
        offered = rate[low:high] * value[targets] * fresh[targets]
        best = int(offered.argmax()) if len(offered) else -1
        if best < 0 or offered[best] <= 0:
            return []
        path.append(low + best)
        token = int(targets[best])
    return path
