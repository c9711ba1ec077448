"""The log as its writer knows it: batches, heads, one writer, and what it refuses."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Broken, JournalHeld, JournalUnavailable
from domain.regulation.merkle import EMPTY, root_of
from executor.compliance.audit import AuditEntry, AuditLog, sign_head, verify_log
from executor.compliance.audit.entries import BEFORE_THE_FIRST, hash_of, text_of
from executor.compliance.audit.heads import SignedHead, anchored, write_anchor
from executor.compliance.audit.log import anchors_beside
from executor.compliance.audit.reading import reading
from tests.executor.compliance.audit.logs import AT, KEY, entries_of, signed_log, tampering


def test_entries_are_numbered_from_nought_and_chained(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "log") as log:
        assert log.root() == EMPTY
        assert log.append(entries_of(0, 3)) == range(0, 3)
        assert log.append([]) == range(3, 3)
        assert log.append(entries_of(3, 2)) == range(3, 5)
        root = log.root()
    before, hashes = BEFORE_THE_FIRST, []
    with reading(tmp_path / "log") as reader:
        for (_, text, hash_), entry in zip(reader.entries(), entries_of(0, 5), strict=True):
            assert text == text_of(entry)
            before = hash_of(before, text)
            assert hash_ == before
            hashes.append(hash_)
    assert root == root_of(hashes)


def test_an_entry_has_one_text_whatever_the_zone_and_the_order_of_its_facts() -> None:
    elsewhere = AT.astimezone(timezone(timedelta(hours=8)))
    one = text_of(AuditEntry("filed", AT, None, {"b": 1, "a": "é"}))
    assert one == text_of(AuditEntry("filed", elsewhere, None, {"a": "é", "b": 1}))
    assert one == b'{"about":null,"at":"2026-01-02T09:00:00.000000+00:00","facts":{"a":"\\u00e9","b":1},"kind":"filed"}'


@pytest.mark.parametrize(
    ("entry", "fix"),
    [
        (AuditEntry("x", datetime(2026, 1, 1)), "give it in UTC"),
        (AuditEntry("x", AT, None, {"a": float("nan")}), "whole and finite numbers"),
        (AuditEntry("x", AT, None, {"a": AT}), "use text"),
        (AuditEntry("x", AT, None, {"a": "x" * 1024 * 1024}), "keep its hash here"),
    ],
)
def test_what_cannot_be_written_down_is_refused_and_nothing_of_its_batch_is_there(tmp_path: Path, entry: AuditEntry, fix: str) -> None:
    with AuditLog(tmp_path / "log") as log:
        with pytest.raises(BadInput, match=fix):
            log.append([*entries_of(0, 1), entry])
        assert log.append(entries_of(0, 1)) == range(0, 1)
    assert verify_log(tmp_path / "log").holds


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 400), min_size=1, max_size=5))
def test_for_any_batches_and_restarts_the_tree_is_that_of_all_entries(tmp_path_factory: pytest.TempPathFactory, batches: list[int]) -> None:
    path = tmp_path_factory.mktemp("log") / "log"
    for count in batches:
        with AuditLog(path) as log:
            log.append(entries_of(log.size, count))
            root, size = log.root(), log.size
    with reading(path) as reader:
        assert size == sum(batches) == reader.size()
        assert root == root_of(reader.hashes(0, size))
    assert verify_log(path).holds


def test_a_second_writer_is_told_so_and_readers_are_not_in_the_way(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "log") as log:
        log.append(entries_of(0, 2))
        with pytest.raises(JournalHeld, match=r"Another process .* owns the audit log"):
            AuditLog(tmp_path / "log")
        assert verify_log(tmp_path / "log").entries == 2
        log.append(entries_of(2, 1))
    with AuditLog(tmp_path / "log") as log:
        assert log.size == 3


def test_a_writer_that_was_overtaken_stops(tmp_path: Path) -> None:
    path = signed_log(tmp_path / "log", 2)
    with AuditLog(path) as log:
        with tampering(path) as connection:
            connection.execute("insert into entries select 2, body, hash from entries where seq = 0")
        with pytest.raises(JournalHeld, match="stop this one"):
            log.append(entries_of(2, 1))


def test_a_full_disk_writes_nothing_of_a_batch(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "log") as log:
        log.append(entries_of(0, 3))
        log._connection.execute("pragma max_page_count=8")
        with pytest.raises(JournalUnavailable, match="ask again"):
            log.append(entries_of(3, 500))
        assert log.size == 3
        log._connection.execute("pragma max_page_count=100000")
        assert log.append(entries_of(3, 500)) == range(3, 503)
    assert verify_log(tmp_path / "log").holds


def test_a_file_that_is_no_log_is_never_written_to(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"something else" * 100)
    with pytest.raises(Broken, match="restore it from a copy"):
        AuditLog(tmp_path / "log")
    assert (tmp_path / "log").read_bytes() == b"something else" * 100
    with pytest.raises(BadInput, match="is no audit log"), reading(tmp_path / "log") as reader:
        reader.size()
    with pytest.raises(BadInput, match="There is no audit log"):
        verify_log(tmp_path / "none")


def test_a_log_with_a_gap_is_not_appended_to(tmp_path: Path) -> None:
    path = signed_log(tmp_path / "log", 10)
    with tampering(path) as connection:
        connection.execute("delete from entries where seq = 4")
    with pytest.raises(Broken, match="names the missing ones"):
        AuditLog(path)


def test_only_its_owner_reads_the_log(tmp_path: Path) -> None:
    signed_log(tmp_path / "log", 1)
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_head_is_in_the_log_and_in_the_folder(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "log", tmp_path / "elsewhere") as log:
        log.append(entries_of(0, 3))
        head = sign_head(log, KEY, AT)
        assert (head.size, head.root, head.key, head.is_valid) == (3, log.root().hex(), KEY.public, True)
        assert log.last_head() == head
        later = sign_head(log, KEY, AT + timedelta(hours=1))
    assert [one for _, one in anchored(tmp_path / "elsewhere")] == [head, later]
    assert SignedHead.read(head.to_text()) == head


def test_a_head_is_never_older_than_the_last(tmp_path: Path) -> None:
    with AuditLog(tmp_path / "log") as log:
        sign_head(log, KEY, AT)
        with pytest.raises(BadInput, match="Look at the clock"):
            sign_head(log, KEY, AT)
        with pytest.raises(BadInput, match="give it in UTC"):
            sign_head(log, KEY, datetime(2026, 1, 3))


def test_an_anchor_is_never_written_over(tmp_path: Path) -> None:
    signed_log(tmp_path / "log", 1)
    ((_, head),) = anchored(anchors_beside(tmp_path / "log"))
    assert head is not None
    path = write_anchor(anchors_beside(tmp_path / "log"), head)  # the same once more, after a crash
    other = SignedHead(head.size, "00" * 32, head.at, head.key, head.signature)
    with pytest.raises(BadInput, match="Another head is anchored"):
        write_anchor(anchors_beside(tmp_path / "log"), other)
    assert SignedHead.read(path.read_bytes()) == head
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "told",
    ["", "[]", "{}", "nonsense", '{"size":1}', "[" * 100_000]
    + [
        SignedHead(*them).to_text()
        for them in (
            (-1, "00" * 32, "2026-01-01", "00" * 32, "00" * 64),
            (1, "00" * 31, "2026-01-01", "00" * 32, "00" * 64),
            (1, "zz" * 32, "2026-01-01", "00" * 32, "00" * 64),
            (1, "00" * 32, "soon", "00" * 32, "00" * 64),
            (True, "00" * 32, "2026-01-01", "00" * 32, "00" * 64),
        )
    ],
)
def test_what_is_no_head_is_not_read_as_one(told: str) -> None:
    with pytest.raises(BadInput, match="no signed head"):
        SignedHead.read(told)
