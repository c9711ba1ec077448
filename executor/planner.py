"""How an order will be executed: the best split on the pools as they stand, proved by replay, as one call with its minimum output.

The minimum is the caller's own floor or the planned output less the slippage, whichever is more, and never zero: a concentrated pool
that runs out of liquidity fills a part and succeeds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from domain.amm.concentrated import ConcentratedPool
from domain.problems import BadInput, Broken, Refused
from executor.calls import Routers, call_for, replay
from executor.orders import OrderRequest, PlannedLeg, Routed
from executor.routing.pool_book import BookedPool, PoolBook
from executor.routing.split import EFFORT, SplitLeg, SplitRoute, split_route

BPS = 10_000
MAX_LEGS, MAX_HOPS = 8, 3
# Somebody who only looks may wait for a tighter certificate; an order would rather be on its way. The plan itself is hardly ever another.
LOOKING, ORDERING = EFFORT, EFFORT // 2


@dataclass(frozen=True, slots=True)
class Floor:
    """The pools as they stand, and when: at the end of a block, or (number 0, no hash) as they were handed over."""

    chain_id: int
    book: PoolBook
    as_of: datetime
    block_number: int = 0
    block_hash: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """A route, the floor it was found on, and what each leg was charged for gas (base units of the bought token)."""

    floor: Floor
    route: SplitRoute
    legs: tuple[PlannedLeg, ...]
    gas_per_leg: int


class SplitPlanner:
    """Plans over whatever `floor` says the pools are now; it raises Unavailable where they are not known.

    `gas_per_leg` tells what one more pool costs, base units of the bought token, 0 where nothing prices it. `stand_in` receives what
    is bought where no account trades. Without `routers` nothing can be called: the plan has no call, which is enough to simulate.
    """

    def __init__(
        self,
        floor: Callable[[], Floor],
        gas_per_leg: Callable[[Floor, str], int],
        routers: Routers | None = None,
        *,
        stand_in: str = "",
        max_legs: int = MAX_LEGS,
        max_hops: int = MAX_HOPS,
    ) -> None:
        self.floor = floor
        self._gas_per_leg = gas_per_leg
        self._routers, self._stand_in = routers, stand_in
        self._max_legs, self._max_hops = max_legs, max_hops

    def route(
        self,
        sell: str,
        buy: str,
        amount_in: int,
        *,
        gas_per_leg: int | None = None,
        max_legs: int | None = None,
        max_hops: int | None = None,
        effort: int = LOOKING,
    ) -> Planned:
        """The best split of `amount_in` (base units) of the token at `sell` for the one at `buy`; `effort` tightens the certificate.

        Raises NoRoute when no path takes the whole amount, UnknownToken, BadInput, Unavailable.
        """
        floor = self.floor()
        gas = self._gas_per_leg(floor, buy) if gas_per_leg is None else gas_per_leg
        found = split_route(
            floor.book,
            sell,
            buy,
            amount_in,
            gas_per_leg=gas,
            max_legs=max_legs or self._max_legs,
            max_hops=max_hops or self._max_hops,
            effort=effort,
        )
        return Planned(floor, found, tuple(_placed(floor.book.pool(leg.pool_id), leg) for leg in found.legs), gas)

    async def plan(self, request: OrderRequest, account: str | None, deadline: int) -> Routed:
        """The order's legs, its minimum output and the call; `deadline` is unix seconds.

        Raises NoRoute, UnknownToken, BadInput when the floor of the caller is above what can be had, Unavailable.
        """
        planned = self.route(request.sell, request.buy, request.amount_in, effort=ORDERING)
        found, legs = planned.route, planned.legs
        _prove(planned)
        least = max(found.amount_out * (BPS - request.slippage_bps) // BPS, request.min_amount_out or 0, 1)
        if least > found.amount_out:
            raise Refused(
                f"The best route gives {found.amount_out} base units, the least you take is {least}; lower min_amount_out or sell later.",
                rule="min_amount_out",
                amount_out=str(found.amount_out),
                min_amount_out=str(least),
            )
        to = spender = call_data = ""
        if self._routers is not None:
            receiver = account or self._stand_in
            to, spender, call_data = call_for(
                legs, self._routers, recipient=receiver, amount_in=request.amount_in, min_amount_out=least, deadline=deadline
            )
        return Routed(
            legs=legs,
            amount_in=request.amount_in,
            amount_out=found.amount_out,
            min_amount_out=least,
            certificate_bps=found.certificate_bps,
            block_number=planned.floor.block_number,
            block_hash=planned.floor.block_hash,
            to=to,
            spender=spender,
            call_data=call_data,
            deadline=deadline,
        )


def _placed(booked: BookedPool, leg: SplitLeg) -> PlannedLeg:
    if booked.address is None:
        raise BadInput(f"Pool {booked.pool_id} has no address in the pools file; nothing can be sent there.", field="pool")
    return PlannedLeg(
        pool_id=leg.pool_id,
        pool=booked.address,
        venue=booked.venue or booked.protocol,
        concentrated=isinstance(booked.pool, ConcentratedPool),
        fee_pips=booked.pool.fee_pips,
        sell=leg.sell,
        buy=leg.buy,
        share_x64=leg.share_x64,
        amount_in=leg.amount_in,
        amount_out=leg.amount_out,
    )


def _prove(planned: Planned) -> None:
    """The route again, by the arithmetic of the contract. Raises Broken when the two differ: such a plan must not be sent."""
    filled = replay(planned.floor.book, planned.legs, planned.route.amount_in)
    goal = planned.legs[-1].buy
    given = sum(one.amount_out for leg, one in zip(planned.legs, filled, strict=True) if leg.buy == goal)
    if given != planned.route.amount_out:
        raise Broken(
            f"The router says {planned.route.amount_out} and the replay of its legs {given} base units; do not trade on it.",
            amount_out=str(planned.route.amount_out),
            replayed=str(given),
        )
