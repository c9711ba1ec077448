"""The cabinet of a home: the folder where its reports lie, and what is needed to make one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import dagster as dg
import polars as pl

from assets.compliance.making import MadeReport, make_report
from domain.regulation.calendar import Span
from domain.regulation.rulebook import FormatName, Report, Rulebook
from executor.compliance.parties import Parties, load_parties
from executor.compliance.report_shelf import ReportShelf
from executor.compliance.schema_folder import SchemaFolder


class Cabinet(dg.ConfigurableResource):
    """Where reports are kept. The parties and the official schemas lie where their own settings say."""

    folder: str

    @property
    def path(self) -> Path:
        return Path(self.folder)

    @property
    def shelf(self) -> ReportShelf:
        """The documents, as the executor serves them."""
        return ReportShelf(self.path / "reports")

    @staticmethod
    def parties() -> Parties:
        """The firm and its clients."""
        return load_parties()

    def make(
        self,
        report: Report,
        rows: pl.DataFrame,
        span: Span,
        rulebook: Rulebook,
        *,
        created_at: datetime,
        formats: Sequence[FormatName] = (),
    ) -> MadeReport:
        """The report about a period. Raises BadInput when a schema is not installed."""
        return make_report(
            report,
            rows,
            span,
            parties=self.parties(),
            rulebook=rulebook,
            schemas=SchemaFolder(),
            created_at=created_at,
            formats=formats,
        )
