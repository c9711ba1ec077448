"""A journal in an SQLite file: write-ahead log, every commit flushed to the disk, one owner by a lock that dies with its process.

Readers need no lock and see what is committed, also while an executor writes.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from executor.journal.sealing import Sealed

_TABLE = """
create table if not exists journal (
    seq integer primary key,
    previous text not null unique,
    hash text not null,
    entry text not null
) strict
"""
_ROWS = "select seq, previous, hash, entry from journal where seq > ? order by seq"
# The log is folded into the file at 4 MiB; sooner would add flushes, later would make a restart read more.
_PAGES_BEFORE_CHECKPOINT = 1_000


class SqliteStore:
    """Rows in the file at `path`, which only its owner's user can read. All SQLite work happens in one thread of its own.

    `most_pages` limits the file's size in pages of 4 KiB; beyond it, the disk counts as full.
    """

    def __init__(self, path: Path | str, *, most_pages: int | None = None) -> None:
        self.path = Path(path)
        self._most_pages = most_pages
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._lock: int | None = None
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    async def load(self, after: int = -1) -> list[Sealed]:
        return await self._do(self._load, after)

    async def commit(self, rows: Sequence[Sealed]) -> None:
        await self._do(self._commit, rows)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._do(self._close)
            self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[..., Any], *args: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
        except sqlite3.DatabaseError as error:
            raise problem_of(self.path, error) from error
        except OSError as error:
            raise JournalUnavailable(f"The journal {self.path} cannot be opened: {error.strerror}.", path=str(self.path)) from error

    def _load(self, after: int) -> list[Sealed]:
        return [Sealed(*row) for row in self._opened().execute(_ROWS, (after,))]

    def _commit(self, rows: Sequence[Sealed]) -> None:
        connection = self._opened()
        try:
            connection.execute("begin immediate")
            connection.executemany("insert into journal values (?, ?, ?, ?)", [(row.seq, row.previous, row.hash, row.text) for row in rows])
            connection.execute("commit")
        except sqlite3.DatabaseError:
            if connection.in_transaction:  # a full disk may have rolled it back already
                connection.execute("rollback")
            raise

    def _opened(self) -> sqlite3.Connection:
        """The connection, opened and owned at the first call."""
        if self._lock is None:
            self._lock = owned(self.path)
        if self._connection is None:
            made_private(self.path)
            connection = sqlite3.connect(self.path, isolation_level=None, timeout=5)
            connection.execute("pragma journal_mode=wal")
            connection.execute("pragma synchronous=full")
            connection.execute(f"pragma wal_autocheckpoint={_PAGES_BEFORE_CHECKPOINT}")
            if self._most_pages is not None:
                connection.execute(f"pragma max_page_count={self._most_pages}")
            connection.execute(_TABLE)
            self._connection = connection
        return self._connection

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def read_sqlite(path: Path) -> list[Sealed]:
    """All rows of the file, only to look at. Raises BadInput when there is no journal, Broken when the file is damaged."""
    if not path.is_file():
        raise BadInput(f"There is no journal at {path}.", path=str(path))
    try:
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            # Text that is no UTF-8 any more must reach the check of the hashes instead of ending here.
            connection.text_factory = lambda told: told.decode(errors="replace")
            return [Sealed(*row) for row in connection.execute(_ROWS, (-1,))]
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error) or "not a database" in str(error):
            raise BadInput(f"{path} is no journal ({error}).", path=str(path)) from error
        raise problem_of(path, error) from error


def owned(path: Path, other: str = "Another executor", what: str = "the journal") -> int:
    """The lock that says the journal is ours, held until it is closed or the process ends. Raises JournalHeld when another has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        owner = os.pread(lock, 20, 0).decode(errors="replace").strip()
        os.close(lock)
        told = f" (process {owner})" if owner else ""
        raise JournalHeld(f"{other}{told} owns {what} {path}; stop it first.", path=str(path), process=owner) from error
    with suppress(OSError):  # only a courtesy to whoever is refused
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def made_private(path: Path) -> None:
    """The file exists, durably, and only its user can read it: signed transactions lie in it."""
    created = not path.exists()
    os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
    path.chmod(0o600)
    if created:
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
        os.fsync(folder)
        os.close(folder)


def problem_of(path: Path, error: sqlite3.DatabaseError, **facts: Any) -> Broken | JournalHeld | JournalUnavailable:
    """What an SQLite error means for the caller."""
    facts |= {"path": str(path), "sqlite": getattr(error, "sqlite_errorname", None)}
    if isinstance(error, sqlite3.IntegrityError):
        return JournalHeld("Another executor wrote to this journal since; stop this one.", **facts)
    name = facts["sqlite"] or ""
    if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB") or "UTF-8" in str(error):
        return Broken(f"The journal {path} is damaged ({error}); restore it from a copy.", **facts)
    advice = "free disk space" if name == "SQLITE_FULL" else "look at the disk"
    return JournalUnavailable(f"Nothing was written to the journal {path} ({error}); {advice} and ask again.", **facts)
