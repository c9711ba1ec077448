"""The record of negotiations: nothing in it can be changed unseen, and each decision follows from it again."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.negotiation import WHOLE
from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from executor.agents.terms import Question
from executor.agents.transcript import Kind, MemoryRows, Row, Transcript, conversations, faults, replay
from executor.agents.transcript_file import SqliteRows, read_rows, read_what_is_left
from executor.ports import SystemClock
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.agents.parlour import QUESTION, Says, held

MICRO = st.integers(-WHOLE, WHOLE)
ANSWERS = st.one_of(
    st.fixed_dictionaries({"BUY": MICRO, "SELL": MICRO}), st.text(max_size=30), st.just(ZeroDivisionError("oh")), st.just({"BURN": 1})
)
CASTS = st.dictionaries(
    st.sampled_from(["a", "b", "c", "d"]), st.tuples(ANSWERS, st.sampled_from([0.0, 0.3, 0.9, 1.5])), min_size=1, max_size=4
)


def story_of(cast: dict, quorum: int, trades: int = 1) -> list[Row]:
    """The rows of negotiations that these agents hold, late answers included."""

    async def story(clock: VirtualClock):
        agents = [Says(name, answer, seconds, clock) for name, (answer, seconds) in cast.items()]
        async with held(clock, *agents, quorum=quorum) as parts:
            for trade in range(trades):
                await parts.coordinator.negotiate(Question(f"t-{trade}", "WETH", "USDC"))
            await clock.sleep(2)
        return parts.rows.rows

    return run_virtually(story)


@settings(max_examples=60, deadline=None)
@given(CASTS, st.integers(1, 3))
def test_for_any_negotiation_the_replay_decides_the_same_to_the_byte(cast, quorum) -> None:
    rows = story_of(cast, quorum, trades=2)
    assert list(faults(rows)) == []
    for told in conversations(rows).values():
        again = replay(told)
        assert again.is_equal, again.findings
        assert again.derived == again.recorded


ROWS = story_of({"a": ({"BUY": 5, "SELL": -5}, 0.0), "b": ({"SELL": 9}, 0.3), "c": ("no", 0.0), "d": ({"BUY": 1}, 1.5)}, 1)
TEXT = ("conversation_id", "trade_id", "kind", "agent", "note", "previous", "hash")


@given(st.data())
def test_for_any_changed_byte_the_record_does_not_verify(data) -> None:
    at = data.draw(st.integers(0, len(ROWS) - 1))
    row, rows = ROWS[at], list(ROWS)
    name = data.draw(st.sampled_from([*TEXT, "payload", "at_ns"]))
    value = getattr(row, name)
    if name == "at_ns":
        changed = value + data.draw(st.integers(1, 9))
    elif name == "payload":
        where = data.draw(st.integers(0, max(len(value) - 1, 0)))
        changed = value[:where] + bytes([(value[where] ^ data.draw(st.integers(1, 255))) if value else 1]) + value[where + 1 :]
    else:
        changed = value + data.draw(st.sampled_from(["x", "\n", "é"]))
    rows[at] = row._replace(**{name: changed})
    assert next(faults(rows))[0] in (row.seq, row.seq + 1)


@given(st.integers(0, len(ROWS) - 2), st.integers(1, len(ROWS) - 1))
def test_for_any_removed_or_moved_row_the_record_does_not_verify(at, other) -> None:
    head = (ROWS[-1].seq, ROWS[-1].hash)
    assert list(faults(ROWS[:at] + ROWS[at + 1 :], head))
    assert list(faults(ROWS[:at], head))  # the end cut off
    if at != other:
        rows = list(ROWS)
        rows[at], rows[other] = rows[other], rows[at]
        assert list(faults(rows, head))


def test_a_record_sealed_again_after_a_change_shows_in_the_replay() -> None:
    """Somebody who can reseal every row can change a utility; then the decision does not follow any more."""
    transcript = Transcript(MemoryRows(), None)
    for row in ROWS:
        payload = row.payload.replace(b"HOLD", b"SELL") if row.kind == Kind.DECIDED else row.payload
        transcript.add(row.at_ns, (row.conversation_id, row.trade_id), Kind(row.kind), row.agent, row.note, payload)
    asyncio.run(transcript.commit())
    rows = transcript.rows.rows  # type: ignore[attr-defined]
    assert list(faults(rows)) == []
    assert not replay(rows).is_equal
    assert replay(ROWS).is_equal


def test_a_replay_says_what_is_wrong() -> None:
    (cfp, *_) = (row for row in ROWS if row.kind == Kind.SENT)
    assert "0 different calls" in replay([]).findings[0]
    noted = [row._replace(note="twice: no") if row.kind == Kind.HEARD and not row.note else row for row in ROWS]
    assert "is now one that counts" in replay(noted).findings[0]
    unweighted = [row._replace(payload=b"[]") if row.kind == Kind.WEIGHTS else row for row in ROWS]
    assert replay(unweighted).findings[0].endswith("tells no weights.")
    assert not replay([row for row in ROWS if row.kind != Kind.DECIDED]).is_equal
    unreadable = [cfp._replace(payload=b"\xff")]
    assert replay(unreadable).call is None


async def hold(path: Path, *, seed: int = 1) -> None:
    """A negotiation whose record is the file at `path`."""
    rows = SqliteRows(path)
    async with held(SystemClock(), Says("a", {"BUY": 5}), Says("b", {"SELL": 9}), rows=rows, seed=seed) as parts:
        await parts.coordinator.inform(await parts.coordinator.negotiate(QUESTION), "sold")
        assert len(await rows.of_trade("t-1")) == 10
    await rows.close()


def test_a_record_in_a_file_is_private_and_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "negotiations.sqlite"
    asyncio.run(hold(path))
    rows, head = read_rows(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(faults(rows, head)) == []
    assert replay(rows).is_equal
    assert read_rows(path, "t-2")[0] == []


def test_a_second_life_goes_on_behind_the_first(tmp_path: Path) -> None:
    path = tmp_path / "negotiations.sqlite"

    async def second() -> None:
        rows = SqliteRows(path)
        async with held(SystemClock(), Says("a", {"BUY": 5}), rows=rows, seed=2) as parts:
            await parts.coordinator.negotiate(QUESTION)
        await rows.close()

    asyncio.run(hold(path))
    asyncio.run(second())
    rows, head = read_rows(path)
    assert list(faults(rows, head)) == []
    assert [replay(one).is_equal for one in conversations(rows).values()] == [True, True]


def test_rows_of_a_file_are_only_ever_added(tmp_path: Path) -> None:
    path = tmp_path / "negotiations.sqlite"
    asyncio.run(hold(path))
    with sqlite3.connect(path) as connection:
        for statement in ("update negotiations set note = 'x'", "delete from negotiations"):
            with pytest.raises(sqlite3.IntegrityError, match="only added"):
                connection.execute(statement)
        # Somebody who takes the triggers away is found out by the hashes.
        connection.execute("drop trigger never_removed")
        connection.execute("delete from negotiations where seq = (select max(seq) from negotiations)")
    connection.close()
    rows, head = read_rows(path)
    assert "should end with row" in next(faults(rows, head))[1]


def test_two_writers_of_one_file_are_refused(tmp_path: Path) -> None:
    async def story() -> None:
        one, other = SqliteRows(tmp_path / "n.sqlite"), SqliteRows(tmp_path / "n.sqlite")
        first, second = await Transcript.opened(one), await Transcript.opened(other)
        for transcript in (first, second):
            transcript.add(1, ("n-1", "t-1"), Kind.LOST, "a")
        await first.commit()
        with pytest.raises(JournalHeld):
            await second.commit()
        await first.commit()
        await one.close()
        await other.close()

    asyncio.run(story())


def test_a_file_that_is_no_record_or_is_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no record"):
        read_rows(tmp_path / "none.sqlite")
    (tmp_path / "text").write_bytes(b"not a database, whatever its name says" * 9)
    with pytest.raises(BadInput, match="is no record"):
        read_rows(tmp_path / "text")
    sqlite3.connect(tmp_path / "other").execute("create table x (y)").connection.close()
    with pytest.raises(BadInput, match="is no record"):
        read_rows(tmp_path / "other")

    with pytest.raises(BadInput, match="no record"):
        read_what_is_left(tmp_path / "none.sqlite")
    for name in ("text", "other"):
        rows, head, damage = read_what_is_left(tmp_path / name)
        assert (rows, head) == ([], None) and f"{name} is damaged after 0 rows" in damage

    async def opened(path: Path) -> None:
        rows = SqliteRows(path)
        try:
            await rows.head()
        finally:
            await rows.close()

    with pytest.raises(Broken, match="damaged"):
        asyncio.run(opened(tmp_path / "text"))
    with pytest.raises(JournalUnavailable, match="Nothing was written"):
        asyncio.run(opened(tmp_path))


def test_what_could_not_be_written_is_written_with_the_next(tmp_path: Path) -> None:
    class Moody(MemoryRows):
        fails = True

        async def commit(self, rows) -> None:
            if self.fails:
                raise JournalUnavailable("The disk is full.")
            await super().commit(rows)

    async def story() -> list[Row]:
        rows = Moody()
        transcript = await Transcript.opened(rows)
        transcript.add(1, ("n-1", "t-1"), Kind.LOST, "a")
        with pytest.raises(JournalUnavailable):
            await transcript.commit()
        rows.fails = False
        transcript.add(2, ("n-1", "t-1"), Kind.LOST, "b")
        await transcript.commit()
        await transcript.commit()
        return await rows.of_trade("t-1")

    rows = asyncio.run(story())
    assert [row.agent for row in rows] == ["a", "b"] and list(faults(rows)) == []
