"""Credit: what each agent's voice was worth in a decision, in whole base units that add up to its result.

The Shapley value (L. S. Shapley, "A Value for n-Person Games", 1953) pays an agent the average of what it changed, over every order in
which the agents could have spoken. It is the only division that adds up, pays equals alike, pays nothing to whoever changed nothing, and
adds over decisions. The utility share beside it pays those who were for the action by how much they were: easy to read, and it also pays
an agent that only agrees with the others, so weights and training use the Shapley value.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from math import factorial
from typing import Any, TypeVar

from domain.problems import BadInput
from domain.shares import rounded, split

# What a set of agents would have earned, base units; the empty set is what happens without any of them.
Value = Callable[[frozenset[str]], int]
Proposal = TypeVar("Proposal")
Action = TypeVar("Action")

# Up to so many agents every coalition is looked at (2^10 of them); beyond, orders are drawn.
MOST_EXACT = 10
DRAWN_ORDERS = 2_000


@dataclass(frozen=True, slots=True)
class Credits:
    """A decision's result, divided twice; each division adds up to `result`. Base units, by agent.

    `result` is what the decision earned beyond what would have happened without any agent.
    """

    result: int
    shapley: Mapping[str, int]
    utility_share: Mapping[str, int]


def decision_value(
    proposals: Mapping[str, Proposal], tally: Callable[[Mapping[str, Proposal]], Action], result: Callable[[Action], int]
) -> Value:
    """What coalitions are worth: the result of the action that the tally rule takes when only their proposals are on the table.

    `result` gives what an action would have earned, base units, at the same prices for every coalition.
    """
    return lambda coalition: result(tally({name: proposal for name, proposal in proposals.items() if name in coalition}))


def divided(value: Value, utilities_ppm: Mapping[str, int]) -> Credits:
    """The result of all agents named in `utilities_ppm` (their utility of the action taken), divided both ways."""
    agents = sorted(utilities_ppm)
    shapley = shapley_value(agents, value)
    result = sum(shapley.values())
    return Credits(result, shapley, utility_share(result, utilities_ppm))


def own_results(agents: Iterable[str], value: Value) -> dict[str, int]:
    """What each agent would have earned by itself, beyond what happens without any: the scores that weights learn from."""
    nobody = value(frozenset())
    return {name: value(frozenset({name})) - nobody for name in sorted(agents)}


def shapley_value(agents: Iterable[str], value: Value, *, seed: int = 0, orders: int = DRAWN_ORDERS) -> dict[str, int]:
    """Each agent's credit, base units; they add up to value(all) − value(nobody) exactly.

    Exact up to MOST_EXACT agents. Beyond, the average over `orders` drawn orders and their reversals; the same seed and names give
    the same orders on every machine. Fractions of a unit go by largest remainder, equal ones by name, so a credit is off by less than
    one unit and an agent that changes nothing gets 0. Raises BadInput for an agent named twice or fewer than one drawn order.
    """
    names = sorted(agents)
    if len(set(names)) != len(names):
        raise BadInput(f"An agent is named twice among {', '.join(names)}; name each once.", field="agents")
    if orders < 1:
        raise BadInput(f"orders is {orders}; draw at least 1.", field="orders")
    if len(names) <= MOST_EXACT:
        return dict(zip(names, rounded(_exact(names, value), factorial(len(names))), strict=True))
    return dict(zip(names, rounded(_drawn(names, cache(value), seed, orders), 2 * orders), strict=True))


def shapley_shares(agents: Iterable[str], side: Callable[[frozenset[str]], int]) -> dict[str, int]:
    """Each agent's part in an action, in n! parts: what every later gain or loss of it is divided by, to the last unit.

    `side` is what a coalition would have done: 1 the same, -1 the opposite, 0 nothing; the opposite would have earned the opposite. An
    agent that spoke against what was done has a negative part: it is paid when the action loses. Raises BadInput for more than
    MOST_EXACT agents, or when all of them together would not have acted.
    """
    names = sorted(set(agents))
    if len(names) > MOST_EXACT or side(frozenset(names)) != 1:
        raise BadInput(f"Shares need an action that all agents together took, and at most {MOST_EXACT} of them.", field="side")
    nobody = side(frozenset())
    return dict(zip(names, _exact(names, lambda coalition: side(coalition) - nobody), strict=True))


def utility_share(result: int, utilities_ppm: Mapping[str, int]) -> dict[str, int]:
    """The result in proportion to the utility each agent saw in the action taken; who was against it, or abstained with 0, gets none.

    When nobody was for it, it is divided equally. Raises BadInput when there is a result and nobody to take it.
    """
    names = sorted(utilities_ppm)
    if result and not names:
        raise BadInput(f"There is no agent to take the result of {result}; name at least one.", field="utilities_ppm")
    return dict(zip(names, split(result, [max(utilities_ppm[name], 0) for name in names]), strict=True))


def _exact(names: list[str], value: Value) -> list[int]:
    """Credits times n!: each coalition counts as often as it comes first among the n! orders."""
    count = len(names)
    worth = [value(frozenset(name for place, name in enumerate(names) if mask >> place & 1)) for mask in range(1 << count)]
    often = [factorial(size) * factorial(count - size - 1) for size in range(count)]
    return [
        sum(often[mask.bit_count()] * (worth[mask | bit] - worth[mask]) for mask in range(1 << count) if not mask & bit)
        for bit in (1 << place for place in range(count))
    ]


def _drawn(names: list[str], value: Value, seed: int, orders: int) -> list[int]:
    """Credits times twice the orders. An order and its reversal are opposite mistakes, which mostly cancel (antithetic sampling)."""
    credit = dict.fromkeys(names, 0)
    for number in range(orders):
        order = sorted(names, key=lambda name: _lot(seed, number, name))
        for line in (order, order[::-1]):
            before, present = value(frozenset()), set[str]()
            for name in line:
                present.add(name)
                after = value(frozenset(present))
                credit[name] += after - before
                before = after
    return [credit[name] for name in names]


def _lot(seed: int, number: int, name: str) -> bytes:
    """A draw that no version of a random generator can change."""
    return hashlib.blake2b(f"{seed}|{number}|{name}".encode(errors="surrogatepass"), digest_size=16).digest()


def explained(credits: Credits) -> dict[str, Any]:
    """As a document, for the record of a negotiation."""
    return {"result": credits.result, "shapley": dict(credits.shapley), "utility_share": dict(credits.utility_share)}
