"""Fitting a plan under the cap on legs, and polishing it: a dearer gas asks for fewer pools, then single pools are exchanged.

The cap has a price like everything else: charge every pool more than its gas, and the convex search itself gives up the pools that
are missed least, whole paths at a time. The charge at which few enough are left is found by halving.
"""

from __future__ import annotations

import numpy as np

from executor.routing.chains import Floats
from executor.routing.dual import Question, WorkingSet, cheapest_prices
from executor.routing.graph import Integers, RoutingGraph
from executor.routing.plans import Asked, Plan, Planner

HALVINGS = 4
ROUNDS = 5
TRIMMED = 5  # times the cap: from more pools than that, leaving out one after the other leads nowhere
OFFERS = 12
SOFT, ROUGH = 0.1, 1e-5
NEAR = 0.5  # of the charge at hand must a pool earn to be asked again at a dearer one


def fit_under_cap(graph: RoutingGraph, asked: Asked, planner: Planner, arcs: Integers, price: Floats) -> None:
    """Offers the planner plans that fit, from the arcs and prices at which the search for the bound ended."""
    working = WorkingSet(graph, arcs, (asked.start, asked.goal))
    if planner.best is None or planner.best is not planner.best_of_all:
        _charge_more(graph, asked, planner, working, price)
    for _ in range(ROUNDS):
        plan = planner.best
        if plan is None or not _exchanged(graph, asked, planner, working, plan):
            return


def _charge_more(graph: RoutingGraph, asked: Asked, planner: Planner, working: WorkingSet, price: Floats) -> None:
    worth = asked.amount * float(price[asked.start])
    low, high = max(float(asked.gas), worth * 1e-7), worth * 0.3
    used: list[int] = []
    for _ in range(HALVINGS):
        gas = (low * high) ** 0.5
        local = price[working.tokens]
        costs = np.full(len(working.arcs), gas)
        question = Question(working.local(asked.start), working.local(asked.goal), float(asked.amount), costs, None, SOFT * gas, ROUGH)
        local, _ = cheapest_prices(working, question, local)
        trades = working.trades(local)
        used = working.arcs[trades.arcs[trades.profit > gas * (1 - SOFT)]].tolist()
        everywhere = price.copy()
        everywhere[working.tokens] = local
        if len(used) > TRIMMED * asked.max_legs:
            low = gas
        else:
            planner.trim(used, everywhere)
            low, high = (gas, high) if len(used) > asked.max_legs else (low, gas)
        if len(used) > asked.max_legs:
            near = working.arcs[trades.arcs[trades.profit > NEAR * gas]]
            if 0 < len(near) < len(working.arcs) / 2:
                working, price = WorkingSet(graph, near, (asked.start, asked.goal)), everywhere
    if len(used) > TRIMMED * asked.max_legs:
        planner.trim(used, price)


def _exchanged(graph: RoutingGraph, asked: Asked, planner: Planner, working: WorkingSet, plan: Plan) -> bool:
    """Whether taking in a pool that earns more than its gas at the plan's prices, and giving up another, made the plan better."""
    known = np.zeros(len(graph.tokens))
    for arc in plan.arcs:
        for token in (graph.source[arc], graph.target[arc]):
            known[token] = plan.price[token]
    known[asked.goal] = 1.0
    price = graph.least_values(known, float(asked.gas))
    local = price[working.tokens]
    trades = working.trades(local)
    used = set(plan.arcs)
    tempting = [
        (gain, arc)
        for gain, arc in zip(trades.profit.tolist(), working.arcs[trades.arcs].tolist(), strict=True)
        if gain > asked.gas and arc not in used and known[graph.source[arc]]
    ]
    tempting.sort(reverse=True)
    before = plan.net
    for _, arc in tempting[:OFFERS]:
        planner.trim([*plan.arcs, arc, *_onward(graph, price, int(graph.target[arc]), asked.goal, known)], price)
    return planner.best is not None and planner.best.net > before


def _onward(graph: RoutingGraph, price: Floats, token: int, goal: int, known: Floats) -> list[int]:
    """The arcs along which a token that the plan does not hold is sold, down to one that it does."""
    path: list[int] = []
    while token != goal and not known[token] and len(path) < 4:
        low, high = graph.span(token)
        arc = low + int((graph.rate[low:high] * price[graph.target[low:high]]).argmax())
        path.append(arc)
        token = int(graph.target[arc])
    return path
