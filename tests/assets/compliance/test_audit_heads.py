"""The heads of the audit log are signed where there is a key, kept in three places, and show a log that was changed or cut off."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from assets.compliance import audit_log
from assets.compliance.audit_heads import TABLE, audit_heads, the_log_agrees_with_every_head, the_newest_head_is_signed
from assets.compliance.audit_log import log_report, recorder_of
from assets.compliance.cabinet import Cabinet
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.regulation.calendar import Span
from executor.compliance.audit import AuditKey
from executor.compliance.audit.reading import reading
from executor.compliance.audit.record import REPORT, Recorder
from executor.compliance.report_shelf import Written
from executor.compliance.rulebook_file import load_rulebook, rulebook_sha256
from tests.executor.compliance.audit.logs import tampering

KEY = "11" * 32


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("GREKKO_AUDIT_KEY", "GREKKO_AUDIT_KEY_FILE", "GREKKO_AUDIT_LOG", "GREKKO_AUDIT_HEADS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def materialised(home: Path, *, fails: bool = False) -> tuple[dict[str, bool], str, Warehouse]:
    """The checks that hold after the asset was made, what it said about signing, and the lake."""
    warehouse = Warehouse(lake=str(home / "lake"))
    done = dg.materialize(
        [audit_heads, the_newest_head_is_signed, the_log_agrees_with_every_head],
        resources={"warehouse": warehouse, "cabinet": Cabinet(folder=str(home / "compliance"))},
        selection=[audit_heads],
        raise_on_error=False,
    )
    checks = {one.check_name: one.passed for one in done.get_asset_check_evaluations()}
    (made,) = done.asset_materializations_for_node("audit_heads")
    return checks, str(made.metadata["signed"].value), warehouse


def recorder(home: Path) -> Recorder:
    return recorder_of(Cabinet(folder=str(home / "compliance")))


def test_without_a_key_nothing_is_signed_and_it_says_so_with_the_fix(home: Path):
    checks, told, _ = materialised(home)
    assert checks == {"the_newest_head_is_signed": True, "the_log_agrees_with_every_head": True}
    assert told == "Nothing was signed. The log has no entry yet."
    recorder(home).filings((1, "ab"))
    checks, told, warehouse = materialised(home)
    assert checks == {"the_newest_head_is_signed": False, "the_log_agrees_with_every_head": True}
    assert "GREKKO_AUDIT_KEY_FILE" in told and warehouse.read(TABLE).is_empty()


def test_with_a_key_each_making_signs_a_head_that_the_table_keeps(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GREKKO_AUDIT_KEY", KEY)
    for seq in (1, 2):
        recorder(home).filings((seq, "ab"))
        checks, told, warehouse = materialised(home)
        assert all(checks.values()) and told.startswith(f"{seq} entries, root ")
    rows = warehouse.read(TABLE)
    assert rows["size"].to_list() == [1, 2] and set(rows["key_id"]) == {AuditKey.of(KEY).public}
    assert rows["root"].to_list()[-1] == (recorder(home).tree_head() or {})["root"]


def test_a_key_that_is_none_is_an_error_and_not_a_silence(home: Path, monkeypatch: pytest.MonkeyPatch):
    recorder(home).filings((1, "ab"))
    monkeypatch.setenv("GREKKO_AUDIT_KEY", "no key")
    with pytest.raises(BadInput, match="64 lowercase hexadecimal digits"):
        dg.materialize(
            [audit_heads], resources={"warehouse": Warehouse(lake=str(home)), "cabinet": Cabinet(folder=str(home / "compliance"))}
        )


@pytest.mark.parametrize("harm", ["cut", "changed", "log gone", "heads gone", "head gone"])
def test_a_log_that_is_not_as_it_was_signed_is_found(home: Path, monkeypatch: pytest.MonkeyPatch, harm: str):
    monkeypatch.setenv("GREKKO_AUDIT_KEY", KEY)
    for seq in (1, 2):
        recorder(home).filings((seq, "ab"))
        materialised(home)
    monkeypatch.delenv("GREKKO_AUDIT_KEY")
    log, heads = recorder(home).log, recorder(home).heads
    if harm == "log gone":
        log.unlink()
    elif harm == "heads gone":
        shutil.rmtree(heads)
    elif harm == "head gone":  # and from the log as well
        with tampering(log) as connection:
            connection.execute("delete from heads where number = 2")
        max(heads.iterdir()).unlink()
    else:
        with tampering(log) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("delete from entries where seq = 1" if harm == "cut" else "update entries set body = '{}' where seq = 0")
    assert materialised(home)[0]["the_log_agrees_with_every_head"] is False


def test_a_report_on_the_shelf_is_written_down_with_the_hash_of_its_rulebook(home: Path):
    report, day = next(iter(load_rulebook().reports.values())), date(2026, 1, 19)
    cabinet, span = Cabinet(folder=str(home / "compliance")), Span(day, day)
    log_report(cabinet, report, span, before=None)  # nothing was laid there
    assert not recorder(home).log.exists()
    cabinet.shelf.put(
        report.id,
        title="T",
        period=span.name,
        created_at=datetime(2026, 1, 20, tzinfo=UTC),
        reference="R1",
        documents=[Written("xml", b"<a/>", "none", "A claim.")],
        unverified=2,
        counts={"reported": 1, "not_reportable": 0, "blocked": 0},
        findings={"faults": 0},
    )
    audit_log._rulebook_in_use.cache_clear()
    for _ in range(2):
        log_report(cabinet, report, span, before=cabinet.find(report, span))
    with reading(recorder(home).log) as log:
        (facts,) = log.of_kind(REPORT)
    document = cabinet.find(report, span)
    assert document is not None and facts["documents"] == {"xml": document.sha256}
    assert (facts["report_id"], facts["period"], facts["rulebook_sha256"]) == (report.id, span.name, rulebook_sha256())
