"""A document against the schema of its form: the faults as findings, none when it is valid.

A document is checked as the bytes that would be filed, not as what was meant. A missing schema is an error, never a pass.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from typing import BinaryIO

import polars as pl

from domain.regulation.report.documents import FINDINGS, Document, Schemas
from domain.regulation.report.finding_rows import MOST, Fault, finding_rows
from domain.regulation.report.header import form_of
from domain.regulation.rulebook import Format, FormatName, Report


def validate(report: Report, document: Document, schemas: Schemas, most: int = MOST) -> pl.DataFrame:
    """The findings, at most `most`. Raises BadInput when the schema is missing or cannot be used."""
    form = form_of(report, document.format)
    if document.format == "xml":
        from domain.regulation.report.xml_validation import xml_faults

        return finding_rows(report, xml_faults(report, form, document, schemas), most)
    if document.format == "json":
        from domain.regulation.report.json_validation import json_faults

        return finding_rows(report, json_faults(report, form, document, schemas), most)
    return finding_rows(report, _csv_faults(report, form, document, schemas), most)


def validate_file(report: Report, name: FormatName, source: BinaryIO, keys: Mapping[str, Sequence[str]], schemas: Schemas) -> pl.DataFrame:
    """What `validate` says of a document in a file. A valid XML document is read in one pass whose memory does not grow with it."""
    if name == "xml":
        from domain.regulation.report.xml_validation import streams_through

        if streams_through(form_of(report, name), source, schemas):
            return FINDINGS.to_frame()
        source.seek(0)
    return validate(report, Document(report.slug, name, source.read(), keys), schemas)


def _csv_faults(report: Report, form: Format, document: Document, schemas: Schemas) -> Iterator[Fault]:
    """The columns are checked, and that each line has them all; a JSON Schema, where the form has one, describes a line as an object."""
    from domain.regulation.report.json_validation import line_faults

    try:
        text = document.content.decode()
    except UnicodeDecodeError as error:
        yield Fault("csv.encoding", f"it is not UTF-8: {error.reason}", (), "", None)
        return
    start = 0
    while text.startswith("# ", start):
        start = text.find("\r\n", start) + 2 or len(text)
    lines = csv.reader(io.StringIO(text[start:], newline=""), strict=True)
    columns = next(lines, [])
    known = {one.name for node in (*report.tree, *report.nil_tree) for one in node.every_field()}
    for name in columns:
        if name not in known or (form.columns and name not in form.columns):
            yield Fault("csv.columns", f"there is no column {name!r} in the report", (), "", name)
    line_of = line_faults(report, form, schemas)
    try:
        for number, line in enumerate(lines, 1):
            if len(line) == len(columns):
                yield from line_of(number, dict(zip(columns, (_unescaped(told) for told in line), strict=True)))
            else:
                yield Fault("csv.width", f"line {number} has {len(line)} fields, the report has {len(columns)}", (), "", None)
    except csv.Error as error:
        yield Fault("csv.well_formed", f"it is not CSV: {error}", (), "", None)


def _unescaped(told: str) -> str:
    """A text as it was before the apostrophe that keeps spreadsheets from running it."""
    return told[1:] if told.startswith("'") and told[1:2] in tuple("=+-@\t\r") else told
