"""The best split of an amount over many pools, in whole numbers, with a certificate of how much better any other route could be.

A convex search over prices says which pools to use and how much each should take; a search over sets of pools weighs their gas and
keeps to the cap on legs; then every candidate is replayed with the pools' own integers, and the best of them is the answer. The
best single path is among the candidates, so a split is never worse.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from domain.amm.quote import checked_amount
from domain.problems import BadInput, Broken, NoRoute
from executor.routing.branching import Brancher
from executor.routing.capping import fit_under_cap
from executor.routing.certificate import most_possible
from executor.routing.graph import RoutingGraph
from executor.routing.greedy import fill
from executor.routing.legs import ALL_X64, SplitLeg, in_order
from executor.routing.one_path import best_arcs
from executor.routing.plans import Asked, Plan, Planner
from executor.routing.pool_book import PoolBook
from executor.routing.single_path import MOST_HOPS

MAX_LEGS = 8
EFFORT = 10
WORK = 10_000  # arcs looked at for each unit of effort, which takes a core a millisecond or two
BPS = 10_000

__all__ = ["ALL_X64", "EFFORT", "MAX_LEGS", "BestPath", "SplitLeg", "SplitRoute", "get_best_path", "split_route"]


@dataclass(frozen=True, slots=True)
class SplitRoute:
    """Legs in running order, and what they give in base units of the token bought.

    `amount_out` is before gas. No route of any number of legs and hops gives more than `upper_bound` after gas, so the answer is at
    most `certificate_bps` hundredths of a per cent below the best possible.
    """

    legs: tuple[SplitLeg, ...]
    amount_in: int
    amount_out: int
    gas_per_leg: int
    upper_bound: int
    certificate_bps: float

    @property
    def amount_out_after_gas(self) -> int:
        """The output less the gas of every leg; below zero where the trade is not worth its gas."""
        return self.amount_out - self.gas_per_leg * len(self.legs)


@dataclass(frozen=True, slots=True)
class BestPath:
    """The pools to trade in, in running order, and what they are expected to give (base units, before gas)."""

    pool_ids: tuple[int, ...]
    expected_output: int
    certificate_bps: float


def get_best_path(book: PoolBook, sell: str, buy: str, amount: int, *, gas_per_leg: int = 0, max_legs: int = MAX_LEGS) -> BestPath:
    """The pools through which `amount` of `sell` gives the most of `buy`, and how much that is.

    The short form of `split_route`, with its errors; ask that for the shares of the legs.
    """
    found = split_route(book, sell, buy, amount, gas_per_leg=gas_per_leg, max_legs=max_legs)
    return BestPath(tuple(leg.pool_id for leg in found.legs), found.amount_out, found.certificate_bps)


def split_route(
    book: PoolBook,
    sell: str,
    buy: str,
    amount: int,
    *,
    gas_per_leg: int = 0,
    max_legs: int = MAX_LEGS,
    max_hops: int | None = None,
    effort: int = EFFORT,
) -> SplitRoute:
    """The split of `amount` (base units) of `sell` that gives the most of `buy` (symbols or addresses) after gas.

    `gas_per_leg` is what one more pool costs, in base units of `buy`; `max_legs` the most pools of a route; `max_hops` the most pools
    one after the other on any way through it (None: no limit but that of the legs). `effort` is how long the bound may be tightened
    by settling doubtful pools both ways, in milliseconds or so (counted in work, so that answers repeat): less never makes an answer
    wrong. Raises NoRoute when no route
    takes the whole amount, BadInput and UnknownToken.
    """
    limits = (("gas_per_leg", gas_per_leg, 0), ("max_legs", max_legs, 1), ("max_hops", max_hops, 1), ("effort", effort, 0))
    for name, value, least in limits:
        if value is not None and (type(value) is not int or value < least):
            raise BadInput(f"{name} is {value!r}; give a whole number, at least {least}.", field=name, value=str(value))
    if not len(book):
        raise NoRoute("The book has no pools; add some.", rule="no_route")
    start_token, goal_token = book.token(sell), book.token(buy)
    if start_token == goal_token:
        raise BadInput(f"{sell} and {buy} are the same token; name two.", field="buy", token=start_token.address)
    checked_amount(amount)
    graph = book.graph
    asked = Asked(graph.number_of[start_token.address], graph.number_of[goal_token.address], amount, gas_per_leg, max_legs, max_hops)
    plan, bound = _searched(graph, asked, effort)
    if plan is None:
        raise _no_route(book, graph, asked, sell, buy)
    if bound < plan.net:
        raise Broken(
            f"A route gives {plan.net} where the bound said at most {bound}; keep the pools and report this.",
            net=str(plan.net),
            bound=str(bound),
        )
    return SplitRoute(plan.legs, amount, plan.amount_out, gas_per_leg, bound, (bound - plan.net) * BPS / bound if bound > 0 else 0.0)


def _searched(graph: RoutingGraph, asked: Asked, effort: int) -> tuple[Plan | None, int]:
    """The best plan that fits, and a bound for all routes."""
    planner = Planner(graph, asked)
    first = fill(graph, asked.start, asked.goal, float(asked.amount))
    worth = np.zeros(len(graph.tokens))
    worth[asked.goal] = 1.0
    value = graph.best_values(worth)
    if not value[asked.start]:
        return None, 0
    for candidate in (first, fill(graph, asked.start, asked.goal, float(asked.amount), parts=1)):
        shares = in_order(graph, candidate.taken, asked.start, asked.goal)
        if shares:
            planner.offer(shares, candidate.value)
    # Where the first split used pools up, prices begin low, but not at nothing.
    price = np.maximum(first.value, value * 0.02)
    through = graph.best_yields(asked.start)[graph.source] * graph.rate * value[graph.target]
    arcs = np.union1d(np.flatnonzero(through > price[asked.start]), np.fromiter(first.taken, dtype=np.int64))
    brancher = Brancher(graph, asked, planner, value)
    bound = brancher.bound(arcs if len(arcs) else np.flatnonzero(through > 0), price, effort * WORK)
    # What the amount would give if no pool gave way is a bound too, for searches that were cut short.
    bound = min(bound, most_possible(graph, value, asked.start, asked.amount, asked.gas))
    fit_under_cap(graph, asked, planner, brancher.arcs, brancher.price)
    hops = min(MOST_HOPS, asked.max_legs, asked.max_hops or MOST_HOPS)
    to_beat = planner.best.net if planner.best else -(asked.gas * hops) - 1
    single = best_arcs(graph, asked.start, asked.goal, asked.amount, asked.gas, hops, value, to_beat)
    if single:
        planner.offer([(arc, ALL_X64) for arc in single], value)
    return planner.best, bound


def _no_route(book: PoolBook, graph: RoutingGraph, asked: Asked, sell: str, buy: str) -> NoRoute:
    facts = {"sell": graph.tokens[asked.start], "buy": graph.tokens[asked.goal], "rule": "no_route"}
    hops = graph.hops_from(asked.start)[asked.goal]
    most = asked.max_hops or asked.max_legs
    if hops > min(most, asked.max_legs):
        return NoRoute(f"No path of up to {min(most, asked.max_legs)} pools joins {sell} and {buy}; add pools or allow more hops.", **facts)
    return NoRoute(
        f"No route from {sell} to {buy} of up to {asked.max_legs} legs takes all of {asked.amount} base units and gives something;"
        " offer another amount, or allow more legs.",
        amount=str(asked.amount),
        **facts,
    )
