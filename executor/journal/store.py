"""Where a journal lies: what every store promises, and which one a setting means."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from domain.problems import BadInput
from executor.journal.sealing import Sealed


class Store(Protocol):
    """Rows in order, durable once `commit` returns, and one owner at a time."""

    async def load(self, after: int = -1) -> list[Sealed]:
        """Take ownership, then the rows with a greater seq than `after`, in order.

        Raises JournalHeld when another executor owns the journal, JournalUnavailable when it does not answer.
        """
        ...

    async def commit(self, rows: Sequence[Sealed]) -> None:
        """Make the rows durable, all or none.

        Raises JournalUnavailable when it did not, JournalHeld when somebody else wrote since.
        """
        ...

    async def close(self) -> None:
        """Give up ownership."""
        ...


def open_store(setting: str | Path) -> Store:
    """The store that a setting means: a path or sqlite:///path for SQLite, postgresql://… for PostgreSQL. Raises BadInput otherwise."""
    from executor.journal.sqlite import SqliteStore

    if path := _sqlite_path(setting):
        return SqliteStore(path)
    from executor.journal.postgres import PostgresStore

    return PostgresStore(str(setting))


def read_rows(setting: str | Path) -> list[Sealed]:
    """All rows, only to look at: also while an executor owns the journal. Raises BadInput when there is no journal."""
    if path := _sqlite_path(setting):
        from executor.journal.sqlite import read_sqlite

        return read_sqlite(path)
    from executor.journal.postgres import read_postgres

    return read_postgres(str(setting))


def _sqlite_path(setting: str | Path) -> Path | None:
    """The file a setting names, or None when it names a PostgreSQL database."""
    told = str(setting)
    scheme = urlsplit(told).scheme if "://" in told else ""
    if scheme in ("postgresql", "postgres"):
        return None
    if scheme == "sqlite" and told.startswith("sqlite:///") and len(told) > len("sqlite:///"):
        return Path(told.removeprefix("sqlite:///"))
    if scheme or not told:
        raise BadInput("A journal is a path, sqlite:///path or postgresql://user@host/database.", field="journal")
    return Path(told)
