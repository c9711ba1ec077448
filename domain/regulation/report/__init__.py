"""Reports: rows in, documents and findings out. Nothing here reads a table or writes a file."""

from domain.regulation.report.documents import Document, Heading, Schemas
from domain.regulation.report.judging import Judged, judge, row_keys
from domain.regulation.report.lineage import lineage
from domain.regulation.report.rendering import render, render_parts, tellable
from domain.regulation.report.validation import validate, validate_file
from domain.regulation.report.watching import Watch

__all__ = [
    "Document",
    "Heading",
    "Judged",
    "Schemas",
    "Watch",
    "judge",
    "lineage",
    "render",
    "render_parts",
    "row_keys",
    "tellable",
    "validate",
    "validate_file",
]
