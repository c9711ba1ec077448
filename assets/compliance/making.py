"""How a report is made: rows are judged, written in every format of the report, and each document is held against its schema.

Nothing here reads a table; the asset and the command line do, and both make the same report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from assets.compliance.outcomes import outcomes_table, results_by_row
from assets.warehouse import digest_of
from domain.regulation.calendar import Span
from domain.regulation.report import Document, Heading, Judged, Schemas, judge, render, tellable, validate
from domain.regulation.rulebook import FormatName, Report, Rulebook
from executor.compliance.parties import Parties

# Whose personal data a table's row needs, by the column that names the client and what its columns are called then.
PERSONS: Mapping[str, str] = {"client_id": "", "originator_client_id": "", "beneficiary_client_id": "beneficiary_"}


@dataclass(frozen=True, slots=True)
class MadeReport:
    """A report about a period: what became of each row, the documents, and everything that is wrong with either.

    `faults` are the findings about the documents themselves: there must be none. `findings` are about rows.
    """

    report: Report
    span: Span
    heading: Heading
    judged: Judged
    documents: Mapping[FormatName, Document]
    faults: pl.DataFrame

    @property
    def is_valid(self) -> bool:
        """Whether every document holds against its schema."""
        return self.faults.is_empty()

    def counts(self) -> dict[str, int]:
        """Rows by outcome."""
        return {name: self.judged.count(name) for name in ("reported", "not_reportable", "blocked")}

    def outcomes(self) -> pl.DataFrame:
        """The rows of the report's table."""
        results = results_by_row(self.judged.rule_results())
        return (
            self.judged.outcomes.join(results, on="row_key", how="left")
            .with_columns(
                pl.col("rule_results").fill_null("{}"),
                reference=pl.lit(self.heading.reference),
                created_at=pl.lit(self.heading.created_at, pl.Datetime("us", "UTC")),
                day=pl.lit(self.span.last),
            )
            .select(outcomes_table(self.report).names)
        )


def make_report(
    report: Report,
    rows: pl.DataFrame,
    span: Span,
    *,
    parties: Parties,
    rulebook: Rulebook,
    schemas: Schemas,
    created_at: datetime,
    formats: Sequence[FormatName] = (),
    reference: str | None = None,
) -> MadeReport:
    """The report of a period from the rows of its source, in these formats, or all in which it can be told.

    `reference` is what the documents call themselves; without one it is made from the rows.

    Raises BadInput when a schema is not installed, or the rows lack a column that the report reads.
    """
    heading, judged = judge_rows(report, rows, span, parties=parties, rulebook=rulebook, created_at=created_at, reference=reference)
    documents: dict[FormatName, Document] = {
        name: render(report, judged, name, heading, schemas) for name in formats or tellable(report, judged)
    }
    faults = pl.concat([validate(report, document, schemas) for document in documents.values()])
    return MadeReport(report, span, heading, judged, documents, faults)


def judge_rows(
    report: Report,
    rows: pl.DataFrame,
    span: Span,
    *,
    parties: Parties,
    rulebook: Rulebook,
    created_at: datetime,
    reference: str | None = None,
) -> tuple[Heading, Judged]:
    """What becomes of each row, without a document."""
    told = reference or reference_of(report, span, rows)
    heading = Heading(report.id, span.first, span.end, created_at, told, parties.firm_facts())
    return heading, judge(report, with_persons(rows, parties), rulebook, heading)


def with_persons(rows: pl.DataFrame, parties: Parties) -> pl.DataFrame:
    """The rows with the personal data of their clients, in memory only."""
    people = parties.people()
    for column, prefix in PERSONS.items():
        if column in rows.columns:
            named = people.rename({name: f"{prefix}{name}" for name in people.columns if name != "client_id"})
            rows = rows.join(named.rename({"client_id": column}), on=column, how="left", maintain_order="left")
    return rows


def reference_of(report: Report, span: Span, rows: pl.DataFrame) -> str:
    """A reference that the same rows of the same period always have, and other rows never."""
    return f"{report.slug.upper().replace('_', '-')}-{span.last:%Y%m%d}-{digest_of(rows)[:12].upper()}"
