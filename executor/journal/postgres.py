"""A journal in PostgreSQL: one table, commits that wait for the disk (and for a synchronous standby, where there is one), one owner.

The owner holds an advisory lock in the very session that writes. Should that session die and another executor take over, the unique
previous hash keeps the first from ever writing again: two rows can't follow the same one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from executor.journal.sealing import Sealed

if TYPE_CHECKING:
    import psycopg

_TABLE = """
create table if not exists grekko_journal (
    seq bigint primary key,
    previous text not null unique,
    hash text not null,
    entry text not null
)
"""
_ROWS = "select seq, previous, hash, entry from grekko_journal where seq > %s order by seq"
_KEY = "hashtextextended('grekko journal ' || current_schema(), 0)"
# A dead connection is noticed within seconds on both sides, instead of the hours that TCP may take by itself.
_SERVER_LIVENESS = "set tcp_keepalives_idle = 5; set tcp_keepalives_interval = 2; set tcp_keepalives_count = 3"
_LIVENESS: dict[str, Any] = {
    "connect_timeout": 5,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}


class PostgresStore:
    """Rows in the table grekko_journal of the first schema on the search path. All its work happens in one thread of its own.

    After its session was lost it waits `patience_seconds` for the lock: the server may still hold it for the session that died.
    """

    def __init__(self, url: str, *, patience_seconds: float = 15.0) -> None:
        self._url = url
        self._patience = patience_seconds
        self._was_owner = False
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._connection: psycopg.Connection[Any] | None = None
        self._closed = False

    async def load(self, after: int = -1) -> list[Sealed]:
        return await self._do(self._load, after)

    async def commit(self, rows: Sequence[Sealed]) -> None:
        await self._do(self._commit, rows)

    async def close(self) -> None:
        if not self._closed:
            self._closed = True
            await self._do(self._drop)
            self._thread.shutdown(wait=False)

    async def _do(self, work: Callable[..., Any], *args: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._asked, work, *args)

    def _asked(self, work: Callable[..., Any], *args: Any) -> Any:
        import psycopg

        try:
            return work(*args)
        except psycopg.errors.UniqueViolation as error:
            raise JournalHeld("Another executor wrote to this journal since; stop this one.") from error
        except psycopg.Error as error:
            if self._connection is not None and self._connection.closed:
                self._connection = None
            raise _problem(self._url, error) from error

    def _load(self, after: int) -> list[Sealed]:
        return [Sealed(*row) for row in self._opened().execute(_ROWS, (after,))]

    def _commit(self, rows: Sequence[Sealed]) -> None:
        connection = self._opened()
        with connection.transaction(), connection.cursor() as cursor:
            cursor.executemany(
                "insert into grekko_journal values (%s, %s, %s, %s)", [(row.seq, row.previous, row.hash, row.text) for row in rows]
            )

    def _opened(self) -> psycopg.Connection[Any]:
        """The connection that holds the lock, made at the first call and after it was lost."""
        if self._connection is None:
            import psycopg

            connection = psycopg.connect(self._url, autocommit=True, **_LIVENESS)
            try:
                connection.execute(_SERVER_LIVENESS)
                if not self._is_ours(connection):
                    raise JournalHeld(f"Another executor owns the journal at {_place(self._url)}; stop it first.", place=_place(self._url))
                if _first(connection, "show synchronous_commit") in ("off", "local", "remote_write"):
                    connection.execute("set synchronous_commit = on")
                connection.execute(_TABLE)
            except (JournalHeld, psycopg.Error):
                connection.close()
                raise
            self._connection, self._was_owner = connection, True
        return self._connection

    def _is_ours(self, connection: psycopg.Connection[Any]) -> bool:
        """Takes the lock of the journal, at once or, for who had it before, within its patience."""
        import psycopg

        if not self._was_owner:
            return bool(_first(connection, f"select pg_try_advisory_lock({_KEY})"))
        try:
            connection.execute("select set_config('lock_timeout', %s, false)", (f"{self._patience * 1000:.0f}ms",))
            connection.execute(f"select pg_advisory_lock({_KEY})")
            connection.execute("set lock_timeout = 0")
        except psycopg.errors.LockNotAvailable:
            return False
        return True

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def read_postgres(url: str) -> list[Sealed]:
    """All rows, only to look at. Raises BadInput when there is no journal, JournalUnavailable when the database does not answer."""
    import psycopg

    try:
        with psycopg.connect(url, autocommit=True, **_LIVENESS) as connection:
            return [Sealed(*row) for row in connection.execute(_ROWS, (-1,))]
    except psycopg.errors.UndefinedTable as error:
        raise BadInput(f"There is no journal at {_place(url)}.", place=_place(url)) from error
    except psycopg.Error as error:
        raise _problem(url, error) from error


def _first(connection: psycopg.Connection[Any], question: Any) -> Any:
    row = connection.execute(question).fetchone()
    return row[0] if row else None


def _place(url: str) -> str:
    """Host and database, without what is secret."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(url)
    return f"{parts.get('host', 'localhost')}/{parts.get('dbname', '')}"


def _problem(url: str, error: psycopg.Error) -> Broken | BadInput | JournalUnavailable:
    """What an error of the database means for the caller. Its own words may hold a password only in a bad address."""
    import psycopg

    facts = {"place": "", "sqlstate": error.sqlstate}
    if isinstance(error, psycopg.ProgrammingError) and error.sqlstate is None:
        return BadInput("The journal's address is not one PostgreSQL understands; give postgresql://user@host/database.", field="journal")
    facts["place"] = _place(url)
    if error.sqlstate and error.sqlstate.startswith("XX"):
        return Broken(f"The journal at {facts['place']} is damaged ({error}); restore it from a copy.", **facts)
    advice = "free disk space" if error.sqlstate == "53100" else "look at the database"
    return JournalUnavailable(f"The journal at {facts['place']} was not written ({type(error).__name__}); {advice} and ask again.", **facts)
