"""A fault in a document, and the row of the table of findings that it becomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import polars as pl

from domain.regulation.report.documents import FINDINGS
from domain.regulation.rulebook import Field, Report

MOST = 200


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, by which rule, in which fields (several where they share the place), of which row."""

    rule: str
    message: str
    fields: tuple[Field, ...]
    row_key: str
    value: str | None


def finding_rows(report: Report, faults: Iterable[Fault], most: int = MOST) -> pl.DataFrame:
    """The first faults as findings, each with the article of its field, or of the report where no field is known."""
    rows = []
    for fault in islice(faults, most):
        doc_ref = fault.fields[0].doc_ref if fault.fields else report.doc_ref
        rows.append(
            {
                "report_id": report.id,
                "rule_id": fault.rule,
                "severity": "error",
                "field_id": ", ".join(one.id for one in fault.fields),
                "row_key": fault.row_key or None,
                "value": fault.value,
                "message": fault.message,
                "doc_ref": str(doc_ref),
                "verified": doc_ref.verified,
            }
        )
    return pl.DataFrame(rows, schema=FINDINGS)
