"""The cabinet of a home: the folder where its reports lie, and what is needed to make one."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from assets.compliance.making import MadeReport
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

    @staticmethod
    def schemas() -> SchemaFolder:
        """The official schemas that are installed, and our own."""
        return SchemaFolder()

    def put(self, made: MadeReport) -> None:
        """Lays a report on the shelf, beside what it was before."""
        facts = {
            "report_id": made.report.id,
            "reference": made.heading.reference,
            "created_at": made.heading.created_at.isoformat(),
            "faults": made.faults.height,
        }
        documents = {name: (document.name, document.content) for name, document in made.documents.items()}
        self.shelf.put(made.report.slug, made.span.name, facts, documents)
