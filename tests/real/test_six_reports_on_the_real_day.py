"""The six reports of the real day: made, valid, and the same sum as the ledger and the logs that Ethereum published."""

from __future__ import annotations

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest

from assets import partitions
from assets.compliance.making import MadeReport, make_report
from assets.compliance.reconciliation import Compared, reconcile, settlements
from assets.compliance.source_rows import rows_of
from assets.warehouse import Warehouse
from domain.regulation.calendar import period_of
from domain.regulation.report import row_keys
from executor.compliance.parties import load_parties
from executor.compliance.rulebook_file import SHIPPED, load_rulebook
from executor.compliance.schema_folder import SchemaFolder
from tests.conftest import SCHEMAS

RULEBOOK = load_rulebook(SHIPPED)
DAY = date(2024, 1, 5)
IDS = list(RULEBOOK.reports)
OF_TOKENS = ("EU.MiCA.transactions", "EU.MiCA.orders", "OECD.CARF.annual")
OSQTH = "0xf1b99e3e573a1a9c5e6b2ce818b617f0e664e86b"


@pytest.fixture(scope="module")
def warehouse(reportable_day: Path) -> Warehouse:
    return Warehouse(lake=str(reportable_day / "lake"))


@pytest.fixture(scope="module")
def made(warehouse: Warehouse, reportable_day: Path) -> dict[str, MadeReport]:
    """Each report as the asset and the command make it."""
    parties, schemas = load_parties(reportable_day / "parties.yaml"), SchemaFolder(SCHEMAS)
    found = {}
    for report in RULEBOOK.reports.values():
        span = period_of(report.timing.period, DAY)
        rows = rows_of(warehouse, report, span)
        created_at = datetime(2024, 1, 6, tzinfo=UTC)
        found[report.id] = make_report(report, rows, span, parties=parties, rulebook=RULEBOOK, schemas=schemas, created_at=created_at)
    return found


@pytest.fixture(scope="module")
def settled(warehouse: Warehouse) -> pl.DataFrame:
    return settlements(warehouse, partitions.Span(DAY, DAY))


@pytest.mark.parametrize("report_id", IDS)
def test_every_document_is_valid_and_every_row_has_its_outcome(made, warehouse: Warehouse, report_id: str):
    one = made[report_id]
    assert one.is_valid, one.faults
    rows = rows_of(warehouse, one.report, one.span)
    assert sum(one.counts().values()) == rows.height == one.outcomes().height
    assert one.judged.outcomes.filter((pl.col("outcome") == "reported") != pl.col("reason").is_null()).is_empty()
    if report_id in OF_TOKENS:
        assert set(one.documents) == set(one.report.formats) and one.counts()["reported"] > 0
    elif report_id != "SG.PSN02.transfers":  # nobody of the day has contracts: every swap has the reason that it is none
        assert one.counts()["reported"] == one.counts()["blocked"] == 0 and rows.height > 6_000


@pytest.mark.parametrize("report_id", (*OF_TOKENS, "SG.PSN02.transfers"))
def test_document_ledger_and_published_logs_are_one_sum(made, warehouse: Warehouse, settled: pl.DataFrame, report_id: str):
    found = compared(made[report_id], warehouse, settled)
    assert found and all(one.agrees for one in found), found
    assert report_id not in OF_TOKENS or any(one.document > 0 for one in found)


def compared(one: MadeReport, warehouse: Warehouse, settled: pl.DataFrame) -> list[Compared]:
    rows = rows_of(warehouse, one.report, one.span)
    told = one.judged.outcomes.filter(pl.col("outcome") == "reported")["row_key"]
    reported = rows.filter(row_keys(one.report, rows).is_in(told.implode()))
    documents = {name: document.content for name, document in one.documents.items()}
    return reconcile(one.report, RULEBOOK, reported, documents, settled)


def test_the_quantity_in_the_report_is_that_of_the_published_logs(made, published, warehouse: Warehouse, settled: pl.DataFrame):
    """Added up from the logs without a line of ours, for the trades that the report tells."""
    told = made["EU.MiCA.transactions"].judged.reported
    logs = {(one["block_number"], one["log_index"]): one["moved"] for one in published}
    side = {"0x88e6a0c2ddd26feeb64f039a2c41296fcb3f5640": 1, "0x8ad599c3a0ff1de082011efddc58f1908eb6e6d8": 1}
    moved = [logs[block, log][side[pool]] for block, log, pool in told.select("block_number", "log_index", "pool").iter_rows()]
    [base] = compared(made["EU.MiCA.transactions"], warehouse, settled)
    assert base.document == Fraction(sum(map(abs, moved)), 10**18)


def test_what_trades_a_token_of_no_registry_is_blocked_and_says_so(made, warehouse: Warehouse):
    one = made["EU.MiCA.transactions"]
    rows = rows_of(warehouse, one.report, one.span)
    ours = rows.filter(pl.col("executed_by_firm") & (pl.col("base_token") == OSQTH))
    blocked = one.judged.outcomes.filter(pl.col("outcome") == "blocked")
    assert sorted(blocked["row_key"]) == sorted(ours["trade_id"]) and ours.height > 0
    assert blocked["reason"].unique().to_list() == ["base_dti: it is missing"]
    assert ours["dti_reason"].str.contains("No DTI is known for the contract " + OSQTH, literal=True).all()
