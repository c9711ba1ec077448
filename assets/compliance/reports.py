"""The reports as assets: one for each report of the rulebook, with its documents on the shelf and promises that stop what is wrong.

Nothing here knows a jurisdiction: a new block of YAML is a new asset, its checks, its job and its schedule.
"""

import hashlib
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

import dagster as dg
import polars as pl

from assets import partitions, pictures
from assets.compliance.audit_log import log_report
from assets.compliance.cabinet import Cabinet
from assets.compliance.making import MadeReport, make_report, reference_of
from assets.compliance.outcomes import outcomes_table
from assets.compliance.reconciliation import Compared, reconcile, settlements
from assets.compliance.report_periods import partitions_of, spans_of
from assets.compliance.source_rows import rows_of, source_of
from assets.partitions import in_one_run
from assets.tables import column_schema
from assets.warehouse import Warehouse
from domain.problems import Broken
from domain.regulation.calendar import Span, period_of
from domain.regulation.report import row_keys
from domain.regulation.rulebook import Report, Rulebook
from domain.schemas import Table
from executor.compliance.parties import Parties
from executor.compliance.rulebook_file import load_rulebook
from executor.compliance.schema_folder import SchemaFolder

GROUP = "compliance"
REPORT_TAG = "grekko/report"


@cache
def shipped_rulebook() -> Rulebook:
    """The rulebook that the settings name, read once a process."""
    return load_rulebook()


def report_tables() -> list[Table]:
    """The table of every report."""
    return [outcomes_table(report) for report in shipped_rulebook().reports.values()]


def assets_of(rulebook: Rulebook) -> list[dg.AssetsDefinition]:
    """An asset for every report of the rulebook."""
    return [report_asset(report, rulebook) for report in rulebook.reports.values()]


def checks_of(rulebook: Rulebook) -> list[dg.AssetChecksDefinition]:
    """The promises about every report of the rulebook."""
    return [check for report in rulebook.reports.values() for check in report_checks(report, rulebook)]


def report_asset(report: Report, rulebook: Rulebook) -> dg.AssetsDefinition:
    """The report as an asset: a table of what became of each row, and a document in each format on the shelf."""
    table = outcomes_table(report)

    @dg.asset(
        name=report.slug,
        group_name=GROUP,
        description=page_text(report),
        deps=[source_of(name, report.id).table.name for name in (report.source.table, *report.source.beside)],
        partitions_def=partitions_of(report),
        backfill_policy=in_one_run,
        kinds={"polars", *report.formats},
        owners=[f"team:{GROUP}"],
        tags={REPORT_TAG: ""},
        code_version=hashlib.sha256(repr(report).encode()).hexdigest()[:12],
        metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table.name, "one_row_is": table.row},
    )
    def made(context: dg.AssetExecutionContext, warehouse: Warehouse, cabinet: Cabinet) -> dg.MaterializeResult:
        spans = spans_of(context, report)
        parties, schemas = cabinet.parties(), cabinet.schemas()
        reports = [_made(report, rulebook, span, warehouse, cabinet, parties, schemas) for span in spans]
        rows = pl.concat([one.outcomes() for one in reports])
        written = warehouse.replace(table, rows, partitions.Span(spans[0].last, spans[-1].last))
        for one in reports:
            context.add_asset_metadata(
                {"dagster/partition_row_count": sum(one.counts().values())}, partition_key=one.span.first.isoformat()
            )
        return dg.MaterializeResult(metadata={"dagster/row_count": written.rows, **_facts(reports)})

    return made


def _made(
    report: Report, rulebook: Rulebook, span: Span, warehouse: Warehouse, cabinet: Cabinet, parties: Parties, schemas: SchemaFolder
) -> MadeReport:
    rows = rows_of(warehouse, report, span)
    shelved = cabinet.find(report, span)
    # The same rows give the same bytes: a document that is made again keeps the moment at which it was made first.
    if shelved is not None and shelved.card["reference"] == reference_of(report, span, rows):
        created_at = datetime.fromisoformat(shelved.card["created_at"])
    else:
        created_at = datetime.now(UTC)
    made = make_report(report, rows, span, parties=parties, rulebook=rulebook, schemas=schemas, created_at=created_at)
    cabinet.put(made)
    log_report(cabinet, report, span, before=shelved)
    return made


def _facts(reports: list[MadeReport]) -> dict[str, Any]:
    """What the asset's page shows of a run."""
    last = reports[-1]
    totals = {name: sum(one.counts()[name] for one in reports) for name in last.counts()}
    reasons: dict[str, int] = {}
    for one in reports:
        for reason, count in one.judged.reasons():
            reasons[reason] = reasons.get(reason, 0) + count
    told: dict[str, Any] = {
        **totals,
        "faults": sum(one.faults.height for one in reports),
        "unverified_references": last.report.unverified,
        "claims": dg.MetadataValue.md(
            "\n".join(f"- **{name}** ({form.schema_status}): {form.claim}" for name, form in last.report.formats.items())
        ),
        "reported_per_period": pictures.sparkline([float(one.counts()["reported"]) for one in reports], "rows reported per period"),
    }
    if reasons:
        told["why_rows_are_left_out"] = dg.MetadataValue.md("\n".join(f"- {count}: {reason}" for reason, count in reasons.items()))
    return told


def reconciled(report: Report, rulebook: Rulebook, span: Span, warehouse: Warehouse, cabinet: Cabinet) -> list[Compared]:
    """The sums of the documents on the shelf, beside those of their rows, the ledger and the chain.

    Raises Broken when there are no documents, or one is not as it was made.
    """
    found = cabinet.every_form(report, span)
    if not found:
        raise Broken(f"{report.id} has no documents for {span.name}; materialise {report.slug}.", report=report.id, period=span.name)
    documents = {name: shelved.content for name, shelved in found.items() if name != "json"}
    told = _outcomes(warehouse, report, [span]).filter(pl.col("outcome") == "reported").collect()
    rows = rows_of(warehouse, report, span)
    rows = rows.with_columns(row_keys(report, rows).alias("row_key"))
    reported = rows.join(told.select("row_key"), on="row_key", how="semi")
    return reconcile(report, rulebook, reported, documents, settlements(warehouse, partitions.Span(span.first, span.last)))


def _outcomes(warehouse: Warehouse, report: Report, spans: Sequence[Span]) -> pl.LazyFrame:
    """The report's table for these periods."""
    return warehouse.scan(outcomes_table(report)).filter(pl.col("day").is_in([span.last for span in spans]))


def _promised(context: dg.AssetCheckExecutionContext, report: Report, cabinet: Cabinet) -> list[Span]:
    """The periods that a promise is about: those of the run, or all that were made where it is asked alone."""
    if context.has_partition_key or context.has_partition_key_range:
        return spans_of(context, report)
    made = cabinet.shelf.reports().get(report.id, [])
    spans = (period_of(report.timing.period, date.fromisoformat(key)) for key in partitions_of(report).get_partition_keys())
    return [span for span in spans if span.name in made]


def page_text(report: Report) -> str:
    """The asset's page: what the report is, which law, and what may be claimed of its documents."""
    claims = "\n".join(f"- {name}: {form.claim}" for name, form in report.formats.items())
    due = report.timing.deadline or "on request"
    return (
        f"{report.id}: {report.title}. One row of {report.source.table} a row here, with what became of it.\n\n"
        f"{report.doc_ref}, by {report.timing.period.replace('_', ' ')}, due: {due}. "
        f"{report.unverified} of {len(report.references())} references to the law are not verified.\n\n{claims}"
    )


def report_checks(report: Report, rulebook: Rulebook) -> Iterator[dg.AssetChecksDefinition]:
    """What is promised of a report. The first three stop whatever comes after; what is blocked is a warning, for a person to mend."""
    asset = dg.AssetKey(report.slug)

    @dg.asset_check(asset=asset, blocking=True, name="every_document_is_valid")
    def every_document_is_valid(context: dg.AssetCheckExecutionContext, cabinet: Cabinet) -> dg.AssetCheckResult:
        """Each document was held against its schema, and lies on the shelf as it was made."""
        documents, faults, broken = 0, 0, []
        spans = _promised(context, report, cabinet)
        for span in spans:
            try:
                found = cabinet.every_form(report, span)
            except Broken as problem:
                broken.append(problem.message)
                continue
            documents += len(found)
            faults += next(iter(found.values())).card["findings"]["faults"] if found else 0
            broken += [] if found else [f"There is no document for {span.name}."]
        return dg.AssetCheckResult(
            passed=faults == 0 and not broken and bool(spans),
            metadata={"documents": documents, "faults": faults, "broken": " ".join(broken[:5])},
        )

    @dg.asset_check(asset=asset, blocking=True, name="every_row_has_one_outcome")
    def every_row_has_one_outcome(context: dg.AssetCheckExecutionContext, warehouse: Warehouse, cabinet: Cabinet) -> dg.AssetCheckResult:
        """Each row of the source is reported, or says why it is not: nothing is dropped in silence."""
        spans = _promised(context, report, cabinet)
        asked = sum(rows_of(warehouse, report, span).height for span in spans)
        told = _outcomes(warehouse, report, spans).select("outcome", "reason").collect()
        silent = told.filter((pl.col("outcome") != "reported") & pl.col("reason").is_null()).height
        return dg.AssetCheckResult(
            passed=told.height == asked and silent == 0, metadata={"rows": asked, "outcomes": told.height, "without_a_reason": silent}
        )

    @dg.asset_check(asset=asset, blocking=True, name="it_adds_up_to_the_ledger_and_the_chain")
    def it_adds_up(context: dg.AssetCheckExecutionContext, warehouse: Warehouse, cabinet: Cabinet) -> dg.AssetCheckResult:
        """What the document tells, what the ledger booked and what the chain settled are the same, to the unit."""
        found, differences = [], []
        for span in _promised(context, report, cabinet):
            try:
                found += reconciled(report, rulebook, span, warehouse, cabinet)
            except Broken as problem:
                differences.append(problem.message)
        differences += [str(one) for one in found if not one.agrees]
        return dg.AssetCheckResult(
            passed=not differences,
            metadata={
                "sums": len(found),
                "sums_that_differ": len(differences),
                "tokens_told": float(sum(one.document for one in found)),
                "differences": "; ".join(differences[:5]),
            },
        )

    @dg.asset_check(asset=asset, name="nothing_is_blocked")
    def nothing_is_blocked(context: dg.AssetCheckExecutionContext, warehouse: Warehouse, cabinet: Cabinet) -> dg.AssetCheckResult:
        """No row is kept out of the document because something in it is wrong or not known."""
        blocked = (
            _outcomes(warehouse, report, _promised(context, report, cabinet))
            .filter(pl.col("outcome") == "blocked")
            .group_by("reason")
            .len()
            .sort("len", descending=True)
            .collect()
        )
        return dg.AssetCheckResult(
            passed=blocked.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"rows": int(blocked["len"].sum()), "reasons": "; ".join(str(reason) for reason in blocked["reason"].head(5))},
        )

    yield from (every_document_is_valid, every_row_has_one_outcome, it_adds_up, nothing_is_blocked)
