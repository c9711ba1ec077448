"""What matters is in the audit log once, whoever calls how often, and what a crash kept out is in it after the next call."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.problems import JournalHeld
from executor.compliance.audit import AuditLog, verify_log
from executor.compliance.audit.place import heads_of, log_of
from executor.compliance.audit.reading import reading
from executor.compliance.audit.record import DELETED, FILINGS, MOVED, REPORT, SCREENING, Recorder
from executor.compliance.kyc.decision import decide
from executor.compliance.kyc.provider import Sources, Subject
from executor.compliance.kyc.routing import ClientCountries, route
from executor.compliance.kyc.store import DecisionStore
from executor.compliance.retention.folder_store import FolderStore
from executor.compliance.retention.store import Stored
from tests.executor.compliance.kyc.places import RULEBOOK
from tests.executor.compliance.retention.days import Calendar

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder.of(tmp_path / "compliance", Calendar(date(2026, 7, 1)), {})


def card(xml: str, reported: int = 3) -> dict[str, Any]:
    """What the shelf says of a report."""
    counts = {"reported": reported, "not_reportable": 1, "blocked": 0}
    told = {"report_id": "EU.MiCA.transactions", "period": "2026-01-19", "reference": f"R-{xml}", "unverified": 4, "title": "T"}
    return {**told, "counts": counts, "formats": {"xml": {"sha256": xml * 32, "file": "document.xml"}}}


def told(recorder: Recorder, kind: str) -> list[dict[str, Any]]:
    """The facts of a kind, oldest first."""
    with reading(recorder.log) as log:
        return list(log.of_kind(kind))[::-1]


def test_the_log_lies_in_the_compliance_folder_or_where_the_settings_say(tmp_path: Path):
    assert log_of(tmp_path, {}) == tmp_path / "audit" / "audit.sqlite"
    assert heads_of(log_of(tmp_path, {}), {}) == tmp_path / "audit" / "audit.sqlite.heads"
    told = {"GREKKO_AUDIT_LOG": "/kept/log", "GREKKO_AUDIT_HEADS": "/locked"}
    assert (log_of(tmp_path, told), heads_of(Path("/x"), told)) == (Path("/kept/log"), Path("/locked"))


def test_a_report_is_in_the_log_with_its_hashes_and_once(recorder: Recorder):
    assert recorder.report(card("ab"), "cd" * 32) == 1
    assert recorder.report(card("ab"), "cd" * 32, before=card("ab")) == 0
    assert told(recorder, REPORT) == [
        {
            "report_id": "EU.MiCA.transactions",
            "period": "2026-01-19",
            "reference": "R-ab",
            "unverified": 4,
            "counts": {"reported": 3, "not_reportable": 1, "blocked": 0},
            "documents": {"xml": "ab" * 32},
            "rulebook_sha256": "cd" * 32,
        }
    ]


def test_a_report_that_comes_back_as_it_was_is_said_again(recorder: Recorder):
    for xml in ("aa", "bb", "aa", "aa"):
        recorder.report(card(xml), "cd" * 32)
    assert [one["documents"]["xml"][:2] for one in told(recorder, REPORT)] == ["aa", "bb", "aa"]
    assert recorder.report(card("aa"), "ee" * 32) == 1  # the same documents by another rulebook


def test_a_report_that_a_crash_kept_out_of_the_log_is_in_it_before_the_one_that_replaced_it(recorder: Recorder):
    recorder.report(card("aa"), "cd" * 32)
    assert recorder.report(card("cc"), "cd" * 32, before=card("bb")) == 2
    assert [(one["documents"]["xml"][:2], one["rulebook_sha256"]) for one in told(recorder, REPORT)][1:] == [
        ("bb", None),
        ("cc", "cd" * 32),
    ]


def test_the_newest_event_of_the_filings_is_in_the_log_once(recorder: Recorder):
    assert recorder.filings(None) == 0 and not recorder.log.exists()
    assert [recorder.filings((4, "ab")), recorder.filings((4, "ab")), recorder.filings((5, "cd"))] == [1, 0, 1]
    assert told(recorder, FILINGS) == [{"seq": 4, "hash": "ab"}, {"seq": 5, "hash": "cd"}]


def test_every_screening_decision_is_in_the_log_by_the_hash_of_its_record_and_without_the_name(recorder: Recorder, tmp_path: Path):
    store = DecisionStore(tmp_path / "kyc.sqlite", b"k" * 32)
    for client in ("c-1", "c-2"):
        store.add(decide(Subject(client, "Gundula Harmlos"), route(RULEBOOK, ClientCountries("DE")), Sources(date(2026, 7, 1)), NOW))
    assert [recorder.screenings(store), recorder.screenings(store)] == [2, 0]
    store.add(decide(Subject("c-1", "Gundula Harmlos"), route(RULEBOOK, ClientCountries("DE")), Sources(date(2026, 7, 1)), NOW))
    assert recorder.screenings(store) == 1
    kept = {kept.seq: sha256 for kept, sha256 in store.records()}
    assert {one["decision"]: one["record_sha256"] for one in told(recorder, SCREENING)} == kept
    assert len(set(kept.values())) == 3 and b"Gundula" not in recorder.log.read_bytes()


def test_each_move_and_each_deletion_is_in_the_log_by_the_hash_of_its_record(recorder: Recorder, tmp_path: Path):
    store = FolderStore(tmp_path / "cold", Calendar(date(2026, 7, 1)))
    moved: Stored = store.put("cold/trades/2026-01-01.manifest.json", b"{}", retain_until=None)
    store.put("cold/trades/2026-01-01.parquet", b"rows", retain_until=None)
    assert [recorder.cold(store), recorder.cold(store)] == [1, 0]
    gone = store.put("deleted/trades/2026-01-01.json", b"why", retain_until=None)
    assert recorder.cold(store) == 1
    assert [one["sha256"] for one in told(recorder, MOVED)] == [moved.sha256]
    assert told(recorder, DELETED) == [{"key": gone.key, "version": gone.version, "sha256": gone.sha256}]


def test_the_tree_head_is_that_of_the_log_and_the_log_holds(recorder: Recorder):
    assert recorder.tree_head() is None
    for seq in range(3):
        recorder.filings((seq, "ab"))
    result = verify_log(recorder.log)
    assert result.holds and recorder.tree_head() == {"size": 3, "root": result.root}
    AuditLog(recorder.log.with_name("empty.sqlite")).close()
    assert Recorder(recorder.log.with_name("empty.sqlite"), recorder.heads, recorder.clock).tree_head() is None


def test_it_waits_for_another_writer_and_says_who_it_is_when_that_never_ends(recorder: Recorder):
    other = AuditLog(recorder.log)
    with pytest.raises(JournalHeld, match=f"process {os.getpid()}"):
        recorder.filings((1, "ab"))
    waited: list[float] = []

    def pause(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            other.close()

    patient = Recorder(recorder.log, recorder.heads, recorder.clock, pause)
    assert patient.filings((1, "ab")) == 1 and waited == [0.1] * 3
