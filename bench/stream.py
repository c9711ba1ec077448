"""Fifty thousand logs a second for a minute, through a real broker of the Kafka protocol, until each is a row on the disk.

A generator plays the chain: a block every ten milliseconds, whatever happens (an open loop: a log's latency counts from the moment its
block was due). The product's own listener publishes it in one process, the product's own ledger reads, decodes and commits it in another,
flushed to the disk with every commit. Then the same again with the broker killed (kill -9) and started anew in the middle. Afterwards every
row is compared with the generator's record.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from executor.chain.blocks import Block, Log
from executor.ledger.rows import Applied, PoolFacts
from executor.ledger.store import LedgerStore
from executor.ledger.writer import LedgerWriter
from executor.listener.heads import Heads
from executor.listener.listener import Listener
from executor.listener.reader import BlockReader, Header
from executor.ports import SystemClock
from executor.streams import open_stream
from executor.streams.messages import LOG
from executor.streams.stream import Received
from executor.venue import every_venue
from tests.executor.streams.brokers import KINDS, Broker, Kind, find

BLOCKS_A_SECOND = 100
CHAIN_ID = 31337
AIM_P95_MS = 200.0
PATIENCE_SECONDS = 60.0
POOLS = 32
BLOCK_NUMBER = slice(24, 32)  # where a log message has it


def main() -> int:
    """Prints latency and processor time of both runs; returns 1 when a row was lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.stream", description=__doc__)
    parser.add_argument("--rate", type=int, default=50_000, help="logs a second, in hundreds")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--broker", choices=KINDS, default="tansu")
    parser.add_argument("--runs", choices=("both", "steady", "killed"), default="both")
    parser.add_argument("--side", choices=("publish", "write"), help=argparse.SUPPRESS)
    parser.add_argument("--plan", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.side:
        side = {"publish": _publish, "write": _write}[chosen.side]
        print(json.dumps(asyncio.run(side(**json.loads(chosen.plan)))))
        return 0
    if find(chosen.broker) is None:
        Console().print(f"Left out: the broker {chosen.broker} is not installed; it is part of the `dev` extra.")
        return 0
    runs = [killed for killed in (False, True) if chosen.runs in ("both", "killed" if killed else "steady")]
    found = [run(chosen.broker, chosen.rate, chosen.seconds, killed=killed) for killed in runs]
    _print(chosen, found)
    return 0 if all(one["right"] for one in found) else 1


def run(kind: Kind, rate: int, seconds: int, *, killed: bool) -> dict[str, Any]:
    """One run: what was measured, and whether the ledger is the generator's record."""
    with tempfile.TemporaryDirectory(prefix="grekko-bench-") as name, Broker(kind, Path(name)) as broker:
        folder = Path(name)
        plan = {"setting": broker.setting, "path": str(folder / "ledger.db"), "rate": rate, "seconds": seconds}
        LedgerStore(plan["path"], CHAIN_ID).close()
        sides = [_side(side, plan) for side in ("write", "publish")]
        starts = time.monotonic() + 1.0
        for side in sides:
            assert side.stdin is not None
            side.stdin.write(f"{starts}\n")
            side.stdin.flush()
        cpu = 0.0
        if killed:
            time.sleep(max(0.0, starts + seconds / 2 - time.monotonic()))
            cpu = broker.cpu_seconds()
            broker.kill()
            broker.start()
        told = [json.loads(side.communicate()[0].splitlines()[-1]) for side in sides]
        figures = {**told[0], **told[1], "killed": killed, "broker_cpu": cpu + broker.cpu_seconds()}
        return figures | compare(folder / "ledger.db", rate, seconds)


def compare(path: Path, rate: int, seconds: int) -> dict[str, Any]:
    """The ledger beside the generator's record, row by row."""
    store = LedgerStore(path, CHAIN_ID, pool_facts())
    found, keys, wrong = 0, set[tuple[int, int]](), 0
    wanted = Generated(rate, seconds)
    block: Block | None = None
    for trade in store.trades():
        if block is None or block.number != trade.block_number:
            block = wanted.made(trade.block_number)
        found += 1
        keys.add((trade.block_number, trade.log_index))
        log = block.logs[trade.log_index]
        amounts = (int.from_bytes(log.data[:32], "big", signed=True), -int.from_bytes(log.data[32:64], "big", signed=True))
        right = (block.hash, log.tx_hash, log.address, *amounts)
        wrong += (trade.block_hash, trade.tx_hash, trade.pool, trade.amount_in, trade.amount_out) != right
    aside = len(store.quarantine())
    store.close()
    lost = wanted.count * wanted.logs_a_block - len(keys)
    verdict = {"rows": found, "lost": lost, "doubled": found - len(keys), "wrong": wrong, "aside": aside}
    return verdict | {"right": not any((lost, verdict["doubled"], wrong, aside))}


def _side(side: str, plan: dict[str, Any]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "bench.stream", "--side", side, "--plan", json.dumps(plan)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()  # it is ready
    return process


def _started() -> float:
    """The moment the run starts, once both processes are ready."""
    print("ready", flush=True)
    return float(sys.stdin.readline())


class Generated(BlockReader):
    """The chain of the benchmark: block n is due n hundredths of a second after the start, and is the same whenever it is asked for."""

    def __init__(self, rate: int, seconds: int, starts: float = 0.0) -> None:
        super().__init__(None)  # pyright: ignore[reportArgumentType]  # there is no node to ask
        self.starts = starts
        self.count = seconds * BLOCKS_A_SECOND
        self.logs_a_block = rate // BLOCKS_A_SECOND

    def due(self) -> int:
        """The newest block by now; −1 before the first."""
        return min(int((time.monotonic() - self.starts) * BLOCKS_A_SECOND), self.count - 1) if time.monotonic() >= self.starts else -1

    async def head(self) -> Header:
        return self._header(self.due())

    async def headers(self, numbers: Sequence[int]) -> list[Header]:
        return [self._header(at) for at in numbers]

    async def by_hash(self, hash: str) -> Header:
        return self._header(next(at for at in range(self.due(), -1, -1) if block_hash(at) == hash))

    async def block(self, header: Header) -> Block:
        return self.made(header.number)

    async def blocks(self, headers: Sequence[Header]) -> list[Block]:
        return [self.made(header.number) for header in headers]

    def made(self, number: int) -> Block:
        """A block with its logs."""
        header, hash = self._header(number), block_hash(number)
        logs = [
            Log(*_POOLS[at % POOLS], _data()[(number + at) % 997], number, hash, f"{hash[:58]}{at:08x}", at, at)
            for at in range(self.logs_a_block)
        ]
        return header.with_logs(logs)

    @staticmethod
    def _header(number: int) -> Header:
        return Header(number, block_hash(number), block_hash(number - 1), 1_767_571_200 + number // BLOCKS_A_SECOND, 10**9, None, 0)


@lru_cache(maxsize=20_000)
def block_hash(number: int) -> str:
    return "0x" + hashlib.sha256(b"%d" % number).hexdigest()


_SWAP = every_venue()["uniswap_v3"].topic_of("swap")
_ACCOUNT = "0x" + "00" * 12 + "ee" * 20
_POOLS = [("0x" + f"{at + 1:02x}" * 20, (_SWAP, _ACCOUNT, _ACCOUNT)) for at in range(POOLS)]


def pool_facts() -> dict[str, PoolFacts]:
    """The pools of the generator, as the ledger knows them."""
    venue = every_venue()["uniswap_v3"]
    return {address: PoolFacts(address, venue, "0x" + "a0" * 20, "0x" + "a1" * 20, 500) for address, _ in _POOLS}


@lru_cache
def _data() -> list[bytes]:
    """The data of swaps of many sizes: amount0 comes in, amount1 goes out."""
    numbers = [(10**18 + at * 10**15, -(10**9) - at, 2**96, 10**20, at) for at in range(997)]
    return [b"".join(word.to_bytes(32, "big", signed=True) for word in words) for words in numbers]


async def _publish(setting: str, path: str, rate: int, seconds: int) -> dict[str, Any]:
    """The first process: the product's listener on the generator's chain."""
    clock, store, chain = SystemClock(), LedgerStore(path, CHAIN_ID), Generated(rate, seconds)
    chain.made(0)
    chain.starts = starts = _started()
    heads = Heads(clock, poll_seconds=0.2)
    listener = Listener(chain, heads, open_stream(setting, clock), store, clock, CHAIN_ID, finality_depth=200, stall_seconds=3.0)
    task = asyncio.ensure_future(listener.run())
    late, told_before = 0.0, -1
    while (store.tip_number or 0) < chain.count - 1 and time.monotonic() < starts + seconds + PATIENCE_SECONDS:
        due = chain.due()
        if due > told_before:
            late = max(late, time.monotonic() - (starts + due / BLOCKS_A_SECOND))
            told_before = due
            heads.ring()
        if due == chain.count - 1:
            store.refresh()
        await asyncio.sleep(max(0.001, starts + (due + 1) / BLOCKS_A_SECOND - time.monotonic()))
        if task.done():
            task.result()
    task.cancel()
    return {"sessions": listener.sessions, "messages": listener.messages, "publish_cpu": time.process_time(), "late_ms": late * 1e3}


class _Measured(LedgerStore):
    """The product's store, with the time of each row's commit beside it: how many logs of which block became durable when."""

    def __init__(self, path: str) -> None:
        super().__init__(path, CHAIN_ID, pool_facts())
        self.starts = 0.0
        self.latencies: list[tuple[float, int]] = []
        self._rows: Counter[int] = Counter()

    def apply(self, stream: str, batch: Sequence[Received]) -> Applied:
        applied = super().apply(stream, batch)
        now = time.monotonic()
        came = Counter(message[BLOCK_NUMBER] for _, _, message in batch if message[1] == LOG)
        all_new = applied.trades == came.total()
        for told, count in came.items():
            number = int.from_bytes(told, "big")
            # Some came before: then the rows themselves say how many of which block are new.
            news = count if all_new else self._rows_of(number) - self._rows[number]
            self._rows[number] += news
            self.latencies.append((now - self.starts - number / BLOCKS_A_SECOND, news))
        return applied

    def _rows_of(self, number: int) -> int:
        query = "select count(*) from trades where block_id = (select block_id from blocks where hash = ?)"
        return self._connection.execute(query, (bytes.fromhex(block_hash(number)[2:]),)).fetchone()[0]


async def _write(setting: str, path: str, rate: int, seconds: int) -> dict[str, Any]:
    """The second process: the product's ledger."""
    clock, store = SystemClock(), _Measured(path)
    writer = LedgerWriter(open_stream(setting, clock), store, clock)
    task = asyncio.ensure_future(writer.run())
    await asyncio.sleep(0.5)  # it has met the broker
    store.starts = starts = _started()
    last = seconds * BLOCKS_A_SECOND - 1
    while store.tip_number != last and time.monotonic() < starts + seconds + PATIENCE_SECONDS and not task.done():
        await asyncio.sleep(0.05)
    ended = time.monotonic() - starts
    task.cancel()
    rows = sum(count for _, count in store.latencies)
    within, figures = 0, {}
    marks = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)]
    for latency, count in sorted(store.latencies):
        within += count
        while marks and within >= marks[0][1] * rows:
            figures[f"{marks.pop(0)[0]}_ms"] = latency * 1e3
    return figures | {"write_cpu": time.process_time(), "batches": writer.batches, "reopened": writer.reopened, "took": ended}


def _print(chosen: argparse.Namespace, found: Sequence[dict[str, Any]]) -> None:
    title = f"{chosen.rate:,} logs/s for {chosen.seconds} s through {chosen.broker}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    table = Table("", *("the broker killed in the middle" if one["killed"] else "steady" for one in found), title=title)
    for name, words in (
        ("p50_ms", "due → durable, p50 ms"),
        ("p95_ms", f"p95 ms (aim {AIM_P95_MS:.0f})"),
        ("p99_ms", "p99 ms"),
        ("max_ms", "max ms"),
        ("rows", "rows"),
        ("lost", "lost"),
        ("doubled", "doubled"),
        ("wrong", "wrong"),
        ("messages", "messages published"),
        ("sessions", "sessions of the listener"),
        ("batches", "commits"),
        ("publish_cpu", "processor seconds, listener"),
        ("write_cpu", "processor seconds, ledger"),
        ("broker_cpu", "processor seconds, broker"),
        ("late_ms", "generator late by at most, ms"),
    ):
        table.add_row(words, *(f"{one.get(name, float('nan')):,.1f}".removesuffix(".0") for one in found))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
