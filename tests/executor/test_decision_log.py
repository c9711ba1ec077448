"""The log of decisions: one owner, one chain of hashes, and nothing of it in memory but its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from executor import decision_log
from executor.decision_log import DecisionLog, ForgetfulLog, read_decisions
from executor.journal.sealing import faults
from executor.orders import Entry
from executor.ports import SystemClock

AT = datetime(2026, 3, 1, tzinfo=UTC)


def decided(name: str, kind: str = "decided") -> Entry:
    return Entry(kind, name, AT, {"action": "now"})


def changed(number: int, kind: str = "model_activated") -> Entry:
    return Entry(kind, None, AT, {"generation": number})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "decisions.sqlite"


def opened(path: Path) -> DecisionLog:
    return DecisionLog(path, SystemClock())


def test_what_was_appended_is_there_after_a_restart_in_one_chain(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_log, "RECENT", 2)
    log = opened(path)
    log.append([decided("a"), changed(1), decided("b"), decided("c")])
    assert [log.decided("decided", name) for name in "abcd"] == [decided("a"), decided("b"), decided("c"), None]
    head = log.head
    log.close()
    log = opened(path)
    assert log.head == head
    log.append([decided("d"), changed(2), changed(3, "model_rolled_back")])
    assert log.decided("decided", "a") == decided("a")
    assert [row.entry.facts["generation"] for row in log.changes(2)] == [2, 3]
    last = log.last(("model_activated",))
    assert last is not None and last.entry == changed(2)
    rows = list(read_decisions(path))
    assert not list(faults(rows)) and len(rows) == 8


def test_an_id_is_decided_once_a_kind(path: Path) -> None:
    log = opened(path)
    log.append([decided("a"), decided("a", "swap_decided")])
    head = log.head
    with pytest.raises(JournalHeld):
        log.append([decided("b"), decided("a")])
    assert log.head == head and log.decided("decided", "b") is None, "all or none"
    log.append([decided("b")])


def test_what_is_owed_goes_before_anything_else(path: Path) -> None:
    log = opened(path)
    log.owe(changed(1))
    (row,) = log.append([decided("a")])
    assert row.entry == decided("a")
    assert [one.entry for one in read_decisions(path)][1:] == [changed(1), decided("a")]


def test_it_has_one_owner(path: Path) -> None:
    first = opened(path)
    with pytest.raises(JournalHeld, match="owns"):
        opened(path)
    first.close()
    opened(path)


def test_it_is_let_go_of_when_nobody_holds_it_any_more(path: Path) -> None:
    opened(path)
    opened(path)


def test_a_closed_log_takes_nothing(path: Path) -> None:
    log = opened(path)
    log.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        log.append([decided("a")])


def test_a_damaged_file_is_told(path: Path) -> None:
    log = opened(path)
    log.append([decided("a")])
    log.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("update decision set entry = replace(entry, 'now', 'wait') where seq = 1")
        connection.commit()
    assert [seq for seq, _ in faults(read_decisions(path))] == [1]
    with pytest.raises(Broken, match="another hash"):
        opened(path)
    path.write_bytes(b"no database" * 100)
    with pytest.raises(Broken, match="damaged"):
        opened(path)


def test_a_place_where_no_file_can_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalUnavailable, match="cannot be opened"):
        opened(tmp_path / "file" / "decisions.sqlite")
    with pytest.raises(BadInput, match="no log of decisions"):
        list(read_decisions(tmp_path / "decisions.sqlite"))


def test_without_a_file_the_oldest_ids_are_forgotten_first() -> None:
    log = ForgetfulLog(SystemClock(), most=2)
    log.append([decided(name) for name in "abc"])
    log.owe(changed(1))
    assert [log.decided("decided", name) for name in "abc"] == [None, decided("b"), decided("c")]
    last = log.last(("model_activated",))
    assert last is not None and [last] == log.changes(5) and log.last(("other",)) is None
    assert not log.is_durable
    log.close()
