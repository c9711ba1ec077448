"""The journal in an SQLite file: owned by one, durable after kill -9, whole after a full disk."""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from executor.journal import Journal, open_store, read_rows
from executor.journal.sqlite import SqliteStore
from executor.journal.verification import verify
from executor.orders import State
from executor.ports import SystemClock
from tests.executor.journal.killing import acknowledged_before_death
from tests.executor.journal.lives import intent, routed, whole

# More by the environment for a long run.
KILLS = int(os.environ.get("GREKKO_JOURNAL_KILLS", "20"))
PRAGMAS = ("journal_mode", "synchronous")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


async def opened(path: Path, **told) -> Journal:
    return await Journal.open(SqliteStore(path, **told), SystemClock(), name="eip155:31337")


def written(path: Path, lives: int = 1) -> None:
    """A journal with so many whole lives in it."""

    async def story():
        journal = await opened(path)
        for number in range(lives):
            await journal.append(*whole(f"o{number}", number, f"t{number}"))
        await journal.close()

    asyncio.run(story())


def test_what_was_appended_is_there_after_a_restart(path):
    written(path, 3)

    async def story():
        journal = await opened(path)
        assert [order.state for order in journal.orders.values()] == [State.FINAL] * 3
        assert journal.head[0] == 21
        await journal.close()

    asyncio.run(story())


def test_only_its_user_can_read_it_because_signed_transactions_lie_in_it(path):
    path.touch(0o644)

    async def story():
        journal = await opened(path)
        await journal.append(intent())
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
        await journal.close()
        return modes

    assert set(asyncio.run(story()).values()) == {0o600}


def test_every_commit_is_flushed_to_the_disk(path):
    async def story():
        store = SqliteStore(path)
        await store.load()
        asked = await store._do(
            lambda: [store._opened().execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
        )
        await store.close()
        await store.close()
        return asked

    assert asyncio.run(story()) == ["wal", 2]


def test_a_second_owner_is_refused_and_told_who_the_first_is(path):
    async def story():
        journal = await opened(path)
        code = "import asyncio, sys; from executor.journal import *; from executor.ports import SystemClock\n"
        code += "asyncio.run(Journal.open(open_store(sys.argv[1]), SystemClock()))"
        other = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
        assert f"JournalHeld: Another executor (process {os.getpid()}) owns the journal" in other.stderr
        with pytest.raises(JournalHeld):
            await opened(path)
        await journal.close()
        await (await opened(path)).close()

    asyncio.run(story())


def test_a_reader_sees_what_is_committed_while_the_owner_writes(path):
    async def story():
        journal = await opened(path)
        await journal.append(*whole())
        rows = await asyncio.to_thread(read_rows, str(path))
        await journal.append(intent("b"))
        await journal.close()
        return rows

    assert verify(asyncio.run(story())).holds


def test_a_full_disk_leaves_no_half_entry_and_the_journal_goes_on_when_there_is_space(path):
    async def story():
        store = SqliteStore(path, most_pages=40)
        journal = await Journal.open(store, SystemClock())
        refused, number = 0, 0
        while not refused:
            head = journal.head
            try:
                await journal.append(*whole(f"o{number}", number, f"t{number}"))
                number += 1
            except JournalUnavailable as problem:
                assert "free disk space" in problem.message and problem.facts["sqlite"] == "SQLITE_FULL"
                refused += 1
        assert journal.head == head and f"o{number}" not in journal.orders
        assert [row.seq for row in read_rows(path)][-1] == head[0]
        await store._do(lambda: store._opened().execute("pragma max_page_count=4000").fetchall())
        await journal.append(*whole(f"o{number}", number, f"t{number}"))
        await journal.close()

    asyncio.run(story())
    assert verify(read_rows(path)).holds


def test_kill_9_at_any_moment_loses_nothing_that_was_acknowledged(path):
    """20 kills (GREKKO_JOURNAL_KILLS) of a process with eight appenders, all on one journal."""
    chance, promised = random.Random(11), {}
    for run in range(KILLS):
        promised |= acknowledged_before_death(str(path), run, chance)
    rows = read_rows(path)
    found = {row.seq: row.hash for row in rows}
    assert len(promised) > KILLS
    assert [seq for seq, digest in promised.items() if found.get(seq) != digest] == []
    assert verify(rows).holds


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_byte_changed_in_any_row_is_found(path, data):
    if not path.exists():
        written(path)
    rows = read_rows(path)
    row = data.draw(st.sampled_from(rows))
    column = data.draw(st.sampled_from(["previous", "hash", "entry"]))
    told = {"previous": row.previous, "hash": row.hash, "entry": row.text}[column].encode()
    at = data.draw(st.integers(0, len(told) - 1))
    put = data.draw(st.integers(0, 255).filter(lambda byte: byte != told[at]))
    changed = told[:at] + bytes([put]) + told[at + 1 :]
    with sqlite3.connect(path) as connection:
        connection.execute(f"update journal set {column} = cast(? as text) where seq = ?", (changed, row.seq))
    try:
        verification = verify(read_rows(path))
        assert not verification.holds and verification.first_broken_seq == row.seq
        with pytest.raises(Broken):
            asyncio.run(opened(path))
    finally:
        with sqlite3.connect(path) as connection:
            connection.execute(f"update journal set {column} = cast(? as text) where seq = ?", (told, row.seq))


def test_a_file_that_is_no_journal_is_said_so(tmp_path):
    with pytest.raises(BadInput, match="There is no journal"):
        read_rows(tmp_path / "none.sqlite")
    (tmp_path / "text").write_text("hello, this is certainly no database at all" * 20)
    with pytest.raises(BadInput, match="is no journal"):
        read_rows(tmp_path / "text")
    with pytest.raises(Broken, match="damaged"):
        asyncio.run(opened(tmp_path / "text"))


def test_a_damaged_file_is_broken_and_not_acted_upon(path):
    written(path, 30)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(4096))
    with pytest.raises(Broken, match="journal"):
        asyncio.run(opened(path))


def test_a_place_that_cannot_be_written_is_unavailable(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnavailable, match="cannot be opened"):
        asyncio.run(opened(tmp_path / "file" / "journal.sqlite"))


def test_rows_that_another_process_slipped_in_are_noticed_at_the_next_commit(path):
    async def story():
        journal = await opened(path)
        row = journal.entries()[0]
        with sqlite3.connect(path) as connection:
            connection.execute("insert into journal values (1, ?, ?, ?)", (row.hash, "0" * 64, row.text))
        with pytest.raises(JournalHeld, match="stop this one"):
            await journal.append(intent())
        await journal.close()

    asyncio.run(story())


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}"])
def test_a_setting_with_a_path_means_sqlite(path, form):
    store = open_store(form.format(path))
    assert isinstance(store, SqliteStore) and store.path == path


@pytest.mark.parametrize("setting", ["", "mysql://host/db", "sqlite://relative", "sqlite:///"])
def test_a_setting_that_means_no_store_is_refused_with_those_that_do(setting):
    with pytest.raises(BadInput, match="postgresql://"):
        open_store(setting)


def test_an_order_can_go_on_after_a_restart(path):
    async def story(*entries):
        journal = await opened(path)
        await journal.append(*entries)
        await journal.close()

    asyncio.run(story(intent()))
    asyncio.run(story(routed()))
    assert [row.about[0] for row in read_rows(path)] == ["journal_begun", "intent", "routed"]
