"""An upper bound on what any route could give, which float error cannot break.

The bound is the dual of `dual.py`, and it holds at whatever prices it is asked: weak duality needs no optimum, so prices found in
floats are as good as any, taken as the exact numbers they are. What remains is to sum it without rounding down. Every term below
is larger than its true value: products and roots are widened by more units in the last place than they can lose, the running
totals of a chain by one per segment, and the one place where a wrong branch could be taken, the segment in which a trade stops, by
the most that a mistaken neighbour could hide. It covers all pools of the graph, any number of legs and hops, and pools whose
integers round, because those give less than their chains.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np

from executor.routing.chains import Floats
from executor.routing.dual import WorkingSet
from executor.routing.graph import RoutingGraph

LAST_PLACE = 2.0**-52
WIDER = 16 * LAST_PLACE
MISTAKEN = 4 * (1e-8) ** 2  # a segment is looked up to within 1e-8 of its price; what that can hide is of second order


def most_possible(
    graph: RoutingGraph,
    price: Floats,
    start: int,
    amount: int,
    gas: int,
    used: Collection[int] = (),
    unused: Collection[int] = (),
) -> int:
    """No route gives more than this, net of `gas` for each pool used, in base units of the token whose price is 1.

    `price` is of every token of the graph, in units of the token bought. Pools (their places) that are said to be `used` or
    `unused` narrow the claim to such routes.
    """
    arcs = np.flatnonzero(price[graph.target] * graph.rate * (1 + WIDER) > price[graph.source])
    total = amount * float(price[start]) * (1 + WIDER)
    if len(arcs):
        profit = most_profit(WorkingSet(graph, arcs), price[graph.source[arcs]], price[graph.target[arcs]])
        pools = graph.pool[arcs]
        if used or unused:
            cost = np.full(len(graph.pool_ids), float(gas))
            cost[list(used)] = 0.0
            cost[list(unused)] = np.inf
            profit = profit - cost[pools]
        else:
            profit = profit - float(gas)
        total += float(np.maximum(profit, 0.0).sum())
    total *= 1 + (len(arcs) + 16) * LAST_PLACE
    return math.floor(total) - gas * len(used)


def most_profit(working: WorkingSet, in_price: Floats, out_price: Floats) -> Floats:
    """At least what an arbitrageur could earn in each arc at these prices."""
    arcs = np.arange(len(working.arcs))
    kept = working.kept
    at = working.segment(arcs, np.sqrt(in_price / (kept * out_price)))
    size, start = working.liquidity[at], working.starts[at]
    blur = (working.longest + 32) * LAST_PLACE
    whole = np.maximum(out_price * working.total_out[at] * (1 + blur) - in_price * working.total_in[at] * (1 - blur), 0.0)
    # An unbounded segment gives at least as much as a bounded one: (√(value of its reserve out) − √(cost of its reserve in))².
    gives, costs = np.sqrt(out_price * size * start), np.sqrt(in_price * size / (kept * np.maximum(start, 1e-300)))
    part = (np.maximum(gives - costs, 0.0) + WIDER * (gives + costs)) ** 2
    hidden = MISTAKEN * np.sqrt(in_price) * np.sqrt(out_price / kept) * working.most_liquidity
    return (whole + part + hidden) * (1 + WIDER)
