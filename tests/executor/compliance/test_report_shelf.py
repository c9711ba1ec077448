"""The shelf of reports: what is read is what was written, whatever happens between, and nothing beside it can be reached."""

from __future__ import annotations

import json
import stat
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, Broken, UnknownReport
from executor.compliance import report_shelf
from executor.compliance.report_shelf import ReportShelf, Written

NOON = datetime(2026, 1, 20, 6, tzinfo=UTC)
ID = "EU.MiCA.transactions"
XML = Written("xml", b"<Document/>", "carrier", "Valid against auth.016.001.03, used as a carrier.", "transactions")
CSV = Written("csv", b"# schema_status: none\na,b\n", "none", "A layout of our own.", "transactions")


def put(shelf: ReportShelf, *documents: Written, report_id: str = ID, period: str = "2026-01-19", at: datetime = NOON) -> Path:
    counts, findings = {"reported": 1, "not_reportable": 0, "blocked": 0}, {"error": 0, "warn": 0}
    told = {"title": "Transactions", "created_at": at, "unverified": 3, "counts": counts, "findings": findings}
    return shelf.put(report_id, period=period, documents=documents or (XML, CSV), **told)  # type: ignore[arg-type]


def test_a_report_is_read_as_it_was_written_and_its_card_says_what_it_is(tmp_path: Path):
    shelf = ReportShelf(tmp_path)
    card = json.loads(put(shelf).read_text())
    assert (card["report_id"], card["schema_status"], card["unverified"], card["previous"]) == (ID, "carrier", 3, None)
    assert card["formats"]["csv"]["claim"] == "A layout of our own."
    found = shelf.document(ID, date(2026, 1, 19), None)
    assert (found.content, found.media_type, found.file_name) == (XML.content, "application/xml", f"{ID}_2026-01-19.xml")
    assert shelf.document(ID, None, "csv").content == CSV.content
    place = tmp_path / "eu_mica_transactions" / "2026-01-19"
    assert {path.name for path in place.iterdir()} == {"report.json", "transactions.xml", "transactions.csv"}
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in place.iterdir())


def test_the_version_before_is_kept_by_its_hash(tmp_path: Path):
    shelf = ReportShelf(tmp_path)
    first = put(shelf).read_bytes()
    second = put(shelf, Written("xml", b"<Document>2</Document>", "carrier", "…", "transactions"))
    card = json.loads(second.read_text())
    versions = second.parent / "versions"
    assert (versions / card["previous"]).read_bytes() == first
    assert (versions / json.loads(first)["formats"]["xml"]["sha256"]).read_bytes() == XML.content
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in versions.iterdir())
    with pytest.raises(UnknownReport, match="has no csv; it was written as xml"):
        shelf.document(ID, None, "csv")  # a file of the version before is not this version's


@pytest.mark.parametrize("dies_at", range(1, 6))
def test_a_writer_that_dies_at_any_step_leaves_the_version_before_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int
):
    shelf, steps, real = ReportShelf(tmp_path), iter(range(1, 100)), report_shelf._replace
    put(shelf)

    def replace(path: Path, content: bytes) -> None:
        if next(steps) == dies_at:
            raise KeyboardInterrupt
        real(path, content)

    monkeypatch.setattr(report_shelf, "_replace", replace)
    new = Written("xml", b"<New/>", "carrier", "…", "transactions"), Written("csv", b"new\n", "none", "…", "transactions")
    with pytest.raises(KeyboardInterrupt):
        put(shelf, *new)
    assert shelf.document(ID, None, "xml").content == XML.content
    assert shelf.document(ID, None, "csv").content == CSV.content
    monkeypatch.undo()
    put(shelf, *new)
    assert shelf.document(ID, None, "xml").content == b"<New/>"


def test_a_file_that_was_changed_is_not_served_until_it_is_written_again(tmp_path: Path):
    shelf = ReportShelf(tmp_path)
    place = put(shelf).parent
    (place / "transactions.xml").write_bytes(b"<Document>forged</Document>")
    with pytest.raises(Broken, match="is not what its card says"):
        shelf.document(ID, None, "xml")
    put(shelf)
    assert shelf.document(ID, None, "xml").content == XML.content
    assert b"<Document>forged</Document>" in [path.read_bytes() for path in (place / "versions").iterdir()]


def card_with(**changed: str) -> bytes:
    told = {"file": "a.xml", "sha256": "a" * 64, "media_type": "application/xml", **changed}
    return json.dumps({"report_id": ID, "main": "xml", "formats": {"xml": told}}).encode()


@pytest.mark.parametrize(
    "card",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 100_000,
        card_with(file="../../secret"),
        card_with(sha256="../x"),
        card_with(media_type="text/html"),
    ],
)
def test_a_card_that_is_none_leads_nowhere(tmp_path: Path, card: bytes):
    shelf = ReportShelf(tmp_path)
    put(shelf).write_bytes(card)
    with pytest.raises(Broken, match="card"):
        shelf.document(ID, None, "xml")


def test_the_day_finds_the_period_that_holds_it(tmp_path: Path):
    shelf = ReportShelf(tmp_path)
    for period in ("2025", "2026-01", "2026-Q2", "2026-01-19"):
        put(shelf, Written("json", period.encode(), "none", "…"), period=period)
    for day, period in (
        (date(2026, 1, 19), "2026-01-19"),
        (date(2026, 1, 20), "2026-01"),
        (date(2026, 6, 30), "2026-Q2"),
        (date(2025, 12, 31), "2025"),
    ):
        assert shelf.document(ID, day, "json").period == period
    with pytest.raises(UnknownReport, match="was not written for 2026-03-31; it was for 2025, 2026-01, 2026-01-19, 2026-Q2"):
        shelf.document(ID, date(2026, 3, 31), None)


def test_a_name_means_every_report_it_fits_in_any_case(tmp_path: Path):
    shelf = ReportShelf(tmp_path)
    for one in (ID, "EU.MiCA.orders", "SG.PSN02.transfers"):
        put(shelf, report_id=one)
    assert sorted(shelf.named("miCA")) == sorted(shelf.named("eu")) == sorted(shelf.named("Eu.mIca")) == ["EU.MiCA.orders", ID]
    assert list(shelf.named("mica", "Orders")) == list(shelf.named("eu", "EU.mica.orders")) == ["EU.MiCA.orders"]
    assert list(shelf.named("eu.mica.TRANSACTIONS")) == [ID]
    with pytest.raises(UnknownReport, match=r"No report goes by CARF; there are: EU\.MiCA\.orders, EU\.MiCA\.transactions, SG\.PSN02"):
        shelf.named("CARF")
    with pytest.raises(UnknownReport, match="with report=swaps"):
        shelf.named("EU", "swaps")
    with pytest.raises(UnknownReport, match="none was written yet"):
        ReportShelf(tmp_path / "nothing").named("EU")
    (tmp_path / "a file").touch()
    (tmp_path / "empty").mkdir()
    assert len(shelf.reports()) == 3


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=40), st.text(max_size=20), st.text(max_size=20))
def test_for_any_names_nothing_is_written_beside_the_shelf(tmp_path_factory: pytest.TempPathFactory, one: str, period: str, name: str):
    home = tmp_path_factory.mktemp("home")
    for told in ({"report_id": one}, {"report_id": f"EU.{one}.x"}, {"period": period}):
        try:
            put(ReportShelf(home / "shelf"), Written("xml", b"x", "none", "…", name), **told)
        except BadInput:
            continue
    assert {path.name for path in home.iterdir()} <= {"shelf"}
    for path in (home / "shelf").rglob("*"):
        assert len(path.relative_to(home / "shelf").parts) <= 3


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"report_id": "../etc"}, "no report's id"),
        ({"period": "2026-1"}, "no period"),
        ({"at": NOON.replace(tzinfo=None)}, "no zone"),
    ],
)
def test_what_makes_no_report_is_refused(tmp_path: Path, changed: dict[str, object], says: str):
    with pytest.raises(BadInput, match=says):
        put(ReportShelf(tmp_path), **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "documents",
    [
        (Written("html", b"", "none", "…"),),
        (XML, XML),
        (Written("xml", b"", "none", "…", "../x"),),
        (Written("json", b"", "none", "…", "report"),),
    ],
)
def test_documents_that_cannot_lie_there_are_refused(tmp_path: Path, documents: tuple[Written, ...]):
    with pytest.raises(BadInput):
        put(ReportShelf(tmp_path), *documents)


def test_a_report_without_a_document_is_none(tmp_path: Path):
    with pytest.raises(BadInput, match="no document"):
        ReportShelf(tmp_path).put(ID, title="", period="2026", created_at=NOON, documents=(), unverified=0, counts={}, findings={})
