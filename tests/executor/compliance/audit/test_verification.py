"""Whoever changes a log is found out: each way of tampering, and any byte of any row."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.regulation.merkle import Frontier
from executor.compliance.audit import AuditLog, sign_head, verify_log
from executor.compliance.audit.entries import BEFORE_THE_FIRST, hash_of, text_of
from executor.compliance.audit.heads import anchored
from executor.compliance.audit.log import anchors_beside
from executor.compliance.audit.verification import AuditVerification
from tests.executor.compliance.audit.logs import AT, KEY, OTHER_KEY, copied, entries_of, signed_log, tampering


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """600 entries: heads at 100, 300 and 600, and 20 entries that no head covers yet."""
    return signed_log(tmp_path_factory.mktemp("good") / "log", 100, 300, 600, rest=20)


def checked(path: Path) -> AuditVerification:
    return verify_log(path, anchors_beside(path), KEY.public)


def test_a_log_that_nobody_touched_holds(good: Path) -> None:
    result = checked(good)
    assert result.holds and result.first_broken_seq is None
    assert (result.entries, result.heads, result.anchors, result.covered, result.keys) == (620, 3, 3, 600, (KEY.public,))
    assert result.to_json()["holds"] is True


def rewritten(connection: sqlite3.Connection, changed: int) -> None:
    """Changes an entry and every hash and block after it, as one who knows the format would."""
    before, tree = BEFORE_THE_FIRST, Frontier()
    for seq, text in connection.execute("select seq, cast(body as blob) from entries order by seq").fetchall():
        text = text.replace(b'"rows":', b'"rowz":') if seq == changed else text
        before = hash_of(before, text)
        tree.push(before)
        connection.execute("update entries set body = ?, hash = ? where seq = ?", (text.decode(), before, seq))
    connection.executemany("update nodes set hash = ? where level = ? and place = ?", [(root, *where) for *where, root in tree.blocks])


def swapped(connection: sqlite3.Connection, one: int, other: int) -> None:
    for move in ((one, -1), (other, one), (-1, other)):
        connection.execute("update entries set seq = ? where seq = ?", move[::-1])


def inserted(connection: sqlite3.Connection, at: int) -> None:
    connection.execute("update entries set seq = -seq - 1 where seq >= ?", (at,))
    connection.execute("update entries set seq = -seq where seq < 0")
    connection.execute("insert into entries select ?, body, hash from entries where seq = 0", (at,))


def heads_swapped(connection: sqlite3.Connection) -> None:
    for move in ((9, 1), (1, 2), (2, 9)):
        connection.execute("update heads set number = ? where number = ?", move)


CUT = "delete from entries where seq >= 300; delete from heads where size > 300; delete from nodes where place > 0"

# How it is done, the first entry that is named, and words of what is said.
TAMPERINGS: dict[str, tuple[str | Callable[[sqlite3.Connection], None], int | None, str]] = {
    "a changed entry": ("update entries set body = replace(body, '4', '5') where seq = 444", 444, "hash of entry 444"),
    "a changed hash": ("update entries set hash = zeroblob(32) where seq = 444", 444, "hash of entry 444"),
    "a deleted entry": ("delete from entries where seq = 250", 250, "entry 250 is missing"),
    "the first entry deleted": ("delete from entries where seq = 0", 0, "entry 0 is missing"),
    "two entries swapped": (lambda db: swapped(db, 17, 18), 17, "hash of entry 17"),
    "an entry inserted": (lambda db: inserted(db, 200), 200, "hash of entry 200"),
    "an entry below the first": ("insert into entries select -5, body, hash from entries where seq = 0", 0, "entry -5 stands before"),
    "the covered end cut off": ("delete from entries where seq >= 599", 599, "1 are missing from entry 599 on"),
    "all entries deleted": ("delete from entries", 0, "600 are missing from entry 0 on"),
    "the end cut off with its heads": (CUT, 300, "300 are missing from entry 300 on"),
    "all after an entry written anew": (lambda db: rewritten(db, 299), 100, "what was signed as the first 300 entries is not"),
    "a block changed": ("update nodes set hash = zeroblob(32) where place = 1", 256, "block 1 of level 8"),
    "a block deleted": ("delete from nodes where place = 1", 256, "block 1 of level 8"),
    "a block invented": ("insert into nodes values (8, 2, zeroblob(32))", 512, "no such block"),
    "a head deleted": ("delete from heads where size = 300", 599, "head 2 is missing"),
    "a head changed": ("update heads set head = replace(head, '2026', '2025') where size = 300", 299, "its signature"),
    "a head of another size": ("update heads set size = 301 where size = 300", 300, "of 301 entries, is not one"),
    "a head that is none": ("update heads set head = 'x' where size = 300", 299, "is not one"),
    "heads swapped": (heads_swapped, 99, "older"),
}


@pytest.mark.parametrize("way", TAMPERINGS)
def test_each_way_of_tampering_is_found_and_named(good: Path, tmp_path: Path, way: str) -> None:
    tamper, seq, sentence = TAMPERINGS[way]
    path = copied(good, tmp_path)
    with tampering(path) as connection:
        connection.executescript(tamper) if isinstance(tamper, str) else tamper(connection)
    result = checked(path)
    assert not result.holds
    assert result.first_broken_seq == seq
    assert any(sentence in detail for finding in result.findings for detail in finding.details)


def test_a_head_that_only_the_folder_still_has_is_not_lost(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with tampering(path) as connection:
        connection.execute("delete from heads where size = 600")
    result = checked(path)
    assert result.holds and (result.heads, result.anchors) == (2, 3)


def test_a_tail_that_no_head_covers_is_not_missed_and_the_result_says_up_to_where_it_knows(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with tampering(path) as connection:
        connection.execute("delete from entries where seq >= 605")
    result = checked(path)
    assert result.holds and result.covered == 600


def test_without_the_folder_a_cut_with_its_heads_is_not_seen_which_is_why_there_is_one(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with tampering(path) as connection:
        connection.executescript(
            "delete from entries where seq >= 300; delete from heads where size > 300; delete from nodes where place > 0"
        )
    assert verify_log(path).holds
    assert not checked(path).holds


def test_an_anchor_that_is_missing_or_changed_is_found(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    first, second, _ = sorted(anchors_beside(path).iterdir())
    first.unlink()
    second.chmod(0o600)
    second.write_text(second.read_text().replace("2026", "2025"))
    third = anchors_beside(path) / "1.json"
    third.write_text("x")
    details = [detail for finding in checked(path).findings for detail in finding.details]
    assert "head 1, of 100 entries, is not in the folder" in details
    assert f"{second.name} is no signed head" in details and "1.json is no signed head" in details


def test_a_folder_that_is_not_there_is_no_proof(good: Path, tmp_path: Path) -> None:
    result = verify_log(good, tmp_path / "nowhere")
    assert [finding.holds for finding in result.findings] == [True, True, True, True, False]


def test_a_head_signed_by_another_key_is_found(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with AuditLog(path) as log:
        sign_head(log, OTHER_KEY, AT + timedelta(days=1))
    assert verify_log(path, anchors_beside(path)).holds
    result = checked(path)
    assert not result.holds
    assert result.keys == tuple(sorted((KEY.public, OTHER_KEY.public)))


def test_a_forged_head_in_the_folder_is_found(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    _, head = next(iter(anchored(anchors_beside(path))))
    assert head is not None
    forged = replace(head, root="00" * 32, at="2026-01-02T09:30:00.000000+00:00")
    (anchors_beside(path) / forged.name).write_text(forged.to_text())
    details = [detail for finding in checked(path).findings for detail in finding.details]
    assert details == [f"{forged.name}, of 100 entries: its signature is not that of its key"]


def test_a_log_without_an_entry_can_be_signed_and_verified(tmp_path: Path) -> None:
    path = signed_log(tmp_path / "log", 0)
    assert checked(path).holds
    assert verify_log(path).covered == 0


COLUMNS = {"entries": ("seq", "body", "hash"), "nodes": ("level", "place", "hash"), "heads": ("number", "size", "head")}


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_for_any_single_byte_of_any_row_the_change_is_found(
    good: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    table = data.draw(st.sampled_from(list(COLUMNS)))
    column = data.draw(st.sampled_from(COLUMNS[table]))
    path = copied(good, tmp_path_factory.mktemp("changed"))
    with tampering(path) as connection:
        key = ["rowid"] if table != "nodes" else ["level", "place"]
        rows = connection.execute(f"select {', '.join(key)}, {column} from {table} order by 1, 2").fetchall()
        *where, value = rows[data.draw(st.integers(0, len(rows) - 1))]
        if isinstance(value, int):
            new: int | bytes | str = value ^ (1 << data.draw(st.integers(0, 40)))
        else:
            told = bytearray(value if isinstance(value, bytes) else value.encode())
            told[data.draw(st.integers(0, len(told) - 1))] ^= 1 << data.draw(st.integers(0, 7))
            new = bytes(told)
        put = "cast(? as text)" if isinstance(value, str) else "?"
        try:
            connection.execute(f"update {table} set {column} = {put} where {' and '.join(f'{one} = ?' for one in key)}", (new, *where))
        except sqlite3.IntegrityError:  # that row is there already
            return
    result = checked(path)
    uncovered = table == "entries" and column == "seq" and where[0] == 619
    assert not result.holds or (uncovered and result.entries < 620)
    if table == "entries" and column != "seq":
        assert result.first_broken_seq == where[0]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_for_any_byte_of_the_file_verification_ends_with_an_answer(
    good: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = copied(good, tmp_path_factory.mktemp("damaged"))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    before = [(seq, text) for seq, text in enumerate(text_of(entry) for entry in entries_of(0, 620))]
    try:
        result = checked(path)
    except Exception as problem:
        assert type(problem).__name__ == "BadInput"
        return
    if result.holds:  # the byte was one that holds nothing
        with tampering(path) as connection:
            assert connection.execute("select seq, cast(body as blob) from entries where seq < 600 order by seq").fetchall() == before[:600]


def test_a_head_has_one_text(good: Path, tmp_path: Path) -> None:
    path = copied(good, tmp_path)
    with tampering(path) as connection:
        connection.execute("update heads set head = replace(head, ',', ', ') where size = 100")
    assert checked(path).first_broken_seq == 99
