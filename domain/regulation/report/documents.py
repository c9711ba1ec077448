"""What goes into a report besides its rows, and what comes out: the heading, the document, and the tables of outcomes and findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol

import polars as pl

from domain.regulation.rulebook import FormatName

HEADING = "heading."

OUTCOMES = pl.Schema(
    {
        "row_key": pl.String(),
        "outcome": pl.String(),
        "reason": pl.String(),
        "rule_id": pl.String(),
        "field_id": pl.String(),
        "doc_ref": pl.String(),
    }
)
FINDINGS = pl.Schema(
    {
        "report_id": pl.String(),
        "rule_id": pl.String(),
        "severity": pl.String(),
        "field_id": pl.String(),
        "row_key": pl.String(),
        "value": pl.String(),
        "message": pl.String(),
        "doc_ref": pl.String(),
        "verified": pl.Boolean(),
    }
)
RULE_RESULTS = pl.Schema({"row_key": pl.String(), "rule_id": pl.String(), "result": pl.String(), "doc_ref": pl.String()})


class Schemas(Protocol):
    """Where schemas are found: by a name such as `iso20022/auth.016.001.03.xsd`, or `own/…` for those that Grekko ships."""

    def path(self, name: str) -> Path:
        """The file. Raises BadInput that says how to install it when it is missing."""
        ...


@dataclass(frozen=True, slots=True)
class Heading:
    """What a report says of itself. `period_end` is the first moment after the period; `firm` are facts of the firm that files.

    Fields read it as columns: `heading.reference`, `heading.created_at`, `heading.period_start`, `heading.period_end`,
    `heading.last_day` (of the period), `heading.records`, and `heading.firm_lei` for the firm's `lei` (a key that starts with `firm_`
    already keeps its name).
    """

    report_id: str
    period_start: datetime | date
    period_end: datetime | date
    created_at: datetime
    reference: str
    firm: Mapping[str, str] = field(default_factory=dict)

    def columns(self, records: int | None = None) -> dict[str, pl.Series]:
        """Each value as a column of one row. `records` is how many records the document tells."""
        told: dict[str, pl.Series] = {
            f"{HEADING}report_id": pl.Series([self.report_id]),
            f"{HEADING}reference": pl.Series([self.reference]),
        }
        for name in ("period_start", "period_end", "created_at"):
            told[HEADING + name] = pl.Series([_moment(getattr(self, name))], dtype=pl.Datetime("us", "UTC"))
        last = told[f"{HEADING}period_end"].dt.offset_by("-1us")
        told[f"{HEADING}last_day"] = last.dt.date()
        for name, value in self.firm.items():
            told[f"{HEADING}firm_{name.removeprefix('firm_')}"] = pl.Series([None if value is None else str(value)], dtype=pl.String)
        told[f"{HEADING}records"] = pl.Series([records], dtype=pl.Int64)
        return told


def _moment(value: datetime | date) -> datetime:
    if not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day, tzinfo=UTC)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Document:
    """A report as it is filed. `keys` names, for each place in it, the rows behind the elements there, in the order of the document."""

    name: str
    format: FormatName
    content: bytes
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict, repr=False)
