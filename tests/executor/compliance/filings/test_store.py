"""What a store promises: durable, private, sealed, and one writer."""

from __future__ import annotations

import sqlite3
import stat
from datetime import date, datetime
from pathlib import Path

import pytest

from domain.problems import BadInput, Broken, IllegalTransition, JournalHeld, JournalUnavailable
from domain.regulation.filing import Event, State
from executor.compliance.filings.documents import DocumentFolder
from executor.compliance.filings.events import event_of, text_of
from executor.compliance.filings.signing import Ed25519Signer, EnvironmentSigner, is_signed
from executor.compliance.filings.store import FilingReader, FilingStore, records_of
from tests.executor.compliance.filings.world import MONDAY, TRADES, Trades, World


@pytest.fixture
def filed(world: World) -> World:
    """A world with a filing that was corrected."""
    trades = Trades(rows={"T1": 10})
    world.settle(trades, days=1)
    trades.rows["T1"] = 11
    world.settle(trades, days=1)
    return world


def altered(world: World, sql: str) -> None:
    world.store.close()
    with sqlite3.connect(world.folder / "filings.sqlite") as connection:
        connection.execute(sql)


def test_everything_is_readable_by_its_user_only(filed: World):
    for path in filed.folder.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600) or path.suffix in (".sqlite-wal", ".sqlite-shm"), path


def test_what_was_written_is_there_again_after_a_restart(filed: World):
    before = [text_of(one) for one in filed.store.filings.events]
    head = filed.store.head
    filed.restart()
    assert [text_of(one) for one in filed.store.filings.events] == before
    assert filed.store.head == head


def test_a_reader_sees_the_newest_document_while_the_desk_works(filed: World):
    reader = FilingReader(filed.folder)
    found = reader.filings.latest("EU.MiCA.transactions", date(2026, 3, 1), "xml")
    assert found is not None
    filing, version = found
    assert (filing.number, str(filing.state)) == (1, "acked")
    assert b"<Cxl>" in reader.document(version.sha256)
    assert [one.action for one in reader.records(version)] == ["CANCEL", "NEW"]
    assert reader.filings.latest("EU.MiCA.transactions", date(2026, 3, 1), "csv") is None
    assert [one.kind for one in reader.filings.history(filing.filing_id)][:2] == ["draft", "validated"]


def test_a_second_writer_is_refused(filed: World):
    with pytest.raises(JournalHeld):
        FilingStore(filed.folder)


@pytest.mark.parametrize(
    "sql",
    [
        "update events set event = replace(event, 'acked', 'nacked') where seq = 5",
        "delete from events where seq = 3",
        "update events set hash = replace(hash, 'a', 'b') where seq = 2",
    ],
)
def test_an_altered_event_is_found_when_the_store_is_opened(filed: World, sql):
    altered(filed, sql)
    with pytest.raises(Broken, match="filings are broken"):
        FilingReader(filed.folder)
    with pytest.raises(Broken):
        FilingStore(filed.folder)


def test_an_altered_document_is_found_when_it_is_read(filed: World):
    version = filed.store.filings.of_key(TRADES)[0].version
    path = filed.folder / "documents" / version.sha256[:2] / version.sha256
    content = path.read_bytes()
    path.write_bytes(content + b" ")
    with pytest.raises(Broken, match="was changed"):
        filed.store.document(version.sha256)
    assert filed.store.keep(content) == version.sha256, "keeping it again mends it"
    assert filed.store.document(version.sha256) == content


def test_a_reference_is_never_used_twice(filed: World):
    version = filed.store.filings.of_key(TRADES)[0].version
    facts = {"version": 1, "reference": version.reference, "name": "a", "sha256": "", "records_sha256": "", "record_count": 0}
    with pytest.raises(BadInput, match="never used twice"):
        filed.store.append(Event("draft", TRADES.filing_id(9), MONDAY, "", "", facts))


def test_events_that_cannot_follow_or_be_written_leave_nothing(filed: World):
    head = filed.store.head
    with pytest.raises(IllegalTransition):
        filed.store.append(Event(State.SIGNED, TRADES.filing_id(1), MONDAY, "", "", {"signature": {}}))
    with pytest.raises(BadInput, match="no zone"):
        filed.store.append(Event("ticket", None, datetime(2026, 1, 1), "", "", {}))
    with pytest.raises(BadInput, match="JSON values"):
        filed.store.append(Event("ticket", None, MONDAY, "", "", {"a": {1, 2}}))
    assert filed.store.head == head
    filed.store.close()
    with pytest.raises(JournalUnavailable, match="closed"):
        filed.store.append()


def test_a_disk_that_takes_nothing_is_told(filed: World):
    assert filed.store._connection is not None
    filed.store._connection.execute("pragma query_only = on")
    with pytest.raises(JournalUnavailable):
        filed.store.append(Event("set_aside", None, MONDAY, "", "", {"fault": "x", "answer_sha256": ""}))
    (filed.folder / "documents").rename(filed.folder / "elsewhere")
    (filed.folder / "documents").write_text("in the way")
    with pytest.raises(JournalUnavailable, match="look at the disk"):
        filed.store.keep(b"new")


def test_where_there_is_no_store_it_is_said(tmp_path: Path):
    with pytest.raises(BadInput, match="no filings"):
        FilingReader(tmp_path)
    sqlite3.connect(tmp_path / "filings.sqlite").close()
    (tmp_path / "filings.sqlite").touch()
    with pytest.raises(BadInput, match="holds no filings"):
        FilingReader(tmp_path)
    (tmp_path / "filings.sqlite").write_bytes(b"no database at all, but some text of enough length")
    with pytest.raises(Broken):
        FilingReader(tmp_path)
    with pytest.raises(Broken):
        FilingStore(tmp_path)


def test_names_that_are_no_hash_and_rows_that_hold_no_event_are_refused(tmp_path: Path):
    folder = DocumentFolder(tmp_path)
    with pytest.raises(BadInput, match="no sha256"):
        folder.get("../../etc/passwd")
    with pytest.raises(BadInput, match="No document"):
        folder.get("0" * 64)
    with pytest.raises(Broken, match="no event"):
        event_of("{}")
    with pytest.raises(Broken, match="list of records"):
        records_of(b"{")


def test_a_filing_or_ticket_that_is_not_there_is_named(filed: World):
    with pytest.raises(BadInput, match="no filing"):
        filed.store.filings.get("X/2026-01-01/2026-01-01/xml/0")
    assert filed.store.filings.of_reference("nobody") is None


def test_a_key_comes_from_the_environment_and_is_never_shown():
    key = "11" * 32
    signed = EnvironmentSigner({"GREKKO_FILING_KEY": key}).sign(b"a")
    assert is_signed(b"a", signed) and not is_signed(b"b", signed) and not is_signed(b"a", {}) and key not in str(signed)
    for wrong in ("", "11" * 31, "no hex"):
        with pytest.raises(BadInput) as refused:
            Ed25519Signer.from_environment({"GREKKO_FILING_KEY": wrong})
        assert not wrong or wrong not in refused.value.message
