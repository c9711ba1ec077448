"""The lake's old days go cold and stay readable, and the table says of each where it is and why."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.compliance import reportable_trades
from assets.compliance import retention as module
from assets.compliance.audit_log import recorder_of
from assets.compliance.cabinet import Cabinet
from assets.compliance.lake_tier import LakeTier, classes_of
from assets.compliance.retention import (
    TABLE,
    archive_of,
    book_of,
    every_cold_batch_reads_back,
    move_what_is_due,
    nothing_is_past_its_hot_tier_without_a_cold_copy,
    nothing_was_deleted_early,
    retained_records,
    store_address,
)
from assets.partitions import Span
from assets.warehouse import Warehouse
from domain.problems import BadInput, Unavailable
from domain.regulation.retention import Hold
from domain.schemas import AMOUNT
from executor.compliance.audit.reading import reading
from executor.compliance.audit.record import MOVED
from executor.compliance.parties import FIRM
from executor.compliance.retention import requests
from executor.compliance.retention.archive import Archive
from executor.compliance.retention.book import entries
from executor.compliance.retention.canonical import fingerprint
from executor.compliance.retention.expiry import expire
from executor.compliance.retention.folder_store import FolderStore
from executor.compliance.rulebook_file import load_rulebook
from tests.executor.compliance.retention.days import Calendar

BOOK = load_rulebook()
OLD, YOUNG = date(2026, 3, 10), date(2028, 1, 1)
TRADES = reportable_trades.TABLE


def trades(day: date, *clients: str | None) -> pl.DataFrame:
    """A trade for each client, other columns filled plainly."""
    rows = []
    for number, client in enumerate(clients):
        row = {}
        for column in TRADES.columns:
            filled = {
                pl.String(): "0x" + "9" * (64 if column.name.endswith("hash") else 40),
                pl.Int64(): number,
                pl.Boolean(): True,
                AMOUNT: 10**30 + number,
                pl.Float64(): 0.5,
            }
            moment = {pl.Date(): day, pl.Datetime("us", "UTC"): datetime(day.year, day.month, day.day, tzinfo=UTC)}
            row[column.name] = None if column.nullable else {**filled, **moment}[column.dtype]
        rows.append(row | {"client_id": client, "trade_id": f"1:{day}:{number}"})
    return TRADES.conform(pl.DataFrame(rows, schema={column.name: column.dtype for column in TRADES.columns}))


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """A lake with an old day and a young one."""
    monkeypatch.delenv("GREKKO_RETENTION_STORE", raising=False)
    lake = Warehouse(lake=str(tmp_path / "lake"))
    lake.replace(TRADES, trades(OLD, "C1", FIRM, None), Span(OLD, OLD))
    lake.replace(TRADES, trades(YOUNG, "C2"), Span(YOUNG, YOUNG))
    return lake


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(date(2028, 3, 11))


def opened(warehouse: Warehouse, calendar: Calendar) -> tuple[LakeTier, Archive]:
    return LakeTier(warehouse, [TRADES], BOOK), archive_of(warehouse, calendar)


def told(warehouse: Warehouse, calendar: Calendar) -> dict[date, dict]:
    hot, archive = opened(warehouse, calendar)
    rows = book_of(entries(hot, archive, requests.terms_in(archive.store, BOOK)), calendar.day)
    return {row["period"]: row for row in rows.iter_rows(named=True)}


def test_a_tables_records_are_of_the_classes_of_the_reports_made_from_it():
    assert classes_of("reportable_trades", BOOK) == ("transaction",)
    assert classes_of("pools", BOOK) == ()
    assert TRADES in module.TABLES


def test_each_day_is_a_batch_that_knows_its_clients(warehouse: Warehouse, calendar: Calendar):
    hot, _ = opened(warehouse, calendar)
    old, young = hot.batches()
    assert (old.first, old.clients, old.events["record_date"]) == (OLD, ("C1",), OLD)
    assert (young.period, young.clients, young.classes) == ("2028-01-01", ("C2",), ("transaction",))
    assert hot.count(old) == 3


def test_days_past_their_hot_tier_go_cold_as_they_were_and_the_others_stay(warehouse: Warehouse, calendar: Calendar):
    before = fingerprint(warehouse.read(TRADES, Span(OLD, OLD)), TRADES.key)
    hot, archive = opened(warehouse, calendar)
    assert told(warehouse, calendar)[OLD]["overdue"]
    assert move_what_is_due(hot, archive, BOOK, calendar, {"size": 1}) == ["reportable_trades 2026-03-10: 3 rows moved"]
    assert warehouse.read(TRADES)["day"].to_list() == [YOUNG]
    (manifest,) = archive.cold()
    assert fingerprint(archive.read(manifest), TRADES.key) == before and manifest.tree_head == {"size": 1}
    book = told(warehouse, calendar)
    assert [(book[day]["tier"], book[day]["rows"], book[day]["overdue"]) for day in (OLD, YOUNG)] == [("cold", 3, False), ("hot", 1, False)]
    assert book[OLD]["rows_sha256"] == before.sha256 and not book[OLD]["verified"]
    assert {"EU", "US"} <= set(book[OLD]["jurisdictions"].split(", ")) and "2023/1114 Art 68(9)" in book[OLD]["doc_refs"]
    assert move_what_is_due(hot, archive, BOOK, calendar) == []


def test_a_day_that_was_built_again_is_in_both_tiers_until_the_next_move(warehouse: Warehouse, calendar: Calendar):
    hot, archive = opened(warehouse, calendar)
    move_what_is_due(hot, archive, BOOK, calendar)
    warehouse.replace(TRADES, trades(OLD, "C1", FIRM, None), Span(OLD, OLD))
    again = told(warehouse, calendar)[OLD]
    assert (again["tier"], again["overdue"]) == ("hot+cold", False)
    warehouse.replace(TRADES, trades(OLD, "C1"), Span(OLD, OLD))
    assert told(warehouse, calendar)[OLD]["overdue"]


def test_a_client_whose_relationship_goes_on_keeps_the_records_without_an_end(warehouse: Warehouse, calendar: Calendar):
    hot, archive = opened(warehouse, calendar)
    move_what_is_due(hot, archive, BOOK, calendar)
    assert told(warehouse, calendar)[OLD]["retain_until"] is None
    requests.end_relationship(archive.store, "C1", date(2029, 1, 1))
    assert told(warehouse, calendar)[OLD]["retain_until"] == date(2034, 1, 1)


def test_a_deleted_day_says_when_and_that_it_was_not_early(warehouse: Warehouse, calendar: Calendar):
    hot, archive = opened(warehouse, calendar)
    requests.end_relationship(archive.store, "C1", date(2026, 4, 1))
    move_what_is_due(hot, archive, BOOK, calendar)
    calendar.day = date(2033, 3, 11)
    terms = requests.terms_in(archive.store, BOOK)
    assert len(expire(archive, terms, calendar, dry_run=False)) == 1
    requests.hold(archive.store, Hold("H1", "transaction", "too late"))
    gone = told(warehouse, calendar)[OLD]
    assert (gone["tier"], gone["deleted_on"], gone["deleted_early"]) == ("deleted", date(2033, 3, 11), False)


def test_rows_that_change_during_a_move_are_told_and_stay(warehouse: Warehouse, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    def changed(*_: object, **__: object) -> None:
        raise Unavailable("The rows changed.")

    monkeypatch.setattr(module, "move", changed)
    hot, archive = opened(warehouse, calendar)
    assert move_what_is_due(hot, archive, BOOK, calendar) == ["reportable_trades 2026-03-10: not moved, The rows changed."]


def test_the_cold_store_lies_beside_the_lake_or_where_the_setting_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("GREKKO_RETENTION_STORE", raising=False)
    assert store_address(Warehouse(lake=str(tmp_path / "lake"))) == str(tmp_path / "retention")
    with pytest.raises(BadInput, match="GREKKO_RETENTION_STORE"):
        store_address(Warehouse(lake="s3://bucket/lake"))
    monkeypatch.setenv("GREKKO_RETENTION_STORE", "s3://cold/records")
    assert store_address(Warehouse(lake="s3://bucket/lake")) == "s3://cold/records"


def cabinet_beside(warehouse: Warehouse) -> Cabinet:
    return Cabinet(folder=str(Path(warehouse.lake).parent / "compliance"))


def in_dagster(warehouse: Warehouse) -> dg.ExecuteInProcessResult:
    checks = [nothing_is_past_its_hot_tier_without_a_cold_copy, nothing_was_deleted_early, every_cold_batch_reads_back]
    return dg.materialize(
        [retained_records, *checks],
        resources={"warehouse": warehouse, "cabinet": cabinet_beside(warehouse)},
        selection=[retained_records],
        raise_on_error=False,
    )


def test_the_asset_moves_what_is_due_and_its_checks_hold(warehouse: Warehouse, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SystemClock", lambda: calendar)
    monkeypatch.setattr(module, "load_rulebook", lambda: BOOK)
    done = in_dagster(warehouse)
    assert done.success
    assert {one.check_name: one.passed for one in done.get_asset_check_evaluations()} == {
        "nothing_is_past_its_hot_tier_without_a_cold_copy": True,
        "nothing_was_deleted_early": True,
        "every_cold_batch_reads_back": True,
    }
    assert dict(warehouse.read(TABLE).select("period", "tier").iter_rows()) == {OLD: "cold", YOUNG: "hot"}
    recorder = recorder_of(cabinet_beside(warehouse))
    with reading(recorder.log) as log:
        (moved,) = log.of_kind(MOVED)
    assert moved["key"] == f"cold/reportable_trades/{OLD}.manifest.json"
    before = recorder.tree_head()
    warehouse.replace(TRADES, trades(OLD, "C1"), Span(OLD, OLD))
    assert in_dagster(warehouse).success
    _, archive = opened(warehouse, calendar)
    assert [one.tree_head for one in archive.manifests()] == [None, before]
    assert (before or {})["size"] == 1 and (recorder.tree_head() or {})["size"] == 2


def test_the_checks_see_a_cold_batch_that_was_taken_away(warehouse: Warehouse, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SystemClock", lambda: calendar)
    monkeypatch.setattr(module, "load_rulebook", lambda: BOOK)
    hot, archive = opened(warehouse, calendar)
    move_what_is_due(hot, archive, BOOK, calendar)
    (manifest,) = archive.cold()
    assert isinstance(archive.store, FolderStore)
    for file in (Path(store_address(warehouse)) / manifest.object_key).iterdir():
        file.unlink()
    done = in_dagster(warehouse)
    passed = {one.check_name: one.passed for one in done.get_asset_check_evaluations()}
    assert not done.success or not passed["nothing_was_deleted_early"]
    assert not passed["nothing_was_deleted_early"] and not passed["every_cold_batch_reads_back"]
    assert warehouse.read(TABLE).filter(period=OLD)["tier"].to_list() == ["lost"]


def test_the_checks_see_a_day_that_should_be_cold(warehouse: Warehouse, calendar: Calendar, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "SystemClock", lambda: calendar)
    monkeypatch.setattr(module, "load_rulebook", lambda: BOOK)
    monkeypatch.setattr(module, "move_what_is_due", lambda *_: [])
    passed = {one.check_name: one.passed for one in in_dagster(warehouse).get_asset_check_evaluations()}
    assert not passed["nothing_is_past_its_hot_tier_without_a_cold_copy"]


def test_nothing_moves_while_everything_is_young(warehouse: Warehouse):
    young = Calendar(date(2028, 3, 10))
    hot, archive = opened(warehouse, young)
    assert move_what_is_due(hot, archive, BOOK, young) == []
    assert not Path(store_address(warehouse)).exists()
