"""The audit log as readers see it: entries, heads, and the hash of any subtree from the blocks that are stored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from domain.problems import BadInput, Broken
from domain.regulation.merkle import BLOCK_LEVELS, node_hash, root_of, split
from executor.compliance.audit.heads import SignedHead

# Whatever stands there is read, also in a damaged file: text that is no UTF-8 any more must reach the check of the hashes.
_ENTRIES = "select seq, coalesce(cast(body as blob), x''), coalesce(cast(hash as blob), x'') from entries where seq >= ? order by seq"
_OF_KIND = "select body from entries where substr(body, -?) = ? and substr(body, 1, ?) = ? order by seq desc"
_NODES = "select coalesce(cast(level as integer), -1), coalesce(cast(place as integer), -1), hash from nodes order by level, place"
_HEADS = "select number, coalesce(cast(size as integer), -1), coalesce(cast(head as blob), x'') from heads order by number"


class LogReader:
    """Reads a log through a connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def size(self) -> int:
        """How many entries there are, by the last one's seq."""
        (last,) = self._connection.execute("select max(seq) from entries").fetchone()
        return 0 if last is None else last + 1

    def entries(self, first: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        """Seq, text and hash of the entries, in order."""
        return self._connection.execute(_ENTRIES, (first,))

    def of_kind(self, kind: str, about: str | None = None) -> Iterator[dict[str, Any]]:
        """The facts of the entries of a kind, the newest first; with `about` of those about it."""
        # The text is JSON with sorted keys: it begins with `about` and ends with `kind`.
        ends, begins = f',"kind":{json.dumps(kind)}}}', "" if about is None else f'{{"about":{json.dumps(about)},'
        rows = self._connection.execute(_OF_KIND, (len(ends), ends, len(begins), begins))
        return (json.loads(text)["facts"] for (text,) in rows)

    def hashes(self, first: int, last: int) -> list[bytes]:
        """The hashes of the entries first … last - 1. Raises Broken when one is missing."""
        rows = self._connection.execute("select hash from entries where seq >= ? and seq < ? order by seq", (first, last))
        found = [hash_ for (hash_,) in rows]
        if len(found) != last - first:
            raise Broken(f"Of the entries {first} … {last - 1} only {len(found)} are there; `grekko audit verify` names the missing ones.")
        return found

    def nodes(self) -> Iterator[tuple[int, int, bytes]]:
        """The stored blocks: level, place, root."""
        return self._connection.execute(_NODES)

    def heads(self, *, newest_first: bool = False) -> Iterator[SignedHead]:
        """The heads in the log. Raises BadInput for a row that is none."""
        for _, _, text in self.head_rows(newest_first=newest_first):
            yield SignedHead.read(text)

    def head_rows(self, *, newest_first: bool = False) -> Iterator[tuple[int, int, bytes]]:
        """Number, size and text of the heads, as they stand."""
        return self._connection.execute(f"{_HEADS} desc" if newest_first else _HEADS)

    def subtree(self, first: int, last: int) -> bytes:
        """The root of the entries first … last - 1, as `merkle.Subtree`. A whole block is read, never built again."""
        size = last - first
        if size & (size - 1) or first % size:
            middle = first + split(size)
            return node_hash(self.subtree(first, middle), self.subtree(middle, last))
        level = (size.bit_length() - 1) // BLOCK_LEVELS * BLOCK_LEVELS
        return root_of(self.hashes(first, last) if level == 0 else self._blocks(level, first >> level, last >> level))

    def _blocks(self, level: int, first: int, last: int) -> list[bytes]:
        rows = self._connection.execute(
            "select hash from nodes where level = ? and place >= ? and place < ? order by place", (level, first, last)
        )
        found = [hash_ for (hash_,) in rows]
        if len(found) != last - first:
            raise Broken("A block of the tree is missing; `grekko audit verify` says which.")
        return found


@contextmanager
def reading(path: Path) -> Iterator[LogReader]:
    """A log to look at, also while it is written to. Raises BadInput when there is none, Broken when the file is damaged."""
    if not path.is_file():
        raise BadInput(f"There is no audit log at {path}.", field="log", path=str(path))
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
        try:
            connection.execute("begin")  # all that is read is of one moment
            yield LogReader(connection)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if "no such table" in str(error) or "not a database" in str(error):
            raise BadInput(f"{path} is no audit log ({error}).", field="log", path=str(path)) from error
        raise Broken(f"The audit log {path} is damaged ({error}); restore it from a copy.", path=str(path)) from error
