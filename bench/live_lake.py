"""From the ledger to the lake: how long after a block came in its trades can be read in the Delta table, and what one append costs.

Beside it, in the same run: the same rows as a Parquet file each, written aside and moved into place. That keeps no place to begin again
from after a crash and no history; it shows what writing the rows costs at least.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
from rich.console import Console
from rich.table import Table

from executor.ledger.lake_segments import Flushed, LakeSegments, segment
from executor.ledger.rows import Block, Change, Trade
from executor.ports import SystemClock

AIM_SECONDS = 1.0
TRADES_A_BLOCK = 20


def main() -> int:
    """Prints both; 1 when the lake's table does not add up to the blocks that stand."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--blocks", type=int, default=200)
    parser.add_argument("--blocks-a-second", type=float, default=20.0)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        lake = Path(folder) / "lake"
        ledger = _Growing()
        waits, flushes = asyncio.run(_live(str(lake), ledger, told.blocks, told.blocks_a_second))
        alone = _alone(str(Path(folder) / "alone"), min(told.blocks, 100))
        bare = _bare(Path(folder), ledger.told[: min(told.blocks, 100)])
        rows = pl.read_delta(str(lake / "live_trades"))
    table = Table(
        title=f"{TRADES_A_BLOCK} trades a block, {told.blocks_a_second:g} blocks a second (aim: in the lake within {AIM_SECONDS:g} s)"
    )
    for name in ("what", "times", "p50 ms", "p95 ms", "max ms"):
        table.add_column(name, justify="left" if name == "what" else "right")
    for what, seconds in (
        ("block came in → its trades are in the lake", waits),
        (f"one append while so ({len(flushes)} appends)", flushes),
        ("one append of one block, one after the other", alone),
        ("bare: a Parquet file a block, moved into place", bare),
    ):
        p95 = statistics.quantiles(seconds, n=20)[-1]
        table.add_row(what, f"{len(seconds)}", *(f"{value * 1e3:.1f}" for value in (statistics.median(seconds), p95, max(seconds))))
    Console().print(table)
    standing = rows.group_by("block_hash", "log_index").agg(pl.col("change").sum()).filter(pl.col("change") == 1).height
    right = rows.height == TRADES_A_BLOCK * len(ledger.told) and standing == ledger.standing
    Console().print("The table adds up to the trades that stand." if right else "THE TABLE DOES NOT ADD UP.")
    return 0 if right else 1


class _Growing:
    """A ledger to which a block comes now and then; every tenth is taken back and replaced."""

    identity = "bench"

    def __init__(self) -> None:
        self.told: list[Change] = []
        self.came_at: dict[int, float] = {}
        self.standing = 0

    def changes(self, after: int, at_most: int = 1_000) -> list[Change]:
        return self.told[after : after + at_most]

    def grow(self) -> None:
        if len(self.told) % 10 == 9:
            last = self.told[-1]
            self._tell(-1, last.block, last.trades)
        number = len(self.told)
        block = Block(number, f"0x{number:064x}", f"0x{number - 1 if number else 0:064x}")
        self._tell(1, block, tuple(_trade(block, index) for index in range(TRADES_A_BLOCK)))

    def _tell(self, sign: int, block: Block, trades: tuple[Trade, ...]) -> None:
        self.told.append(Change(len(self.told) + 1, sign, block, int(time.time()), trades))
        self.came_at[len(self.told)] = time.perf_counter()
        self.standing += sign * len(trades)


async def _live(lake: str, ledger: _Growing, blocks: int, rate: float) -> tuple[list[float], list[float]]:
    waits: list[float] = []
    flushes: list[float] = []
    done = 0

    def told(flushed: Flushed) -> None:
        nonlocal done
        now = time.perf_counter()
        waits.extend(now - ledger.came_at[seq] for seq in range(done + 1, flushed.last_seq + 1))
        done = flushed.last_seq

    segments = LakeSegments(lake, ledger, SystemClock(), told=told)
    flush = segments.flush

    async def timed() -> Flushed | None:
        started = time.perf_counter()
        flushed = await flush()
        if flushed is not None:
            flushes.append(time.perf_counter() - started)
        return flushed

    segments.flush = timed  # type: ignore[method-assign]
    task = asyncio.create_task(segments.run())
    for _ in range(blocks):
        ledger.grow()
        await asyncio.sleep(1 / rate)
    while done < len(ledger.told):
        await asyncio.sleep(0.01)
    task.cancel()
    return waits, flushes


def _alone(lake: str, blocks: int) -> list[float]:
    ledger = _Growing()
    segments = LakeSegments(lake, ledger, SystemClock(), in_thread=False)

    async def story() -> list[float]:
        seconds = []
        for _ in range(blocks):
            ledger.grow()
            started = time.perf_counter()
            await segments.flush()
            seconds.append(time.perf_counter() - started)
        return seconds

    return asyncio.run(story())


def _bare(folder: Path, changes: list[Change]) -> list[float]:
    def write(change: Change) -> None:
        aside = folder / "aside.parquet"
        segment("bare", [change], datetime.now(UTC)).write_parquet(aside)
        aside.replace(folder / f"{change.seq}.parquet")

    return [_seconds(write, change) for change in changes]


def _seconds(work: Callable[[Change], None], change: Change) -> float:
    started = time.perf_counter()
    work(change)
    return time.perf_counter() - started


def _trade(block: Block, index: int) -> Trade:
    who, one, other = "0x" + "0a" * 20, "0x" + "aa" * 20, "0x" + "bb" * 20
    place = (1, block.number, block.hash, int(time.time()), f"0x{block.number:032x}{index:032x}", index, index)
    return Trade(*place, "DEX", "uniswap_v3", who, who, who, one, other, 10**18 + index, 3 * 10**9, 500, None)


if __name__ == "__main__":
    raise SystemExit(main())
