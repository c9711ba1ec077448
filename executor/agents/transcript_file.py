"""The record of negotiations in an SQLite file: write-ahead log, each commit flushed, rows only ever added.

The file also keeps its own last hash in a row of its own, so that a record whose end was cut off does not verify.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from executor.agents.transcript import Row

FILE = "negotiations.sqlite"
_TABLES = """
create table if not exists negotiations (
    seq integer primary key, at_ns integer not null, conversation_id text not null, trade_id text not null, kind text not null,
    agent text not null, note text not null, payload blob not null, previous text not null, hash text not null
) strict;
create index if not exists of_trade on negotiations (trade_id, seq);
create table if not exists head (only integer primary key check (only = 0), seq integer not null, hash text not null) strict;
create trigger if not exists never_changed before update on negotiations begin select raise(abort, 'rows are only added'); end;
create trigger if not exists never_removed before delete on negotiations begin select raise(abort, 'rows are only added'); end;
"""
_COLUMNS = "seq, at_ns, conversation_id, trade_id, kind, agent, note, payload, previous, hash"
_LAST = f"select {_COLUMNS} from negotiations order by seq desc limit 1"
_OF_TRADE = f"select {_COLUMNS} from negotiations where trade_id = ? order by seq"
_ALL = f"select {_COLUMNS} from negotiations order by seq"


class SqliteRows:
    """Rows in the file at `path`. All SQLite work happens in one thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="negotiations")
        self._connection: sqlite3.Connection | None = None

    async def head(self) -> Row | None:
        return await self._do(self._head)

    async def commit(self, rows: Sequence[Row]) -> None:
        await self._do(self._commit, rows)

    async def of_trade(self, trade_id: str) -> list[Row]:
        return await self._do(lambda: [Row(*row) for row in self._opened().execute(_OF_TRADE, (trade_id,))])

    async def close(self) -> None:
        await self._do(self._close)
        self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[..., Any], *args: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
        except sqlite3.DatabaseError as error:
            raise _problem(self.path, error) from error

    def _head(self) -> Row | None:
        found = self._opened().execute(_LAST).fetchone()
        return Row(*found) if found else None

    def _commit(self, rows: Sequence[Row]) -> None:
        connection = self._opened()
        connection.execute("begin immediate")
        try:
            last = self._head()
            if (last.hash if last else "0" * 64) != rows[0].previous:
                raise JournalHeld(f"Another process writes to {self.path}; give each executor its own folder.", path=str(self.path))
            connection.executemany("insert into negotiations values (?,?,?,?,?,?,?,?,?,?)", rows)
            connection.execute("insert or replace into head values (0, ?, ?)", (rows[-1].seq, rows[-1].hash))
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=5, check_same_thread=False)
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.executescript(_TABLES)
            self.path.chmod(0o600)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def read_rows(path: Path, trade_id: str | None = None) -> tuple[list[Row], tuple[int, str] | None]:
    """All rows of the file, or those of one trade, and the last row as the file itself keeps it; only to look at, also while it is written.

    Raises BadInput when there is no record, Broken when the file is damaged.
    """
    if not path.is_file():
        raise BadInput(f"There is no record of negotiations at {path}; hold one first.", path=str(path))
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            connection.text_factory = lambda told: told.decode(errors="replace")
            found = connection.execute(_ALL) if trade_id is None else connection.execute(_OF_TRADE, (trade_id,))
            rows = [Row(*row) for row in found]
            return rows, connection.execute("select seq, hash from head").fetchone()
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error) or "not a database" in str(error):
            raise BadInput(f"{path} is no record of negotiations ({error}).", path=str(path)) from error
        raise _problem(path, error) from error


def read_what_is_left(path: Path) -> tuple[list[Row], tuple[int, str] | None, str]:
    """As `read_rows` and as of one moment, but a damaged file gives the rows before the damage, and a sentence about it.

    The sentence is empty when the file is whole. Raises BadInput when there is none, JournalUnavailable when it cannot be read just now.
    """
    if not path.is_file():
        raise BadInput(f"There is no record of negotiations at {path}; hold one first.", path=str(path))
    rows: list[Row] = []
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)) as connection:
            connection.text_factory = lambda told: told.decode(errors="replace")
            connection.execute("begin")  # or a row that comes meanwhile would look like an end that does not fit
            rows.extend(Row(*row) for row in connection.execute(_ALL))
            return rows, connection.execute("select seq, hash from head").fetchone(), ""
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise _problem(path, error) from error
        return rows, None, f"{path.name} is damaged after {len(rows)} rows ({error}); restore it from a copy."


def _problem(path: Path, error: sqlite3.DatabaseError) -> Broken | JournalUnavailable:
    if getattr(error, "sqlite_errorname", "") in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return Broken(f"The record {path} is damaged ({error}); restore it from a copy.", path=str(path))
    return JournalUnavailable(f"Nothing was written to {path} ({error}); look at the disk and ask again.", path=str(path))
