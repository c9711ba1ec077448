"""`grekko retention` as a person types it, on a home with one old day and one young day."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

import executor.compliance.rulebook_file
import executor.ports
from assets.compliance import reportable_trades
from assets.partitions import Span
from assets.warehouse import Warehouse
from domain.problems import BadInput
from executor.compliance.audit.reading import reading
from executor.compliance.audit.record import DELETED, MOVED
from executor.compliance.parties import FIRM
from executor.compliance.rulebook_file import load_rulebook
from pipelines.commands.retention import retention
from tests.assets.compliance.test_retention import OLD, YOUNG, trades
from tests.executor.compliance.retention.days import Calendar

TRADES = reportable_trades.TABLE
Told = Callable[..., Result]


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch) -> Calendar:
    """The day that the commands take for today."""
    book, days = load_rulebook(), Calendar(date(2028, 3, 11))
    monkeypatch.setattr(executor.ports, "SystemClock", lambda: days)
    monkeypatch.setattr(executor.compliance.rulebook_file, "load_rulebook", lambda: book)
    return days


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calendar: Calendar) -> Told:
    """Types a command on the home."""
    monkeypatch.delenv("GREKKO_RETENTION_STORE", raising=False)
    lake = Warehouse(lake=str(tmp_path / "home" / "lake"))
    lake.replace(TRADES, trades(OLD, FIRM, None), Span(OLD, OLD))
    lake.replace(TRADES, trades(YOUNG, "C2"), Span(YOUNG, YOUNG))
    return lambda *typed: CliRunner().invoke(retention, [*typed, "--home", str(tmp_path / "home")])


def document(result: Result) -> dict:
    return json.loads(result.output)


def test_a_record_goes_from_hot_to_cold_to_a_file_and_at_its_end_away(told: Told, calendar: Calendar, tmp_path: Path):
    before = document(told("status", "--json"))["records"]
    assert [(one["period"], one["tier"]) for one in before] == [("2026-03-10", "hot"), ("2028-01-01", "hot")]
    assert document(told("move", "--dry-run", "--json"))["moved"] == ["reportable_trades 2026-03-10: would move"]
    assert "2 rows moved" in told("move").output and "nothing is due" in told("move").output
    log = tmp_path / "home" / "compliance" / "audit" / "audit.sqlite"
    with reading(log) as opened:
        assert [one["key"] for one in opened.of_kind(MOVED)] == ["cold/reportable_trades/2026-03-10.manifest.json"]
    assert "reads back" not in told("verify").output and told("verify").exit_code == 0
    out = tmp_path / "day.parquet"
    assert document(told("fetch", "reportable_trades", "2026-03-10", "--out", str(out), "--json"))["rows"] == 2
    assert pl.read_parquet(out).height == 2
    assert "nothing is past every term" in told("expire").output
    calendar.day = date(2033, 3, 11)
    dry = document(told("expire", "--json"))
    assert dry["dry_run"] and [one["deleted"] for one in dry["expired"]] == [False]
    assert [one["deleted"] for one in document(told("expire", "--delete", "--json"))["expired"]] == [True]
    assert {one["tier"] for one in document(told("status", "--json"))["records"]} == {"deleted", "hot"}
    assert document(told("verify", "--json"))["holds"]
    with reading(log) as opened:
        assert len(list(opened.of_kind(DELETED))) == 1


def test_a_hold_and_an_extension_reach_what_lies_cold_and_are_shown(told: Told, calendar: Calendar):
    told("move")
    held = document(told("hold", "H1", "--records", "transaction", "--reason", "a court asked", "--first", "2026-01-01", "--json"))
    assert held == {"told": "legal hold H1 stands on transaction", "locks_changed": 2}
    asked = ("extend", "--jurisdiction", "EU", "--records", "transaction", "--years", "7", "--reference", "letter-12", "--on", "2028-01-02")
    assert document(told(*asked, "--json"))["told"] == "EU: transaction is kept 7 years (letter-12)"
    shown = told("status").output
    assert "legal hold H1 on transaction: a court asked" in shown and "EU asked for 7 years of transaction (letter-12)" in shown
    calendar.day = date(2090, 1, 1)
    assert document(told("expire", "--delete", "--json"))["expired"] == []
    assert document(told("release", "H1", "--reason", "settled", "--json"))["locks_changed"] == 2
    assert len(document(told("expire", "--delete", "--json"))["expired"]) == 1


def test_the_end_of_a_relationship_gives_a_clients_records_an_end(told: Told, calendar: Calendar):
    assert [one["retain_until"] for one in document(told("status", "--json"))["records"]] == ["2033-03-10", None]
    assert "the relationship with C2" in told("ended", "C2", "--on", "2030-05-01").output
    assert document(told("status", "--json"))["records"][1]["retain_until"] == "2035-05-01"


def test_what_does_not_hold_is_the_exit_code(told: Told, tmp_path: Path):
    told("move")
    for file in (tmp_path / "home" / "retention" / "cold").rglob("*.parquet/*"):
        file.unlink()
    gone = told("verify")
    assert gone.exit_code == 1 and "DOES NOT" in gone.output


def test_a_day_that_is_not_cold_and_a_request_beyond_the_law_are_refused(told: Told):
    assert isinstance(told("fetch", "reportable_trades", "2028-01-01", "--out", "x").exception, BadInput)
    asked = ("extend", "--jurisdiction", "EU", "--records", "transaction", "--years", "9", "--reference", "x", "--on", "2028-01-02")
    assert isinstance(told(*asked).exception, BadInput)


def test_an_empty_home_has_no_records(tmp_path: Path, calendar: Calendar):
    assert "no records yet" in CliRunner().invoke(retention, ["status", "--home", str(tmp_path / "new")]).output
    assert "nothing was moved yet" in CliRunner().invoke(retention, ["verify", "--home", str(tmp_path / "new")]).output
