"""The best single path from one token to another: every path of up to three pools, quoted exactly, no pool twice.

Nothing is left out by guesswork. Two facts keep it quick: a token from which the goal is too far away is never entered, and
the last hop is asked only of the largest amount that may take it, because a pool never gives less for more. A pool that
cannot take the whole amount is no part of a path: a partial fill would leave the rest in the trader's hands.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from domain.amm.quote import checked_amount
from domain.problems import BadInput, NoRoute
from executor.routing.pool_book import PoolBook, Way

MOST_HOPS = 3


@dataclass(frozen=True, slots=True)
class Leg:
    """One pool of a route, with what goes in and what comes out, in base units."""

    pool_id: int
    sell: str
    buy: str
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class Route:
    """Legs in order; each leg's output is the next one's input."""

    legs: tuple[Leg, ...]
    amount_in: int
    amount_out: int


class _Path(NamedTuple):
    """A path that has come as far as `amount` of some token, through `hops`, each with the amount it put out."""

    amount: int
    pool_ids: tuple[int, ...]
    hops: tuple[tuple[Way, int], ...]


def best_path(book: PoolBook, sell: str, buy: str, amount: int, max_hops: int = MOST_HOPS) -> Route:
    """The path that gives the most of `buy` for `amount` of `sell` (symbols or addresses); of equals the shorter, then the lower ids.

    Raises NoRoute when no path of that length takes the whole amount.
    """
    start, goal = _ends(book, sell, buy, max_hops)
    checked_amount(amount)
    distance = _hops_to(book, goal, max_hops)
    best: _Path | None = None
    frontier: dict[str, list[_Path]] = {start: [_Path(amount, (), ())]}
    for hops_left in range(max_hops, 0, -1):
        arrived = _last_hops(book, frontier, goal)
        if arrived is not None and (best is None or arrived.amount > best.amount):
            best = arrived
        if hops_left > 1:
            frontier = _one_hop_further(book, frontier, distance, hops_left - 1)
    if best is None:
        raise _no_route(book, start, goal, amount, max_hops, reachable=distance.get(start, max_hops + 1) <= max_hops)
    return _as_route(best, start, amount)


def all_paths(book: PoolBook, sell: str, buy: str, amount: int, max_hops: int = MOST_HOPS) -> list[Route]:
    """Every path that takes the whole amount, best first. Slower than `best_path`; it leaves nothing out at all."""
    start, goal = _ends(book, sell, buy, max_hops)
    checked_amount(amount)
    frontier: dict[str, list[_Path]] = {start: [_Path(amount, (), ())]}
    found: list[_Path] = []
    for _ in range(max_hops):
        frontier = _one_hop_further(book, frontier, None, max_hops)
        found += frontier.get(goal, [])
    found.sort(key=lambda path: (-path.amount, len(path.pool_ids), path.pool_ids))
    return [_as_route(path, start, amount) for path in found]


def _ends(book: PoolBook, sell: str, buy: str, max_hops: int) -> tuple[str, str]:
    if not 1 <= max_hops <= MOST_HOPS:
        raise BadInput(f"max_hops is {max_hops}; a path has 1 to {MOST_HOPS} hops.", field="max_hops", value=max_hops)
    start, goal = book.token(sell).address, book.token(buy).address
    if start == goal:
        raise BadInput(f"{sell} and {buy} are the same token; name two.", field="buy", token=start)
    return start, goal


def _hops_to(book: PoolBook, goal: str, most: int) -> dict[str, int]:
    """How many hops each token is away from the goal, as far as `most`."""
    distance = {goal: 0}
    edge = [goal]
    for hops in range(1, most + 1):
        edge = list({way.to for token in edge for way in book.ways_out_of(token) if way.to not in distance})
        distance.update(dict.fromkeys(edge, hops))
    return distance


def _last_hops(book: PoolBook, frontier: dict[str, list[_Path]], goal: str) -> _Path | None:
    """The best of the paths that reach the goal with their next hop."""
    best: _Path | None = None
    for token, paths in frontier.items():
        ways = [way for way in book.ways_out_of(token) if way.to == goal]
        if not ways:
            continue
        paths.sort(key=lambda path: (-path.amount, path.pool_ids))
        for way in ways:
            for path in paths:
                if way.pool_id in path.pool_ids:
                    continue
                given = way.pool.output_for(way.zero_for_one, path.amount)
                if given is None:
                    continue  # too much for this pool; a smaller amount may fit
                if given and (best is None or given > best.amount):
                    best = _further(path, way, given)
                break
    return best


def _one_hop_further(
    book: PoolBook, frontier: dict[str, list[_Path]], distance: dict[str, int] | None, hops_left: int
) -> dict[str, list[_Path]]:
    """Every path one pool longer, by the token it reaches; tokens from which the goal is out of reach are not entered."""
    reached: dict[str, list[_Path]] = defaultdict(list)
    for token, paths in frontier.items():
        ways = book.ways_out_of(token)
        if distance is not None:
            ways = [way for way in ways if distance.get(way.to, hops_left + 1) <= hops_left]
        for path in paths:
            for way in ways:
                if way.pool_id not in path.pool_ids:
                    given = way.pool.output_for(way.zero_for_one, path.amount)
                    if given:
                        reached[way.to].append(_further(path, way, given))
    return reached


def _further(path: _Path, way: Way, given: int) -> _Path:
    return _Path(given, (*path.pool_ids, way.pool_id), (*path.hops, (way, given)))


def _as_route(path: _Path, start: str, amount: int) -> Route:
    legs: list[Leg] = []
    token, spent = start, amount
    for way, given in path.hops:
        legs.append(Leg(way.pool_id, token, way.to, spent, given))
        token, spent = way.to, given
    return Route(tuple(legs), amount, path.amount)


def _no_route(book: PoolBook, start: str, goal: str, amount: int, max_hops: int, reachable: bool) -> NoRoute:
    sell, buy = book.token(start).symbol, book.token(goal).symbol
    facts = {"sell": start, "buy": goal, "max_hops": max_hops}
    if not reachable:
        return NoRoute(f"No path of up to {max_hops} pools joins {sell} and {buy}; add pools or allow more hops.", **facts)
    return NoRoute(
        f"No path from {sell} to {buy} of up to {max_hops} pools takes all of {amount} base units and gives something;"
        " offer another amount.",
        amount=str(amount),
        **facts,
    )
