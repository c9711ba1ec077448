"""Every decision and every change of model, in the order they happened: one append-only file, chained by hashes, durable on return.

The journal of orders keeps all it knows in memory. Decisions are many and are looked up by id, so this log keeps its end in memory and
the rest on the disk. Decisions and activations share it, so that which model was in force is a fact of the same chain.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from typing import Protocol

from domain.problems import BadInput, Broken, JournalUnavailable
from executor.journal.sealing import Sealed, canonical, decoded, first_row, name_of, sealed
from executor.journal.sqlite import made_private, owned, problem_of
from executor.orders import Entry
from executor.ports import Clock

NAME = "decisions"
FILE = "decisions.sqlite"
# What was decided last is asked for again most; the rest is on the disk.
RECENT = 10_000

# `previous` is the hash of the row before, so it is not stored twice. An id is decided once for each kind of decision.
_TABLES = (
    "create table if not exists decision (seq integer primary key, kind text not null, order_id text, hash text not null, "
    "entry text not null) strict",
    "create unique index if not exists once on decision (order_id, kind) where order_id is not null",
    "create index if not exists changes on decision (seq) where order_id is null",
)
_PRAGMAS = ("journal_mode=wal", "synchronous=full", "wal_autocheckpoint=4000", "cache_size=-65536")


class DecisionStore(Protocol):
    """Where decisions and changes of model are kept."""

    @property
    def is_durable(self) -> bool:
        """Whether what is in it outlives the process."""
        ...

    def append(self, entries: Sequence[Entry]) -> list[Sealed]:
        """Keeps all or none. Raises JournalUnavailable when nothing was written, JournalHeld when an id was decided already."""
        ...

    def owe(self, entry: Entry) -> None:
        """An entry that could not be kept and holds all the same: it goes before the next ones."""
        ...

    def decided(self, kind: str, order_id: str) -> Entry | None:
        """What was decided for this id, None when nothing was."""
        ...

    def changes(self, most: int) -> list[Sealed]:
        """The last entries that are about no order, the oldest first."""
        ...

    def last(self, kinds: Sequence[str]) -> Sealed | None:
        """The last entry of one of these kinds that is about no order."""
        ...

    def close(self) -> None: ...


class DecisionLog:
    """The log in an SQLite file, with one owner. Any thread may call it.

    Raises JournalHeld when another executor owns it, JournalUnavailable when it cannot be opened, Broken when its end is damaged.
    """

    is_durable = True

    def __init__(self, path: Path, clock: Clock) -> None:
        self.path = path
        self._lock, self._reading = Lock(), Lock()
        self._recent: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._owed: list[Entry] = []
        try:
            owner = owned(path)
            self._let_go = weakref.finalize(self, os.close, owner)
            made_private(path)
            self._writer, self._reader = self._connected(), self._connected()
            for table in _TABLES:
                self._writer.execute(table)
            last = self._writer.execute("select seq, hash, entry from decision order by seq desc limit 1").fetchone()
            if last is None:
                first = first_row(NAME, clock.now())
                self._write([first])
                last = (first.seq, first.hash, first.text)
            before = self._writer.execute("select hash from decision where seq = ?", (last[0] - 1,)).fetchone()
        except sqlite3.DatabaseError as error:
            raise problem_of(path, error) from error
        except OSError as error:
            raise JournalUnavailable(f"The log of decisions {path} cannot be opened: {error.strerror}.", path=str(path)) from error
        self._last = Sealed(last[0], before[0] if before else "0" * 64, last[1], last[2])
        if not self._last.is_intact:
            raise Broken(f"The last row of {path} has another hash; restore it from a copy.", seq=self._last.seq)

    @property
    def head(self) -> tuple[int, str]:
        """Seq and hash of the last row."""
        return self._last.seq, self._last.hash

    def append(self, entries: Sequence[Entry]) -> list[Sealed]:
        with self._lock:
            texts = [canonical(entry) for entry in (*self._owed, *entries)]
            rows: list[Sealed] = []
            last = self._last
            for text in texts:
                last = sealed(text, last)
                rows.append(last)
            self._write(rows)
            self._last = last
            owed, self._owed = len(self._owed), []
        for entry, row in zip(entries, rows[owed:], strict=True):
            if entry.order_id is not None:
                self._recent[(entry.kind, entry.order_id)] = row.text
        while len(self._recent) > RECENT:
            self._recent.popitem(last=False)
        return rows[owed:]

    def owe(self, entry: Entry) -> None:
        with self._lock:
            self._owed.append(entry)

    def decided(self, kind: str, order_id: str) -> Entry | None:
        text = self._recent.get((kind, order_id))
        if text is None:
            with self._reading:
                found = self._reader.execute("select entry from decision where order_id = ? and kind = ?", (order_id, kind)).fetchone()
            text = found[0] if found else None
        return decoded(text) if text is not None else None

    def changes(self, most: int) -> list[Sealed]:
        with self._reading:
            rows = self._reader.execute(
                "select seq, '', hash, entry from decision where order_id is null order by seq desc limit ?", (most,)
            ).fetchall()
        return [Sealed(*row) for row in reversed(rows)]

    def last(self, kinds: Sequence[str]) -> Sealed | None:
        marks = ", ".join("?" * len(kinds))
        query = f"select seq, '', hash, entry from decision where order_id is null and kind in ({marks}) order by seq desc limit 1"
        with self._reading:
            found = self._reader.execute(query, tuple(kinds)).fetchone()
        return Sealed(*found) if found else None

    def close(self) -> None:
        with self._lock, self._reading:
            self._writer.close()
            self._reader.close()
            self._let_go()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, isolation_level=None, timeout=5, check_same_thread=False)
        for pragma in _PRAGMAS:
            connection.execute(f"pragma {pragma}")
        return connection

    def _write(self, rows: Sequence[Sealed]) -> None:
        try:
            self._writer.execute("begin immediate")
            told = [(row.seq, *row.about, row.hash, row.text) for row in rows]
            self._writer.executemany("insert into decision values (?, ?, ?, ?, ?)", told)
            self._writer.execute("commit")
        except sqlite3.ProgrammingError as error:
            raise JournalUnavailable("The log of decisions is closed; open it again.") from error
        except sqlite3.DatabaseError as error:
            if self._writer.in_transaction:
                self._writer.execute("rollback")
            raise problem_of(self.path, error) from error


class ForgetfulLog:
    """The log where there is no file of its own: it lives as long as the process, and forgets the oldest ids first."""

    is_durable = False

    def __init__(self, clock: Clock, most: int = RECENT) -> None:
        self._most = most
        self._last = first_row(NAME, clock.now())
        self._decided: OrderedDict[tuple[str, str], Entry] = OrderedDict()
        self._changes: list[Sealed] = []
        self._lock = Lock()

    def append(self, entries: Sequence[Entry]) -> list[Sealed]:
        rows: list[Sealed] = []
        with self._lock:
            for entry in entries:
                self._last = sealed(canonical(entry), self._last)
                rows.append(self._last)
                if entry.order_id is None:
                    self._changes = [*self._changes[-self._most :], self._last]
                else:
                    self._decided[(entry.kind, entry.order_id)] = entry
            while len(self._decided) > self._most:
                self._decided.popitem(last=False)
        return rows

    def owe(self, entry: Entry) -> None:
        self.append([entry])

    def decided(self, kind: str, order_id: str) -> Entry | None:
        return self._decided.get((kind, order_id))

    def changes(self, most: int) -> list[Sealed]:
        return self._changes[-most:]

    def last(self, kinds: Sequence[str]) -> Sealed | None:
        return next((row for row in reversed(self._changes) if row.about[0] in kinds), None)

    def close(self) -> None:
        """Nothing to let go of."""


def read_decisions(path: Path) -> Iterator[Sealed]:
    """Every row in order, only to look at: also while an executor owns the log. Raises BadInput when there is none."""
    if not path.is_file():
        raise BadInput(f"There is no log of decisions at {path}.", path=str(path))
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
        previous = "0" * 64
        for seq, digest, text in connection.execute("select seq, hash, entry from decision order by seq"):
            row = Sealed(seq, previous, digest, text)
            if seq == 0:
                name_of(row)
            yield row
            previous = digest
