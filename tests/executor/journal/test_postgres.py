"""The journal in a real PostgreSQL: owned by one, durable after the writer's or the server's kill -9, fenced after a take-over."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator

import psycopg
import pytest

from domain.problems import BadInput, JournalHeld, JournalUnavailable
from executor.journal import Journal, open_store, read_rows
from executor.journal.postgres import PostgresStore
from executor.journal.verification import verify
from executor.orders import State
from executor.ports import SystemClock
from tests.executor.journal.databases import Server, binaries, postgres
from tests.executor.journal.killing import acknowledged_before_death
from tests.executor.journal.lives import intent, routed, until_signed, whole

pytestmark = pytest.mark.skipif(binaries() is None, reason="PostgreSQL's server is not installed below /usr/lib/postgresql")

KILLS = 3


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with postgres() as running:
        yield running


@pytest.fixture
def url(server: Server, request: pytest.FixtureRequest) -> str:
    """A database of the test's own."""
    name = f"t{abs(hash(request.node.name))}"
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"create database {name}")
    return server.url.replace("/postgres", f"/{name}").replace("//" + name, "//postgres")


async def opened(url: str, patience_seconds: float = 0.3) -> Journal:
    return await Journal.open(PostgresStore(url, patience_seconds=patience_seconds), SystemClock())


def test_what_was_appended_is_there_after_a_restart_and_for_readers_at_any_time(url):
    async def story():
        store = open_store(url)
        assert isinstance(store, PostgresStore)
        journal = await Journal.open(store, SystemClock())
        await asyncio.gather(*(journal.append(*whole(f"o{n}", n, f"t{n}")) for n in range(20)))
        assert verify(await asyncio.to_thread(read_rows, url)).holds
        await journal.close()
        await journal.close()
        again = await opened(url, patience_seconds=15)
        assert len(again.orders) == 20 and again.head == journal.head
        await again.close()

    asyncio.run(story())


def test_a_second_owner_is_refused_until_the_first_lets_go(url):
    async def story():
        journal = await opened(url)
        with pytest.raises(JournalHeld, match="stop it first"):
            await opened(url)
        await journal.close()
        await (await opened(url)).close()

    asyncio.run(story())


def test_who_lost_its_session_to_another_owner_never_writes_again(url):
    async def story():
        first = await opened(url)
        await first.append(intent("a"))
        _end_sessions(url)
        second = await opened(url)
        for _ in range(2):  # its session is gone, and with it the lock
            with pytest.raises(JournalHeld, match="owns the journal"):
                await first.append(routed("a"))
        await second.append(intent("b"))
        await second.close()
        with pytest.raises(JournalHeld, match="since"):
            await first.append(routed("a"))
        await first.close()
        assert list((await opened(url)).orders) == ["a", "b"]

    asyncio.run(story())


def test_a_lost_session_is_replaced_by_itself_when_nobody_took_over(url):
    async def story():
        journal = await opened(url)
        _end_sessions(url)
        try:
            await journal.append(intent("a"))
        except JournalUnavailable:
            await journal.append(intent("a"))
        await journal.append(routed("a"))
        assert journal.orders["a"].state is State.ROUTED
        await journal.close()

    asyncio.run(story())


def test_a_lock_that_the_server_holds_for_the_dead_session_is_waited_for(url):
    async def story():
        store = PostgresStore(url)
        journal = await Journal.open(store, SystemClock())
        await journal.append(intent("a"))
        _end_sessions(url)
        lingering = psycopg.connect(url, autocommit=True)
        lingering.execute("select pg_advisory_lock(hashtextextended('grekko journal ' || current_schema(), 0))")
        task = asyncio.create_task(journal.append(routed("a")))
        await asyncio.sleep(0.3)
        assert not task.done()
        lingering.close()
        with contextlib.suppress(JournalUnavailable):
            await task
        if journal.orders["a"].state is State.INTENT:
            await journal.append(routed("a"))
        await journal.close()
        assert journal.orders["a"].state is State.ROUTED

    asyncio.run(story())


def test_a_commit_waits_for_the_disk_even_where_the_database_would_not(url):
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"alter database {connection.info.dbname} set synchronous_commit = off")

    async def story():
        store = PostgresStore(url)
        await store.load()
        assert await store._do(lambda: store._opened().execute("show synchronous_commit").fetchone()) == ("on",)
        await store.close()

    asyncio.run(story())


def test_kill_9_of_the_writer_loses_nothing_that_was_acknowledged(url):
    chance, promised = random.Random(5), {}
    for run in range(KILLS):
        promised |= acknowledged_before_death(url, run, chance)
        _wait_until_free(url)
    rows = read_rows(url)
    found = {row.seq: row.hash for row in rows}
    assert promised and [seq for seq, digest in promised.items() if found.get(seq) != digest] == []
    assert verify(rows).holds


def test_kill_9_of_the_server_loses_nothing_and_the_journal_goes_on_when_it_is_back(server, url):
    async def story():
        journal = await opened(url)
        await journal.append(*until_signed())
        await asyncio.to_thread(server.kill)
        with pytest.raises(JournalUnavailable, match="look at the database"):
            await journal.append(intent("b"))
        with pytest.raises(JournalUnavailable):
            await journal.append(intent("b"))
        with pytest.raises(JournalUnavailable):
            read_rows(url)
        await asyncio.to_thread(server.start)
        await journal.append(intent("b"))
        assert journal.orders["a"].state is State.SIGNED and journal.orders["b"].state is State.INTENT
        await journal.close()

    asyncio.run(story())
    assert verify(read_rows(url)).holds


def test_rows_that_somebody_slipped_in_are_noticed_at_the_next_commit(url):
    async def story():
        journal = await opened(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("insert into grekko_journal values (1, %s, 'x', 'y')", (journal.head[1],))
        with pytest.raises(JournalHeld, match="stop this one"):
            await journal.append(intent())
        await journal.close()

    asyncio.run(story())


def test_an_address_without_a_journal_or_of_no_sense_is_said_so_without_its_password(url):
    with pytest.raises(BadInput, match="There is no journal at 127"):
        read_rows(url)
    with pytest.raises(BadInput, match="not one PostgreSQL understands"):
        read_rows("postgresql://u:secret@host/db?nonsense=1")
    with pytest.raises(JournalUnavailable) as caught:
        read_rows("postgresql://u:secret@127.0.0.1:1/db")
    assert "secret" not in str(caught.value.to_json())


def _end_sessions(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
        )


def _wait_until_free(url: str) -> None:
    """A killed writer's session ends when the server notices."""
    held = "select count(*) from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = %s)"
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(held, (connection.info.dbname,)).fetchone() != (0,):
            time.sleep(0.01)
