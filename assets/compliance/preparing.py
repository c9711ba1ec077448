"""A report from the lake, as the filing desk wants it: the records of now, and the document that tells some of them.

A record is what the report's first group is: a transaction, or in CARF a user with all that moved for them. When a value that it tells
changes, also one of a person, it is corrected. When its rows are gone or no longer reportable, it is cancelled with the values it had
before, which the lake's history still has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

import polars as pl
from deltalake import DeltaTable

from assets.compliance.making import MadeReport, judge_rows, make_report
from assets.compliance.source_rows import rows_of, source_of
from assets.warehouse import Warehouse
from domain.problems import Broken
from domain.regulation.calendar import Span
from domain.regulation.filing import FilingKey, RecordMessage, Refusal
from domain.regulation.filing.corrections import digest_of
from domain.regulation.report import Schemas
from domain.regulation.report.field_values import FieldReader
from domain.regulation.rulebook import Action, FormatName, Node, Report, Rulebook
from executor.compliance.parties import Parties

PREFERRED: Sequence[FormatName] = ("xml", "json", "csv")


def filed_format(report: Report) -> FormatName:
    """The format that is filed: XML where it is more than a check of the structure, else JSON, else CSV."""
    return next(name for name in PREFERRED if name in report.formats and not report.formats[name].checked_only)


class LakePreparation:
    """One report and period. `made_at` is the moment its documents carry."""

    def __init__(
        self, report: Report, rulebook: Rulebook, span: Span, warehouse: Warehouse, parties: Parties, schemas: Schemas, made_at: datetime
    ) -> None:
        self.report, self.rulebook, self.span = report, rulebook, span
        self._warehouse, self._parties, self._schemas, self._made_at = warehouse, parties, schemas, made_at
        self._last: MadeReport | None = None

    @property
    def key(self) -> FilingKey:
        """What is filed."""
        return FilingKey(self.report.id, self.span.first, self.span.last, filed_format(self.report))

    @property
    def nil(self) -> bool:
        """Whether a period without a record is told."""
        return self.report.lifecycle.nil

    @property
    def becomes(self) -> Mapping[Action, tuple[Action, ...]]:
        """Actions that this report tells as others."""
        return self.report.lifecycle.becomes

    @property
    def kinds_apart(self) -> bool:
        """Whether the document itself says which kind of records it tells, so that it can tell one only."""
        return any(node.on and not node.group_by for node in self.report.tree)

    @cached_property
    def _record(self) -> tuple[str, ...]:
        """The columns that name a record: those of the outermost group."""
        return next((columns for node in self.report.tree if (columns := _first_group(node))), self.report.source.key)

    @cached_property
    def _reported(self) -> pl.DataFrame:
        """The reportable rows of now with their persons, each with the key of its record."""
        return self._keyed(self._judged(rows_of(self._warehouse, self.report, self.span)))

    @cached_property
    def _now(self) -> pl.DataFrame:
        """The same without their persons."""
        return self._reported.drop(name for name in self._reported.columns if "person_" in name)

    def records(self) -> Mapping[str, str]:
        """Record → digest of the values that it tells."""
        reader = FieldReader({})
        told = {*self.report.source.key, *(name for one in self.report.every_field() for name in reader.needs(one))}
        rows = self._reported.sort("record", *self.report.source.key)
        values = rows.select("record", *sorted(told.intersection(rows.columns)))
        return {
            str(key): digest_of({"rows": part.drop("record").rows()}) for (key,), part in values.group_by("record", maintain_order=True)
        }

    def record_reference(self, message: str, key: str, place: int) -> str:
        """The name of a record in the document: its own key, or in CARF the reference of the message with it."""
        return f"{message}-{key}" if self.kinds_apart else key

    def document(self, reference: str, records: Sequence[RecordMessage]) -> tuple[str, bytes]:
        """The document that tells these records under this reference."""
        parts = [self._rows_of(one) for one in records]
        rows = pl.concat(parts, how="diagonal_relaxed") if parts else self._now.drop("record").clear()
        self._last = self._make(rows, reference)
        document = self._last.documents[filed_format(self.report)]
        return document.name, document.content

    def findings(self, content: bytes) -> Sequence[Mapping[str, Any]]:
        """What is wrong with the document that was made last, and with its rows."""
        if self._last is None or self._last.documents[filed_format(self.report)].content != content:
            raise Broken("These are not the bytes of the document that was made last; make it again.", report=self.report.id)
        return pl.concat([self._last.faults, self._last.judged.findings]).to_dicts()

    def mend(self, refusals: Sequence[Refusal]) -> bool:
        """No refusal is mended without a person: the rows are what the chain says, and the rulebook is not changed by itself."""
        return False

    def _make(self, rows: pl.DataFrame, reference: str | None = None) -> MadeReport:
        return make_report(
            self.report,
            rows,
            self.span,
            parties=self._parties,
            rulebook=self.rulebook,
            schemas=self._schemas,
            created_at=self._made_at,
            formats=(filed_format(self.report),),
            reference=reference,
        )

    def _judged(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of the rows that are reportable."""
        _, judged = judge_rows(self.report, rows, self.span, parties=self._parties, rulebook=self.rulebook, created_at=self._made_at)
        return judged.reported

    def _keyed(self, rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(record=pl.concat_str([pl.col(name).cast(pl.String) for name in self._record], separator="|"))

    def _rows_of(self, one: RecordMessage) -> pl.DataFrame:
        rows = self._now.filter(pl.col("record") == one.key)
        if rows.is_empty():
            rows = self._earlier(one.key)
        return rows.drop("record").with_columns(action=pl.lit(one.action), corrects=pl.lit(one.corrects, pl.String))

    def _earlier(self, key: str) -> pl.DataFrame:
        """The rows of a record that is no more, as the newest version of the table in which it was reportable has them."""
        table = source_of(self.report.source.table).table
        uri = self._warehouse.uri(table)
        for version in range(DeltaTable(uri).version(), -1, -1):
            rows = pl.scan_delta(uri, version=version)
            if table.is_daily:
                rows = rows.filter(pl.col("day").is_between(self.span.first, self.span.last))
            found = self._keyed(rows.collect()).filter(pl.col("record") == key)
            if self._judged(found.drop("record")).height == found.height > 0:
                return found
        raise Broken(f"No version of {table.name} has the rows of {key}; restore the lake's history.", table=table.name, record=key)


def _first_group(node: Node) -> tuple[str, ...]:
    return node.group_by or next((columns for child in node.children if (columns := _first_group(child))), ())
