"""From a block to a row of the ledger on the disk, on a local chain with real swaps; web3.py's subscription beside it.

The clock starts when the node is told to mine, so its own work is in every figure. Ours hears of the block over the WebSocket, reads it
by hash with its logs, checks them, sends them through the stream within the process, decodes them and commits with a flush to the disk.
The peer takes the logs out of the notification itself (AsyncWeb3, `eth_subscribe("logs")`), decodes with `process_log` and inserts with
the same flush: it checks nothing, and loses what it did not hear. One after the other they hear of as many swaps on the same chain.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from domain.problems import Unavailable
from executor.chain.local.anvil import CHAIN_ID, ROOT, find_anvil
from executor.chain.node import HttpNode
from executor.chain.subscription import WebSocketSubscription
from executor.ledger.store import LedgerStore
from executor.ledger.writer import LedgerWriter
from executor.listener import BlockReader, Heads, Listener, LogFilter
from executor.ports import SystemClock
from executor.streams.memory import MemoryStream
from tests.executor.listener.trading import pools_of, send_swap
from tests.executor.local_market import Market, open_market

SWAPS = 300
WARM_UP = 20
AIM_P95_MS = 250.0
PATIENCE_SECONDS = 20.0
POOL_ID = 1  # a Uniswap V3 pool, whose event the peer knows
Rows = Callable[[], int]


def main() -> int:
    """Prints milliseconds of each side; returns 1 when a swap did not become a row with the right amounts."""
    parser = argparse.ArgumentParser(prog="python -m bench.listener", description=__doc__)
    parser.add_argument("--swaps", type=int, default=SWAPS, help="how many swaps each side hears of")
    chosen = parser.parse_args()
    try:
        find_anvil()
    except Unavailable as absent:
        Console().print(f"Left out: {absent.message}")
        return 0
    with tempfile.TemporaryDirectory(prefix="grekko-bench-") as folder, open_market(ROOT / "node_modules") as market:
        sides = {
            "ours: head → block and logs by hash → stream → ledger": asyncio.run(_ours(market, Path(folder) / "ledger.db", chosen.swaps)),
            "web3.py: logs by subscription → process_log → insert": asyncio.run(_web3(market, Path(folder) / "peer.db", chosen.swaps)),
        }
    title = f"block → row on the disk, {chosen.swaps} swaps each, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    table = Table("", "p50 ms", "p95 ms", "p99 ms", "max ms", "rows right", title=title)
    for name, (latencies, right) in sides.items():
        ordered = sorted(latencies)
        marks = (ordered[min(len(ordered) - 1, int(len(ordered) * part))] * 1e3 for part in (0.5, 0.95, 0.99, 1.0))
        table.add_row(name, *(f"{one:.1f}" for one in marks), f"{right} of {chosen.swaps}")
    Console().print(table)
    Console().print(f"The aim is a p95 of {AIM_P95_MS:.0f} ms.")
    return 0 if all(right == chosen.swaps for _, right in sides.values()) else 1


async def _ours(market: Market, path: Path, swaps: int) -> tuple[list[float], int]:
    node, clock, stream, pools = HttpNode(market.world.node.url), SystemClock(), MemoryStream(), pools_of(market)
    store = LedgerStore(path, CHAIN_ID, pools)
    heads = Heads(clock, WebSocketSubscription(_websocket(market)))
    reader = BlockReader(node, LogFilter(tuple(pools)))
    listener = Listener(reader, heads, stream, store, clock, CHAIN_ID, start_block=market.world.node.block_number() + 1, finality_depth=64)
    writer = LedgerWriter(stream, store, clock)
    tasks = [asyncio.ensure_future(one) for one in (heads.run(), listener.run(), writer.run())]
    latencies, hashes = await _swap(market, swaps, lambda: store.trades_written)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await node.close()
    rows = {trade.tx_hash: (trade.amount_in, trade.amount_out) for trade in store.trades()}
    store.close()
    return latencies, _right(market, hashes, rows)


async def _web3(market: Market, path: Path, swaps: int) -> tuple[list[float], int]:
    from web3 import AsyncWeb3, WebSocketProvider

    pool = market.pools[POOL_ID]
    abi = json.loads((ROOT / "node_modules/@uniswap/v3-core/artifacts/contracts/UniswapV3Pool.sol/UniswapV3Pool.json").read_text())["abi"]
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute(
        "create table trades (tx_hash text, log_index integer, amount0 text, amount1 text, primary key (tx_hash, log_index))"
    )
    rows: dict[str, tuple[int, int]] = {}
    async with AsyncWeb3(WebSocketProvider(_websocket(market))) as web3:
        address = web3.to_checksum_address(pool.address)
        swap = web3.eth.contract(address=address, abi=abi).events.Swap()
        await web3.eth.subscribe("logs", {"address": address, "topics": [swap.topic]})

        async def listen() -> None:
            async for message in web3.socket.process_subscriptions():
                event = swap.process_log(message["result"])  # pyright: ignore[reportTypedDictNotRequiredAccess]
                told = event["args"]["amount0"], event["args"]["amount1"]
                tx_hash = event["transactionHash"].to_0x_hex()
                connection.execute("insert into trades values (?, ?, ?, ?)", (tx_hash, event["logIndex"], *map(str, told)))
                rows[tx_hash] = (told[0], -told[1]) if told[0] > 0 else (told[1], -told[0])

        task = asyncio.ensure_future(listen())
        latencies, hashes = await _swap(market, swaps, lambda: len(rows))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
    connection.close()
    return latencies, _right(market, hashes, rows)


async def _swap(market: Market, swaps: int, rows: Rows) -> tuple[list[float], list[str]]:
    """Mine one swap after the other; how long after the node was told to its row was there."""
    latencies: list[float] = []
    hashes: list[str] = []
    for at in range(WARM_UP + swaps):
        before = rows()
        hashes.append(await _off_the_loop(lambda at=at: send_swap(market, POOL_ID, 100 + at, selling_first=at % 2 == 0)))
        mining = asyncio.ensure_future(_off_the_loop(lambda: _mine(market)))
        while rows() == before and not (mining.done() and time.perf_counter() - mining.result() > PATIENCE_SECONDS):
            await asyncio.sleep(0.0002)
        there = time.perf_counter()
        latencies.append(there - await mining)
    return latencies[WARM_UP:], hashes[WARM_UP:]


def _mine(market: Market) -> float:
    """A block of what waits; returns when the node was told to make it."""
    node, world = market.world.node, market.world
    world.timestamp += 12
    node.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    node.rpc("evm_setNextBlockTimestamp", world.timestamp)
    told = time.perf_counter()
    node.rpc("evm_mine")
    return told


async def _off_the_loop(work: Callable[[], Any]) -> Any:
    """The node is asked in a thread, or the loop that is measured would stand still meanwhile."""
    return await asyncio.to_thread(work)


def _websocket(market: Market) -> str:
    return market.world.node.url.replace("http", "ws", 1)


def _right(market: Market, hashes: list[str], rows: dict[str, tuple[int, int]]) -> int:
    """How many swaps are rows with the amounts of the pool's own log."""
    pool, right = market.pools[POOL_ID].address, 0
    for tx_hash in hashes:
        logs = [log for log in market.world.node.receipt(tx_hash)["logs"] if log["address"] == pool and len(log["data"]) == 322]
        amounts = [int.from_bytes(bytes.fromhex(logs[0]["data"][2 + at : 66 + at]), "big", signed=True) for at in (0, 64)]
        received, given = (amounts[0], -amounts[1]) if amounts[0] > 0 else (amounts[1], -amounts[0])
        right += rows.get(tx_hash) == (received, given)
    return right


if __name__ == "__main__":
    sys.exit(main())
