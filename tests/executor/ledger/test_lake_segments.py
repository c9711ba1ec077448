"""The ledger's changes in the lake: each once, whatever crashes, and their sum is what stands."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from assets.ledger import live_trades
from domain.problems import Unavailable
from executor.ledger.lake_segments import LakeSegments, segment
from tests.executor.ledger.live_changes import GENESIS_TIME, ScriptedLedger
from tests.executor.ledger.segment_writer import whole_story

KILLS = 5


class StoppedClock:
    """Two seconds after the first block; a wait lasts no time and is remembered."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(GENESIS_TIME + 2, UTC)

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
def lake(tmp_path: Path) -> str:
    return str(tmp_path / "lake")


def segments(lake: str, ledger: ScriptedLedger, **told) -> LakeSegments:
    return LakeSegments(lake, ledger, StoppedClock(), **told)


def flush(writer: LakeSegments):
    return asyncio.run(writer.flush())


def rows(lake: str) -> pl.DataFrame:
    return pl.read_delta(f"{lake}/live_trades").sort("ledger", "seq", "log_index")


def standing(lake: str) -> list[tuple[str, int]]:
    sums = rows(lake).group_by("block_hash", "log_index").agg(pl.col("change").sum())
    assert set(sums["change"]) <= {0, 1}
    return sorted(sums.filter(pl.col("change") == 1).select("block_hash", "log_index").iter_rows())


def test_a_block_is_in_the_lake_with_exact_amounts(lake):
    ledger = ScriptedLedger()
    ledger.grow()
    told = flush(segments(lake, ledger))
    assert (told.rows, told.changes, told.last_seq, told.last_block, told.lag_seconds, told.version) == (2, 1, 1, 0, 2.0, 0)
    first = rows(lake).row(0, named=True)
    assert (first["venue"], first["protocol"], first["change"], first["amount_in"]) == ("DEX", "uniswap_v3", 1, 10**37)
    assert first["block_time"] == datetime.fromtimestamp(GENESIS_TIME, UTC) and str(first["day"]) == "2026-03-01"


def test_the_rows_are_those_of_the_lakes_table():
    ledger = ScriptedLedger()
    ledger.grow()
    made = segment("first", ledger.told, datetime.now(UTC))
    assert live_trades.TABLE.conform(made).height == 2


def test_a_reorg_is_appended_and_the_sum_is_what_stands(lake):
    ledger = ScriptedLedger()
    writer = segments(lake, ledger)
    ledger.grow(3)
    flush(writer)
    ledger.fall_back(2)
    ledger.grow(3)
    told = flush(writer)
    assert (told.rows, told.retractions, told.version) == (10, 4, 1)
    assert standing(lake) == ledger.standing()
    assert rows(lake).height == 16


def test_nothing_new_writes_nothing_and_blocks_without_trades_are_passed_over(lake):
    ledger = ScriptedLedger()
    writer = segments(lake, ledger)
    assert flush(writer) is None
    ledger.grow(3, trades=0)
    assert flush(writer) is None
    ledger.grow()
    assert flush(writer).last_seq == 4
    assert flush(writer) is None


def test_a_writer_after_a_restart_begins_behind_what_is_there(lake):
    ledger = ScriptedLedger()
    ledger.grow(5)
    flush(segments(lake, ledger))
    again = segments(lake, ledger)
    assert flush(again) is None
    ledger.grow()
    assert flush(again).rows == 2
    assert standing(lake) == ledger.standing()


def test_a_commit_whose_answer_was_lost_is_not_written_twice(lake, monkeypatch):
    import deltalake

    ledger, write = ScriptedLedger(), deltalake.write_deltalake
    ledger.grow(2)
    writer = segments(lake, ledger)

    def written_but_not_answered(*args, **told):
        write(*args, **told)
        raise OSError("connection reset")

    monkeypatch.setattr(deltalake, "write_deltalake", written_but_not_answered)
    with pytest.raises(Unavailable, match="kept and tried again"):
        flush(writer)
    monkeypatch.undo()
    assert flush(writer) is None
    assert standing(lake) == ledger.standing()


def test_two_writers_of_one_ledger_never_write_a_change_twice(lake):
    ledger = ScriptedLedger()
    ledger.grow()
    first, second = segments(lake, ledger), segments(lake, ledger)
    flush(first)
    flush(second)
    ledger.grow(2)
    flush(first)
    with pytest.raises(Unavailable):
        flush(second)
    assert flush(second) is None
    assert standing(lake) == ledger.standing()


def test_a_ledger_that_was_built_anew_is_written_from_its_beginning_under_its_own_name(lake):
    for identity in ("first", "second"):
        ledger = ScriptedLedger(identity)
        ledger.grow(2)
        flush(segments(lake, ledger))
    assert rows(lake)["ledger"].to_list() == ["first"] * 4 + ["second"] * 4


def test_kill_9_at_any_moment_leaves_each_change_once(lake):
    """5 kills, then the last run goes to its end; the sum equals a ledger that was never killed."""
    chance = random.Random(3)
    command = [sys.executable, "-m", "tests.executor.ledger.segment_writer", lake]
    for _ in range(KILLS):
        writer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        writer.stdout.readline()
        time.sleep(chance.uniform(0.0, 0.15))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.endswith("done\n")
    found, ledger = rows(lake), whole_story()
    assert found.select("seq", "log_index").is_duplicated().sum() == 0
    assert found.height == sum(len(change.trades) for change in ledger.told)
    assert standing(lake) == ledger.standing()


def test_the_task_tries_a_lake_that_does_not_answer_ever_more_slowly_and_then_goes_on(tmp_path):
    (tmp_path / "lake").write_text("not a folder")
    ledger, clock, heard = ScriptedLedger(), StoppedClock(), []
    ledger.grow()
    writer = LakeSegments(str(tmp_path / "lake"), ledger, clock, in_thread=False, told=heard.append)

    async def story():
        task = asyncio.create_task(writer.run())
        while writer.failures < 4:
            await asyncio.sleep(0)
        (tmp_path / "lake").unlink()
        while not heard:
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(story())
    assert clock.waits[:4] == [1.0, 2.0, 4.0, 8.0]
    assert (writer.flushes, writer.rows, writer.last_lag_seconds) == (1, 2, 2.0)


def test_a_long_backlog_is_written_without_waiting_in_between(lake):
    ledger, clock = ScriptedLedger(), StoppedClock()
    ledger.grow(2_500, trades=1)
    writer = LakeSegments(lake, ledger, clock, in_thread=False)

    async def story():
        task = asyncio.create_task(writer.run())
        while not clock.waits:
            await asyncio.sleep(0)
        task.cancel()

    asyncio.run(story())
    assert (writer.flushes, writer.rows) == (3, 2_500)


def test_a_flush_that_was_cancelled_ends_before_the_next_begins(lake):
    ledger, entered, go_on = ScriptedLedger(), threading.Event(), threading.Event()
    ledger.grow(2)
    changes = ledger.changes

    def held_up(after: int, at_most: int = 1_000):
        entered.set()
        go_on.wait(5)
        return changes(after, at_most)

    ledger.changes = held_up  # type: ignore[method-assign]
    writer = segments(lake, ledger)

    async def story():
        task = asyncio.create_task(writer.flush())
        await asyncio.to_thread(entered.wait, 5)
        task.cancel()
        follow = asyncio.create_task(writer.flush())
        await asyncio.sleep(0.01)
        go_on.set()
        assert await follow is None

    asyncio.run(story())
    assert standing(lake) == ledger.standing()
