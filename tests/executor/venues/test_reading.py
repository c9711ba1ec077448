"""A pool is read whole however many ticks it has: a call reads as far as its gas reaches, and the next one goes on from there."""

from __future__ import annotations

import asyncio

import pytest

from domain.amm.concentrated import ConcentratedPool
from domain.amm.ticks import sqrt_price_at_tick
from domain.problems import Unavailable
from executor.chain.node import HttpNode
from executor.conformance import LocalStage
from executor.venue import every_venue

POSITIONS = 1_000


def test_a_pool_of_two_thousand_ticks_is_read_whole(node_modules):
    try:
        with LocalStage.open(every_venue()["uniswap_v3"]) as stage:
            shared = (stage.pool.token0, stage.pool.token1)
            other = next(one for one in (stage.next_pool.token0, stage.next_pool.token1) if one not in shared)
            pool = stage.create_pool(shared[0], other, 100)
            stage.initialize(pool, sqrt_price_at_tick(0))
            vault = stage.world.contracts["LiquidityVault"]
            ranges = [(2 * at - POSITIONS, 2 * at - POSITIONS + 1, 10**15 + at) for at in range(POSITIONS)]
            calls = [(stage.owner, stage.vault, vault.call_data("mint", pool.address, *one)) for one in ranges]
            stage.world.send_all(calls, per_block=40)
            value = asyncio.run(read(stage, pool.address))
    except Unavailable as absent:
        pytest.skip(absent.message)
    assert isinstance(value, ConcentratedPool)
    expected = {tick: net for lower, upper, liquidity in ranges for tick, net in ((lower, liquidity), (upper, -liquidity))}
    assert {tick: entry.liquidity_net for tick, entry in value.ticks.items()} == expected


async def read(stage: LocalStage, pool: str):
    async with HttpNode(stage.world.node.url, timeout_seconds=60) as node:
        return await stage.venue.get_pool_state(node, pool)
