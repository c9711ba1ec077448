"""Retained records: of each day of each compliance table, how long it is kept, in which tier, and by which rules; and the move to cold."""

import os
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from assets import pictures
from assets.compliance import reportable_orders, reportable_trades, tax_movements, value_transfers
from assets.compliance.audit_log import recorder_of
from assets.compliance.cabinet import Cabinet
from assets.compliance.lake_tier import LakeTier
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.problems import BadInput, Unavailable
from domain.regulation.retention import AppliedRule
from domain.regulation.rulebook import Rulebook
from domain.schemas import COUNT, DAY, FLAG, TEXT, Column, Table, columns
from executor.compliance.retention.archive import Archive
from executor.compliance.retention.book import Entry, entries
from executor.compliance.retention.move import due, move, settle
from executor.compliance.retention.requests import terms_in
from executor.compliance.retention.store import SETTING, open_store
from executor.compliance.retention.verify import verify
from executor.compliance.rulebook_file import load_rulebook
from executor.ports import Clock, SystemClock

TABLE = Table(
    "retained_records",
    row="One day of one compliance table, wherever it lies.",
    columns=columns(
        Column("table", TEXT, "Table of the records."),
        Column("period", DAY, "UTC day of the records."),
        Column("record_classes", TEXT, "Their classes in the rulebook, comma between."),
        Column("rows", COUNT, "How many there are, or were."),
        Column("tier", TEXT, "hot, cold, hot+cold during a move, deleted past every term, or lost."),
        Column("retain_until", DAY, "Last day on which they are kept, by the longest rule; null when it has no end yet.", nullable=True),
        Column("hold_ids", TEXT, "Legal holds on them, comma between; empty without one."),
        Column("hot_until", DAY, "Last day on which they must be at hand at once; null when that has no end yet.", nullable=True),
        Column("cold_within_business_days", COUNT, "After it, how fast they must be had; null when no rule says.", nullable=True),
        Column("jurisdictions", TEXT, "Whose rules keep them, comma between."),
        Column("rule_ids", TEXT, "The rules, comma between."),
        Column("doc_refs", TEXT, "Their articles, semicolon between."),
        Column("verified", FLAG, "Whether somebody has read every one of these articles."),
        Column("overdue", FLAG, "True when they are past their hot tier and have no cold copy."),
        Column("deleted_on", DAY, "Day of their deletion; null while they are kept.", nullable=True),
        Column("deleted_early", FLAG, "True when a rule still kept them on that day."),
        Column("rows_sha256", TEXT, "Hash of the rows as the cold manifest says; null before they were moved.", nullable=True),
        Column("why", TEXT, "Why they are still kept, or by which rules they may go."),
    ),
    key=("table", "period"),
)

TABLES: tuple[Table, ...] = (reportable_orders.TABLE, reportable_trades.TABLE, tax_movements.TABLE, value_transfers.TABLE)


def store_address(warehouse: Warehouse) -> str:
    """The cold store: GREKKO_RETENTION_STORE, else the folder `retention` beside a lake that is a folder.

    Raises BadInput when the lake is elsewhere and the setting names no store.
    """
    told = os.environ.get(SETTING)
    if told:
        return told
    if "://" in warehouse.lake:
        raise BadInput(f"The lake lies in {warehouse.lake}; say in {SETTING} where its cold records go.", field=SETTING)
    return str(Path(warehouse.lake).parent / "retention")


def archive_of(warehouse: Warehouse, clock: Clock) -> Archive:
    """The cold records of the lake."""
    return Archive(open_store(store_address(warehouse), clock))


def move_what_is_due(
    hot: LakeTier, archive: Archive, rulebook: Rulebook, clock: Clock, tree_head: dict[str, Any] | None = None
) -> list[str]:
    """Brings the locks to what is asked now, and moves every day that no longer must be hot. Returns what was moved, or why not."""
    terms = terms_in(archive.store, rulebook)
    settle(archive, terms)
    told = []
    for batch in due(hot, terms, clock.now().date()):
        try:
            done = move(batch, hot, archive, terms, clock, tree_head=tree_head)
        except Unavailable as problem:
            told.append(f"{batch.table} {batch.period}: not moved, {problem.message}")
        else:
            told.append(f"{batch.table} {batch.period}: {done.manifest.rows.rows if done else 0} rows moved")
    return told


def book_of(found: list[Entry], today: date) -> pl.DataFrame:
    """The entries as rows of the table."""
    return TABLE.conform(pl.DataFrame([_row(one, today) for one in found], schema={column.name: column.dtype for column in TABLE.columns}))


def _row(one: Entry, today: date) -> dict[str, Any]:
    rules: list[AppliedRule] = [term.applied for term in one.kept.terms]
    return {
        "table": one.batch.table,
        "period": one.batch.first,
        "record_classes": ", ".join(one.batch.classes),
        "rows": one.rows,
        "tier": one.tier,
        "retain_until": one.kept.until,
        "hold_ids": ", ".join(hold.id for hold in one.kept.holds),
        "hot_until": one.access.hot_until,
        "cold_within_business_days": one.access.within_business_days,
        "jurisdictions": ", ".join(dict.fromkeys(rule.jurisdiction for rule in rules)),
        "rule_ids": ", ".join(rule.rule_id for rule in rules),
        "doc_refs": "; ".join(one.doc_refs),
        "verified": one.is_verified,
        "overdue": one.is_overdue(today),
        "deleted_on": one.deletion and one.deletion.on,
        "deleted_early": one.deletion is not None and one.deletion.is_early,
        "rows_sha256": one.rows_sha256,
        "why": one.kept.why(today),
    }


@whole(
    TABLE,
    deps=[
        reportable_orders.reportable_orders,
        reportable_trades.reportable_trades,
        tax_movements.tax_movements,
        value_transfers.value_transfers,
    ],
)
def retained_records(context: dg.AssetExecutionContext, warehouse: Warehouse, cabinet: Cabinet) -> dg.MaterializeResult:
    """How long each day of records is kept, where it lies, and by which articles.

    Making it moves what no longer must be hot to the cold store: copied, read back, compared, written into a manifest, and only then
    dropped from the lake. A longer term, a hold or its release reaches the locks of the cold store on the way. Each manifest names the
    head of the audit log before the move, and the log gets the hash of each manifest.
    """
    clock, rulebook = SystemClock(), load_rulebook()
    hot, archive = LakeTier(warehouse, TABLES, rulebook), archive_of(warehouse, clock)
    recorder = recorder_of(cabinet)
    told = move_what_is_due(hot, archive, rulebook, clock, recorder.tree_head())
    recorder.cold(archive.store)
    for line in told:
        context.log.info(line)
    rows = book_of(entries(hot, archive, terms_in(archive.store, rulebook)), clock.now().date())
    per_tier = dict(rows.group_by("tier", maintain_order=True).agg(pl.col("rows").sum()).iter_rows())
    return warehouse.write(
        TABLE,
        rows,
        context,
        moved=len(told),
        records_per_tier=pictures.bars({k: float(v) for k, v in per_tier.items()}, "records per tier"),
    )


@dg.asset_check(asset=retained_records, blocking=True)
def nothing_is_past_its_hot_tier_without_a_cold_copy(warehouse: Warehouse) -> dg.AssetCheckResult:
    """What no longer must be at hand at once has a cold copy of the very same rows."""
    overdue = warehouse.count(TABLE, "overdue")
    return dg.AssetCheckResult(passed=overdue == 0, metadata={"overdue": overdue})


@dg.asset_check(asset=retained_records, blocking=True)
def nothing_was_deleted_early(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Nothing is lost, and what was deleted was past every term on that day, as the record of its deletion says."""
    lost, early = warehouse.count(TABLE, "tier = 'lost'"), warehouse.count(TABLE, "deleted_early")
    return dg.AssetCheckResult(passed=lost + early == 0, metadata={"lost": lost, "deleted_early": early})


@dg.asset_check(asset=retained_records)
def every_cold_batch_reads_back(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every cold object is what its manifest says, and locked as long as it must be."""
    archive = archive_of(warehouse, SystemClock())
    found = verify(archive, terms_in(archive.store, load_rulebook()))
    wrong = [f"{one.key}: {one.sentence}" for one in found if not one.holds]
    return dg.AssetCheckResult(passed=not wrong, metadata={"batches": len(found), "wrong": "\n".join(wrong)})
