"""Where there is no chain: orders are rehearsed on the pools' own values, and nothing answers as if there were a node."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from domain.problems import Unavailable
from executor.offline import NoGas, NoNode, PoolRehearsal
from executor.orders import OrderRequest
from executor.planner import Floor, SplitPlanner
from executor.routing.pool_book import PoolBook
from tests.executor.trading_floor import NOON, USDC, WEI, WETH

REQUEST = OrderRequest("one", WETH, USDC, 2_000 * WEI)


def test_a_rehearsal_gives_what_was_planned_while_the_pools_stand_still(book: PoolBook) -> None:
    floor = Floor(1, book, NOON)

    async def story() -> None:
        routed = await SplitPlanner(lambda: floor, lambda at, token: 0).plan(REQUEST, None, 1_800_000_000)
        done = await PoolRehearsal(lambda: floor).rehearse(REQUEST, routed, None)
        assert (done.amount_in, done.amount_out, done.fees) == (routed.amount_in, routed.amount_out, None)
        assert done.gas_limit > done.gas_used > 100_000

    asyncio.run(story())


def test_a_rehearsal_on_pools_that_moved_too_far_says_so(book: PoolBook) -> None:
    async def story() -> None:
        routed = await SplitPlanner(lambda: Floor(1, book, NOON), lambda at, token: 0).plan(REQUEST, None, 1_800_000_000)
        moved = book
        for leg in routed.legs:
            after, _ = book.pool(leg.pool_id).pool.swap(book.pool(leg.pool_id).sells(leg.sell), leg.amount_in)
            moved = moved.with_pool(leg.pool_id, after)
        with pytest.raises(Unavailable, match="changed since the plan") as told:
            await PoolRehearsal(lambda: Floor(1, moved, NOON)).rehearse(replace(REQUEST), routed, None)
        assert told.value.facts["rule"] == "simulation_reverted"

    asyncio.run(story())


def test_there_is_no_node_and_no_price_of_gas() -> None:
    async def story() -> None:
        for asked in (NoNode().call("eth_chainId"), NoNode().batch([]), NoGas().fees()):
            with pytest.raises(Unavailable, match="no chain in the mode simulate"):
                await asked

    asyncio.run(story())
