"""How much gas a plan will use, before anything is rehearsed: a base, so much for each pool, and so much for each tick crossed.

A rehearsal knows better; this is for choosing a route, where nothing can be rehearsed yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol


class GasModel(NamedTuple):
    """Gas of a transaction through one kind of router."""

    base: int
    per_concentrated_pool: int
    per_pair: int
    per_tick: int


# Least squares over 1,500 mined swaps on the production bytecode of three venues (`python -m bench.gas --swaps 1500 --fit`), in pools
# that had been traded in before: 871 through SplitRouter, with one to four legs, and 629 through the venues' own routers.
THROUGH_OURS = GasModel(39_600, 76_500, 68_900, 54_000)
THROUGH_VENUES = GasModel(40_100, 68_500, 58_000, 52_000)
# What one more leg costs a split, whatever pool it goes through: for a router that is told one number.
PER_LEG = THROUGH_OURS.per_concentrated_pool


class GasLeg(Protocol):
    """What of a leg decides its gas."""

    @property
    def concentrated(self) -> bool: ...


def gas_of(legs: Iterable[GasLeg], ticks_crossed: int = 0, *, through_ours: bool = True) -> int:
    """The gas that a plan is expected to use; `through_ours` when it goes through SplitRouter and not a venue's own router."""
    model = THROUGH_OURS if through_ours else THROUGH_VENUES
    pools = sum(model.per_concentrated_pool if leg.concentrated else model.per_pair for leg in legs)
    return model.base + pools + ticks_crossed * model.per_tick
