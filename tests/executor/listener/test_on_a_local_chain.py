"""The whole way on a real node: swaps of the production pools of three venues, reorgs of real blocks, the WebSocket, and the file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from domain.events import PairSwap, Swap
from executor.chain.local.anvil import CHAIN_ID
from executor.chain.node import HttpNode
from executor.chain.subscription import WebSocketSubscription
from executor.ledger.store import LedgerStore
from executor.ledger.writer import LedgerWriter
from executor.listener import BlockReader, Heads, Listener, LogFilter, rebuild
from executor.ports import SystemClock
from executor.streams.memory import MemoryStream
from tests.executor.listener.trading import head_of, mine, pools_of, send_swap
from tests.executor.local_market import Market, events_of, open_market

SCHEDULES = 5
FINALITY = 200


@pytest.fixture(scope="module")
def market(node_modules: Path) -> Iterator[Market]:
    with open_market(node_modules) as opened:
        yield opened


class Listening:
    """A listener and a ledger in a file, on the market's node."""

    def __init__(self, market: Market, path: Path) -> None:
        self.market, self.clock = market, SystemClock()
        self.pools = pools_of(market)
        self.node = HttpNode(market.world.node.url)
        self.store = LedgerStore(path, CHAIN_ID, self.pools)
        self.start = market.world.node.block_number() + 1

    async def __aenter__(self) -> Listening:
        stream = MemoryStream()
        heads = Heads(self.clock, WebSocketSubscription(self.market.world.node.url.replace("http", "ws")), poll_seconds=1.0)
        listener = Listener(
            self._reader(), heads, stream, self.store, self.clock, CHAIN_ID, start_block=self.start, finality_depth=FINALITY
        )
        writer = LedgerWriter(stream, self.store, self.clock)
        self.tasks = [asyncio.ensure_future(one) for one in (heads.run(), listener.run(), writer.run())]
        async with asyncio.timeout(10):
            while not heads.is_ringing:
                await asyncio.sleep(0.01)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.node.close()

    def _reader(self) -> BlockReader:
        return BlockReader(self.node, LogFilter(tuple(self.pools)))

    async def settled(self) -> None:
        """Until the ledger is at the node's head."""
        async with asyncio.timeout(20):
            while self.store.tip_hash != head_of(self.market.world.node):
                await asyncio.sleep(0.01)

    async def rebuilt(self) -> LedgerStore:
        store = LedgerStore(":memory:", CHAIN_ID, self.pools)
        await rebuild(self._reader(), store, start_block=self.start, finality_depth=FINALITY)
        return store


def test_a_swap_on_each_venue_is_a_row_with_the_amounts_of_its_receipt(market, tmp_path):
    async def story():
        async with Listening(market, tmp_path / "ledger.db") as listening:
            hashes = {pool_id: send_swap(market, pool_id, 500 + pool_id) for pool_id in market.pools}
            mine(market)
            await listening.settled()
            trades = {trade.tx_hash: trade for trade in listening.store.trades()}
            assert set(trades) == set(hashes.values())
            for pool_id, tx_hash in hashes.items():
                pool, trade = market.pools[pool_id], trades[tx_hash]
                (event,) = [one for one in events_of(market.world.node.receipt(tx_hash), [pool]) if isinstance(one, Swap | PairSwap)]
                received = (event.amount0, event.amount1) if isinstance(event, Swap) else _net(event)
                assert (trade.protocol, trade.pool, trade.fee_pips) == (pool.venue, pool.address, pool.fee_pips)
                assert (trade.token_in, trade.token_out) == (pool.token0.address, pool.token1.address)
                assert (trade.amount_in, -trade.amount_out) == received
            assert {trade.protocol for trade in trades.values()} == {"uniswap_v3", "sushiswap", "pancakeswap_v3"}

    asyncio.run(story())


def _net(event: PairSwap) -> tuple[int, int]:
    return event.amount0_in - event.amount0_out, event.amount1_in - event.amount1_out


@pytest.mark.parametrize("seed", range(SCHEDULES))
def test_real_reorgs_leave_the_ledger_that_the_chain_alone_gives(market, tmp_path, seed):
    async def story():
        chance = Random(seed)
        node = market.world.node
        async with Listening(market, tmp_path / "ledger.db") as listening:
            for _ in range(3):
                _trade(market, chance, blocks=chance.randrange(2, 8))
                await listening.settled()
                depth = chance.randrange(1, node.block_number() - listening.start + 1)
                if chance.random() < 0.5:
                    node.roll_back(depth)
                    _trade(market, chance, blocks=depth + chance.randrange(1, 3))
                else:
                    node.rpc("anvil_reorg", depth, [])
                    _trade(market, chance, blocks=1)
                await listening.settled()
            expected = await listening.rebuilt()
            assert listening.store.digest() == expected.digest()
            assert len(list(listening.store.trades())) > 0 and listening.store.retracted() != []
            expected.close()
        listening.store.close()

    asyncio.run(story())


def _trade(market: Market, chance: Random, *, blocks: int) -> None:
    for _ in range(blocks):
        for _ in range(chance.randrange(1, 3)):
            send_swap(market, chance.choice(list(market.pools)), chance.uniform(10, 2_000), selling_first=chance.random() < 0.5)
        mine(market)
