"""The audit log as an SQLite file: entries are appended in batches, each durable at once or not there, and nothing is ever changed.

Beside the entries stand the roots of every whole block of 256, of 256 blocks, and so on: with them a proof over a million entries reads
some hundred hashes instead of all. One process writes; readers need no lock.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from domain.problems import Broken, JournalHeld, JournalUnavailable
from domain.regulation.merkle import Frontier
from executor.compliance.audit.entries import BEFORE_THE_FIRST, AuditEntry, chained, text_of
from executor.compliance.audit.heads import SignedHead
from executor.compliance.audit.reading import LogReader
from executor.journal.sqlite import made_private, owned

_TABLES = (
    "create table if not exists entries (seq integer primary key, body text not null, hash blob not null) strict",
    "create table if not exists nodes (level integer, place integer, hash blob not null, primary key (level, place)) strict, without rowid",
    "create table if not exists heads (number integer primary key, size integer not null, head text not null) strict",
)
_ANCHORS = "heads"


class AuditLog:
    """An audit log that may be appended to. `anchors` is the folder of the signed heads, by default `PATH.heads`.

    Raises JournalHeld when another process writes to it, JournalUnavailable when the disk does not take an entry, Broken when the file
    is damaged.
    """

    def __init__(self, path: Path, anchors: Path | None = None) -> None:
        self.path, self.anchors = path, anchors or anchors_beside(path)
        self._lock: int | None = None
        try:
            self._lock = owned(path, "Another process", "the audit log")
            made_private(path)
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
            self._connection.execute("pragma journal_mode=wal")
            self._connection.execute("pragma synchronous=full")
            for table in _TABLES:
                self._connection.execute(table)
            self._tree, self._last = _tree_of(LogReader(self._connection))
        except sqlite3.DatabaseError as error:
            self.close()
            raise _problem(path, error) from error
        except OSError as error:
            self.close()
            raise JournalUnavailable(f"The audit log {path} cannot be opened: {error.strerror}.", path=str(path)) from error
        except Broken:
            self.close()
            raise

    def __enter__(self) -> AuditLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._tree.size

    def root(self) -> bytes:
        """The root of the tree of all entries."""
        return self._tree.root()

    def append(self, entries: Iterable[AuditEntry]) -> range:
        """Appends the entries, all or none, and returns their seqs once they are on the disk. Raises BadInput for one that is no JSON."""
        texts = [text_of(entry) for entry in entries]
        tree, last = Frontier(self._tree.size, list(self._tree.roots)), self._last
        first = tree.size
        hashes = chained(last, texts)
        last = hashes[-1] if hashes else last
        tree.extend(hashes)
        rows = [(first + place, text.decode("ascii"), each) for place, (text, each) in enumerate(zip(texts, hashes, strict=True))]
        self._write(
            ("insert into entries values (?, ?, ?)", rows),
            ("insert into nodes values (?, ?, ?)", tree.blocks),
        )
        tree.blocks.clear()
        self._tree, self._last = tree, last
        return range(first, tree.size)

    def add_head(self, head: SignedHead) -> None:
        """Keeps a head that was signed and anchored (`sign_head` does all three)."""
        self._write(("insert into heads (size, head) values (?, ?)", [(head.size, head.to_text())]))

    def of_kind(self, kind: str, about: str | None = None) -> Iterator[dict[str, Any]]:
        """The facts of the entries of a kind, the newest first; with `about` of those about it."""
        return LogReader(self._connection).of_kind(kind, about)

    def last_head(self) -> SignedHead | None:
        """The newest head of the log itself."""
        return next(iter(LogReader(self._connection).heads(newest_first=True)), None)

    def close(self) -> None:
        """Gives the log to the next writer."""
        if hasattr(self, "_connection"):
            self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _write(self, *work: tuple[str, Sequence[tuple[int | str | bytes, ...]]]) -> None:
        try:
            self._connection.execute("begin immediate")
            for statement, rows in work:
                self._connection.executemany(statement, rows)
            self._connection.execute("commit")
        except BaseException as error:
            with suppress(sqlite3.Error):
                if self._connection.in_transaction:
                    self._connection.execute("rollback")
            if isinstance(error, sqlite3.DatabaseError):
                raise _problem(self.path, error) from error
            raise


def anchors_beside(path: Path) -> Path:
    """The anchor folder of a log that names none."""
    return path.with_name(f"{path.name}.{_ANCHORS}")


def _tree_of(reader: LogReader) -> tuple[Frontier, bytes]:
    """The right edge of the tree, and the last entry's hash. Raises Broken when entries are missing."""
    size = reader.size()
    tree, first = Frontier(size), 0
    for level in reversed(range(size.bit_length())):
        if size >> level & 1:
            tree.roots.append(reader.subtree(first, first + (1 << level)))
            first += 1 << level
    return tree, reader.hashes(size - 1, size)[0] if size else BEFORE_THE_FIRST


def _problem(path: Path, error: sqlite3.DatabaseError) -> Broken | JournalHeld | JournalUnavailable:
    name = getattr(error, "sqlite_errorname", "")
    if isinstance(error, sqlite3.IntegrityError):
        return JournalHeld(f"Another process wrote to the audit log {path} since; stop this one.", path=str(path))
    if name in ("SQLITE_CORRUPT", "SQLITE_NOTADB"):
        return Broken(f"The audit log {path} is damaged ({error}); `grekko audit verify`, and restore it from a copy.", path=str(path))
    return JournalUnavailable(f"Nothing was written to the audit log {path} ({error}); look at the disk and ask again.", path=str(path))
