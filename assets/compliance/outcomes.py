"""The table of a report: one row of its source in a period, and what became of it."""

from __future__ import annotations

import json

import polars as pl

from domain.regulation.rulebook import Report
from domain.schemas import DAY, TEXT, TIME, Column, Table, columns


def outcomes_table(report: Report) -> Table:
    """Each report has such a table, by the name of the report: eu_mica_transactions."""
    return Table(
        report.slug,
        row=f"One row of {report.source.table} in a period, and whether it was reported.",
        columns=columns(
            Column("row_key", TEXT, f"The row of {report.source.table}: {', '.join(report.source.key)}."),
            Column("outcome", TEXT, "reported, not_reportable or blocked."),
            Column("reason", TEXT, "Why it is not in the document.", nullable=True),
            Column("rule_id", TEXT, "Condition or rule that decided so.", nullable=True),
            Column("field_id", TEXT, "Field it is about.", nullable=True),
            Column("doc_ref", TEXT, "Article it rests on.", nullable=True),
            Column("rule_results", TEXT, "Each rule that was asked and how it came out, as JSON."),
            Column("reference", TEXT, "Reference of the document."),
            Column("created_at", TIME, "When the document was made, UTC."),
            Column("day", DAY, "Last day of the period; the partition."),
        ),
        key=("day", "row_key"),
    )


def results_by_row(results: pl.DataFrame) -> pl.DataFrame:
    """The rule results of each row as one JSON object: rule id to passed, failed or not_applicable. One row a row key."""
    together = results.sort("row_key", "rule_id").group_by("row_key", maintain_order=True).agg("rule_id", "result")
    told = [json.dumps(dict(zip(rules, came_out, strict=True))) for _, rules, came_out in together.iter_rows()]
    return pl.DataFrame({"row_key": together["row_key"], "rule_results": told}, schema={"row_key": pl.String, "rule_results": pl.String})
