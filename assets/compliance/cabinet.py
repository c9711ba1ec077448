"""The cabinet of a home: the folder where its reports lie, and what is needed to make one."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from assets.compliance.making import MadeReport
from domain.problems import UnknownReport
from domain.regulation.calendar import Span
from domain.regulation.rulebook import FormatName, Report
from executor.compliance.parties import Parties, load_parties
from executor.compliance.report_shelf import Document, ReportShelf, Written
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

    @staticmethod
    def schemas() -> SchemaFolder:
        """The official schemas that are installed, and our own."""
        return SchemaFolder()

    def put(self, made: MadeReport) -> None:
        """Lays a report on the shelf; what lay there before is kept beside it."""
        report = made.report
        self.shelf.put(
            report.id,
            title=report.title,
            period=made.span.name,
            created_at=made.heading.created_at,
            reference=made.heading.reference,
            documents=[
                Written(name, document.content, report.formats[name].schema_status, report.formats[name].claim)
                for name, document in made.documents.items()
            ],
            unverified=report.unverified,
            counts=made.counts(),
            findings={"faults": made.faults.height, **dict(made.judged.findings["severity"].value_counts().iter_rows())},
        )

    def find(self, report: Report, span: Span) -> Document | None:
        """The main document of a period; None where there is none."""
        try:
            return self.shelf.document(report.id, span.last, None)
        except UnknownReport:
            return None

    def every_form(self, report: Report, span: Span) -> dict[FormatName, Document]:
        """The documents of a period by format, empty where there are none. Raises Broken when one is not as it was made."""
        main = self.find(report, span)
        written = main.card["formats"] if main else ()
        return {name: self.shelf.document(report.id, span.last, name) for name in report.formats if name in written}
