"""The journal's cost: appends alone and a hundred at once, and how soon a long journal is open again.

Beside it, in the same run: an SQLite row with a full flush each, and a line appended to a file with fdatasync. Those keep no orders, no
chain of hashes and nobody from writing twice; they show what the disk itself costs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from executor.journal import Journal, Sealed
from executor.journal.sealing import canonical, first_row, sealed
from executor.journal.sqlite import SqliteStore
from executor.journal.verification import verify
from executor.orders import (
    Attempt,
    Entry,
    Fees,
    OrderRequest,
    Outcome,
    PlannedLeg,
    Rehearsed,
    Routed,
    Seen,
    State,
    entry_of,
    intent_entry,
)
from executor.ports import SystemClock

RESTART_AIM_SECONDS = 2.0
AT = datetime(2026, 3, 1, tzinfo=UTC)
ENTRIES_OF_A_LIFE = 7


def main() -> int:
    """Prints both tables; 1 when an acknowledged entry is missing or the journal does not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appends", type=int, default=1_000, help="appends by one appender; a hundred appenders make ten times as many")
    parser.add_argument("--restart", type=int, nargs="*", default=[10_000, 100_000, 200_000], help="journals to open, in entries")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:  # /tmp may be memory, which flushes nothing
        good = asyncio.run(_appends(Path(folder), told.appends))
        good &= asyncio.run(_restarts(Path(folder), told.restart))
    Console().print(
        "Every acknowledged entry is there and the journals verify." if good else "AN ENTRY IS MISSING OR A JOURNAL DOES NOT VERIFY."
    )
    return 0 if good else 1


async def _appends(folder: Path, count: int) -> bool:
    table = Table(title="until durable")
    for name in ("what", "appenders", "entries", "commits", "entries a second", "p50 ms", "p95 ms"):
        table.add_column(name, justify="left" if name == "what" else "right")
    good = True
    for appenders, each in ((1, count), (100, count // 10)):
        path = folder / f"{appenders}.sqlite"
        store = _Counted(path)
        journal = await Journal.open(store, SystemClock())

        async def append(appender: int, number: int, journal: Journal = journal) -> None:
            life, step = divmod(number, ENTRIES_OF_A_LIFE)
            await journal.append(_life(f"{appender}-{life}", appender * 1_000_000 + life)[step])

        seconds, waits = await _timed(append, appenders, each)
        good &= len(journal.entries()) == 1 + appenders * each and verify(journal.entries()).holds
        await journal.close()
        _row(table, "grekko journal", appenders, store.commits, seconds, waits)
    text = canonical(_life("peer", 1)[1])
    for what, insert in (("bare sqlite3, a row a commit", _bare_sqlite(folder)), ("a file, fdatasync a line", _bare_file(folder))):
        waits = [insert(text) for _ in range(count)]
        _row(table, what, 1, count, sum(waits), waits)
    Console().print(table)
    return good


async def _restarts(folder: Path, sizes: list[int]) -> bool:
    table = Table(title=f"opened again, hashes checked and unfinished orders folded (aim: {RESTART_AIM_SECONDS:.0f} s)")
    for name in ("entries", "MB", "seconds", "of it reading rows"):
        table.add_column(name, justify="right")
    good = True
    for size in sizes:
        path = folder / f"restart-{size}.sqlite"
        store = SqliteStore(path)
        await store.load()
        rows = [first_row("bench", AT)]
        for number in range(size // ENTRIES_OF_A_LIFE):
            for entry in _life(f"order-{number}", number)[: None if number % 100 else 5]:  # one in a hundred is still on its way
                rows.append(sealed(canonical(entry), rows[-1]))
        await store.commit(rows)
        await store.close()
        count, expected = len(rows), len(range(0, size // ENTRIES_OF_A_LIFE, 100))
        del rows
        reader = SqliteStore(path)
        started = time.perf_counter()
        await reader.load()
        reading = time.perf_counter() - started
        await reader.close()
        started = time.perf_counter()
        journal = await Journal.open(SqliteStore(path), SystemClock())
        unfinished = journal.orders.unfinished()
        seconds = time.perf_counter() - started
        good &= len(unfinished) == expected and len(journal.entries()) == count
        await journal.close()
        table.add_row(f"{count:,}", f"{path.stat().st_size / 1e6:.0f}", f"{seconds:.2f}", f"{reading:.2f}")
    Console().print(table)
    return good


class _Counted(SqliteStore):
    commits = 0

    async def commit(self, rows: Sequence[Sealed]) -> None:
        self.commits += 1
        await super().commit(rows)


async def _timed(append: Callable[[int, int], Awaitable[None]], appenders: int, each: int) -> tuple[float, list[float]]:
    waits: list[float] = []

    async def one(appender: int) -> None:
        for number in range(each):
            started = time.perf_counter()
            await append(appender, number)
            waits.append(time.perf_counter() - started)

    started = time.perf_counter()
    await asyncio.gather(*(one(appender) for appender in range(appenders)))
    return time.perf_counter() - started, waits


def _row(table: Table, what: str, appenders: int, commits: int, seconds: float, waits: list[float]) -> None:
    p95 = statistics.quantiles(waits, n=20)[-1]
    rate = len(waits) / seconds
    table.add_row(
        what, f"{appenders}", f"{len(waits):,}", f"{commits:,}", f"{rate:,.0f}", f"{statistics.median(waits) * 1e3:.2f}", f"{p95 * 1e3:.2f}"
    )


def _bare_sqlite(folder: Path) -> Callable[[str], float]:
    connection = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    connection.execute("pragma journal_mode=wal")
    connection.execute("pragma synchronous=full")
    connection.execute("create table rows (seq integer primary key, entry text)")

    def insert(text: str) -> float:
        started = time.perf_counter()
        connection.execute("insert into rows (entry) values (?)", (text,))
        return time.perf_counter() - started

    return insert


def _bare_file(folder: Path) -> Callable[[str], float]:
    file = os.open(folder / "bare.jsonl", os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def append(text: str) -> float:
        started = time.perf_counter()
        os.write(file, text.encode() + b"\n")
        os.fdatasync(file)
        return time.perf_counter() - started

    return append


def _life(order_id: str, nonce: int) -> list[Entry]:
    """From intent to final: three legs, 600 bytes of call data, 800 bytes of signed transaction."""
    block, tx = f"0x{nonce:064x}", f"0x{nonce + 1:064x}"
    sell, buy, router = "0x" + "aa" * 20, "0x" + "bb" * 20, "0x" + "cc" * 20
    legs = tuple(PlannedLeg(n, f"0x{n:040x}", "uniswap_v3", True, 500, sell, buy, 2**64, 10**18, 3 * 10**9) for n in range(3))
    return [
        intent_entry(OrderRequest(order_id, sell, buy, 10**18), "live", router, AT),
        entry_of(
            State.ROUTED,
            order_id,
            AT,
            Routed(legs, 10**18, 3 * 10**9, 29 * 10**8, 0.4, nonce, block, router, router, "0x" + "ab" * 600, 1_800_000_000),
        ),
        entry_of(
            State.SIMULATED,
            order_id,
            AT,
            Rehearsed(10**18, 3 * 10**9, 150_000, 180_000, Fees(10**10, 10**9, 10**9, 0.95, 3), 10**15, nonce, block),
        ),
        entry_of(State.SIGNED, order_id, AT, Attempt("swap", nonce, tx, "0x" + "cd" * 800, 180_000, 10**10, 10**9, AT)),
        entry_of(State.BROADCAST, order_id, AT, {"tx_hash": tx}),
        entry_of(State.SEEN, order_id, AT, Seen(tx, nonce, block, 1)),
        entry_of(State.FINAL, order_id, AT, Outcome(tx, nonce, block, 1, 10**18, 3 * 10**9, 150_000, 2 * 10**9)),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
