"""Legs of a split as they are executed: in order, each taking its share of what is held of its token at that moment.

The arithmetic is the router contract's: `amount = held * share_x64 >> 64`, a share of 2^64 is all of it, the last leg of a token
takes all. So nothing of an intermediate token is left over, whatever the pools round to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from domain.problems import Refused
from executor.routing.graph import RoutingGraph

ALL_X64 = 1 << 64


@dataclass(frozen=True, slots=True)
class SplitLeg:
    """One pool of a split: it takes `held * share_x64 >> 64` of what is held of `sell` when its turn comes. Base units."""

    pool_id: int
    sell: str
    buy: str
    share_x64: int
    amount_in: int
    amount_out: int


def run_legs(graph: RoutingGraph, arcs: Sequence[tuple[int, int]], start: int, amount: int) -> tuple[list[SplitLeg], dict[int, int]] | None:
    """The legs of arcs with shares, replayed in whole numbers, and what is held of each token afterwards.

    None where a pool cannot take its part whole, or a part is worth nothing.
    """
    held = {start: amount}
    legs: list[SplitLeg] = []
    for arc, share in arcs:
        sell, buy = int(graph.source[arc]), int(graph.target[arc])
        spent = held.get(sell, 0) * share >> 64
        if not spent:
            return None
        try:
            given = graph.pools[graph.pool[arc]].output_for(bool(graph.down[arc]), spent)
        except Refused:  # the pool's ticks do not add up that far out
            return None
        if not given:
            return None
        held[sell] -= spent
        held[buy] = held.get(buy, 0) + given
        legs.append(SplitLeg(graph.pool_ids[graph.pool[arc]], graph.tokens[sell], graph.tokens[buy], share, spent, given))
    return legs, held


def in_order(graph: RoutingGraph, taken: Mapping[int, float], start: int, goal: int) -> list[tuple[int, int]] | None:
    """Arcs with their shares in an order in which every token has come in before it goes out; None when they run in a circle.

    `taken` is what each arc is to take, in base units; only the proportions among the arcs of one token matter. Arcs that lead
    nowhere are left out.
    """
    useful = on_the_way(graph, taken, start, goal)
    if not useful:
        return None
    leaving: dict[int, list[int]] = {}
    waiting: dict[int, int] = {}
    for arc in useful:
        leaving.setdefault(int(graph.source[arc]), []).append(arc)
        waiting[int(graph.target[arc])] = waiting.get(int(graph.target[arc]), 0) + 1
    ready, plan = [start], []
    if waiting.get(start):
        return None
    while ready:
        token = ready.pop()
        arcs = sorted(leaving.pop(token, []), key=lambda arc: (taken[arc], arc))
        left = sum(taken[arc] for arc in arcs)
        for at, arc in enumerate(arcs):
            share = ALL_X64 if at == len(arcs) - 1 else min(int(taken[arc] / left * ALL_X64), ALL_X64 - 1)
            left -= taken[arc]
            plan.append((arc, share))
            target = int(graph.target[arc])
            waiting[target] -= 1
            if not waiting[target] and target != goal:
                ready.append(target)
    return None if leaving else plan


def on_the_way(graph: RoutingGraph, arcs: Iterable[int], start: int, goal: int) -> list[int]:
    """Those of the arcs that can be reached from the start and from which the goal can be reached."""
    kept = [arc for arc in arcs if int(graph.target[arc]) != start and int(graph.source[arc]) != goal]
    while True:
        entered = {int(graph.target[arc]) for arc in kept} | {start}
        left = {int(graph.source[arc]) for arc in kept} | {goal}
        fewer = [arc for arc in kept if int(graph.source[arc]) in entered and int(graph.target[arc]) in left]
        if len(fewer) == len(kept):
            return kept
        kept = fewer


def longest_path(graph: RoutingGraph, arcs: Sequence[int], start: int) -> int:
    """How many pools the longest path through these arcs has; they are in running order."""
    depth = {start: 0}
    for arc in arcs:
        source, target = int(graph.source[arc]), int(graph.target[arc])
        depth[target] = max(depth.get(target, 0), depth.get(source, 0) + 1)
    return max(depth.values())
