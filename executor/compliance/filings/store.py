"""Where filings are kept: events in an SQLite file, documents beside it, one writer at a time.

    <folder>/filings.sqlite      events, appended only, sealed by a chain of hashes
    <folder>/documents/ab/ab…    every version of every document, every list of records, every answer, by sha256

A document is durable before the event that names it, an event before what it announces is done. So a process that is killed at any
moment leaves a store that opens, and at most a document that no event names.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Self

from domain.foreign_json import read_foreign
from domain.problems import BadInput, Broken, JournalUnavailable
from domain.regulation.filing import RecordMessage, Version
from domain.regulation.filing.lifecycle import Event
from executor.compliance.filings.documents import DocumentFolder
from executor.compliance.filings.events import checked, event_of, text_of
from executor.compliance.filings.filings import Filings
from executor.journal.sealing import Sealed, sealed
from executor.journal.sqlite import made_private, owned, problem_of

_TABLE = """
create table if not exists events (
    seq integer primary key,
    previous text not null unique,
    hash text not null,
    event text not null
) strict
"""
_ROWS = "select seq, previous, hash, event from events order by seq"
FILE = "filings.sqlite"


class FilingStore:
    """The store of the one process that files; `with FilingStore(folder) as store`.

    `filings` is the fold of everything durable. Raises JournalHeld when another process writes to it, Broken when the chain of hashes
    does not hold.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.path = self.folder / FILE
        self.filings = Filings()
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._documents = DocumentFolder(self.folder / "documents")
        self._documents.root.mkdir(exist_ok=True, mode=0o700)
        self._lock = owned(self.path)
        self._connection: sqlite3.Connection | None = None
        self._last: Sealed | None = None
        try:
            made_private(self.path)
            self._connection = sqlite3.connect(self.path, isolation_level=None, timeout=5, check_same_thread=False)
            self._connection.execute("pragma journal_mode=wal")
            self._connection.execute("pragma synchronous=full")
            self._connection.execute(_TABLE)
            rows = checked(Sealed(*row) for row in self._connection.execute(_ROWS))
            _take(self.filings, rows)
            self._last = rows[-1] if rows else None
        except sqlite3.DatabaseError as error:
            self.close()
            raise problem_of(self.path, error) from error
        except BaseException:
            self.close()
            raise

    @property
    def head(self) -> tuple[int, str] | None:
        """Seq and hash of the last event. Kept elsewhere, it proves later that nothing was cut off the end."""
        return (self._last.seq, self._last.hash) if self._last else None

    def append(self, *events: Event) -> None:
        """Writes the events, all or none; durable when it returns.

        Raises IllegalTransition when one cannot follow, BadInput when it is not JSON or uses a reference again: nothing is written then.
        """
        if self._connection is None:
            raise JournalUnavailable("The store of filings is closed; open it again.")
        changed = self.filings.following(events)
        rows: list[Sealed] = []
        for event in events:
            rows.append(sealed(text_of(event), rows[-1] if rows else self._last))
        try:
            self._connection.execute("begin immediate")
            self._connection.executemany("insert into events values (?, ?, ?, ?)", rows)
            self._connection.execute("commit")
        except sqlite3.DatabaseError as error:
            if self._connection.in_transaction:
                self._connection.execute("rollback")
            raise problem_of(self.path, error) from error
        self.filings.take(events, changed)
        self._last = rows[-1] if rows else self._last

    def keep(self, content: bytes) -> str:
        """Keeps a document and returns its sha256."""
        try:
            return self._documents.put(content)
        except OSError as error:
            raise JournalUnavailable(f"A document was not written to {self.folder} ({error.strerror}); look at the disk.") from error

    def keep_records(self, records: Sequence[RecordMessage]) -> str:
        """Keeps the list of records of a document and returns its sha256."""
        return self.keep(json.dumps([asdict(one) for one in records], separators=(",", ":")).encode())

    def document(self, sha256: str) -> bytes:
        """A document by its sha256. Raises BadInput when there is none, Broken when it was changed."""
        return self._documents.get(sha256)

    def records(self, version: Version) -> tuple[RecordMessage, ...]:
        """The records of a version."""
        return records_of(self._documents.get(version.records_sha256))

    def close(self) -> None:
        """Lets go of the store."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class FilingReader:
    """What a store says at this moment, only to look at: also while another process files. Raises BadInput when there is no store."""

    def __init__(self, folder: Path | str) -> None:
        path = Path(folder) / FILE
        if not path.is_file():
            raise BadInput(f"There are no filings in {folder}.", path=str(folder))
        try:
            with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
                rows = [Sealed(*row) for row in connection.execute(_ROWS)]
        except sqlite3.DatabaseError as error:
            if "no such table" in str(error):
                raise BadInput(f"{path} holds no filings ({error}).", path=str(path)) from error
            raise problem_of(path, error) from error
        self.filings = Filings()
        _take(self.filings, checked(rows))
        self._documents = DocumentFolder(Path(folder) / "documents")

    def document(self, sha256: str) -> bytes:
        """A document by its sha256. Raises BadInput when there is none, Broken when it was changed."""
        return self._documents.get(sha256)

    def records(self, version: Version) -> tuple[RecordMessage, ...]:
        """The records of a version."""
        return records_of(self._documents.get(version.records_sha256))


def records_of(content: bytes) -> tuple[RecordMessage, ...]:
    """The list of records that `keep_records` kept. Raises Broken when it is none."""
    try:
        return tuple(RecordMessage(**one) for one in read_foreign(content))
    except (TypeError, ValueError) as error:
        raise Broken(f"A list of records cannot be read ({error}); restore the documents from a copy.") from error


def _take(filings: Filings, rows: Sequence[Sealed]) -> None:
    for row in rows:
        event = event_of(row.text)
        filings.take([event], filings.following([event]))
