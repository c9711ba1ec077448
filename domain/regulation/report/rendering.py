"""A report as a document: XML ordered by its schema, JSON by its keys, CSV by its columns, each with its header.

`render_parts` gives the same bytes piece by piece, for documents that are written to a file as they are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any

from domain.problems import BadInput
from domain.regulation.report.branches import Branch, arrange, branches
from domain.regulation.report.csv_form import csv_parts
from domain.regulation.report.documents import Document, Heading, Schemas
from domain.regulation.report.header import form_of, header, instruction
from domain.regulation.report.judging import Judged
from domain.regulation.report.levels import Level, Use, read_levels
from domain.regulation.report.records import Place, Records, document_texts
from domain.regulation.report.templates import attribute_column
from domain.regulation.rulebook import ACTIONS, Format, FormatName, Report

SUFFIX: Mapping[FormatName, str] = {"xml": "xml", "json": "json", "csv": "csv"}


def render(report: Report, judged: Judged, name: FormatName, heading: Heading, schemas: Schemas) -> Document:
    """The whole document, in memory.

    Raises BadInput when the report has no such form, when nothing is to be told and the report has no nil form for it, when a value of
    the heading is missing or wrong, or when the schema is missing or has no place for a path.
    """
    keys: dict[Place, list[str]] = {}
    content = b"".join(render_parts(report, judged, name, heading, schemas, keys))
    return Document(file_name(report, name, heading), name, content, places(report, name, keys))


def file_name(report: Report, name: FormatName, heading: Heading) -> str:
    """What the document's file is called."""
    return f"{report.slug}_{heading.period_start:%Y-%m-%d}.{SUFFIX[name]}"


def places(report: Report, name: FormatName, keys: Mapping[Place, list[str]]) -> dict[str, list[str]]:
    """The rows behind the elements of each place, by the place's path from the root."""
    root = f"/{report.formats[name].root}/" if name == "xml" else ""
    return {root + ("/" if name == "xml" else ".").join(place): rows for place, rows in keys.items()}


def render_parts(
    report: Report, judged: Judged, name: FormatName, heading: Heading, schemas: Schemas, keys: dict[Place, list[str]] | None = None
) -> Iterator[bytes]:
    """The document's bytes, part by part, as `render` would give them at once. `keys` is filled on the way."""
    form = form_of(report, name)
    nothing = judged.told.is_empty()
    if nothing and not report.lifecycle.nil and name == "xml":
        raise BadInput(
            f"Nothing of {report.id} is to be reported, and the report has no nil form: {_why(judged)}.", report=report.id, field="nil"
        )
    nodes = report.nil_tree if nothing and report.nil_tree else report.tree
    document = read_levels(nodes, report.lifecycle, judged.actions or ACTIONS)
    told = header(judged, name, heading)
    values = heading.columns(records=judged.told.height)
    if name == "csv":
        return csv_parts(document, judged, values, told, form)
    trees = branches(document, name)
    if name == "xml":
        if nothing and not trees[document.number].children:
            raise BadInput(
                f"Nothing of {report.id} is to be reported, and its XML has no form that says so: {_why(judged)}.",
                report=report.id,
                field="nil",
            )
        arrange(document, trees, form, schemas)
    records = Records(name, trees, judged.reader, values, {} if keys is None else keys)
    writer = _Whole(document, trees[document.number], judged, records, _document_values(report, document, judged, records))
    return (part.encode() for part in (writer.xml(form, told) if name == "xml" else writer.json(told)))


def _why(judged: Judged) -> str:
    return "; ".join(f"{count} × {reason}" for reason, count in judged.reasons()) or "there are no rows"


def _document_values(report: Report, document: Level, judged: Judged, records: Records) -> dict[str, str | None]:
    """The document's own texts as they stand in it. Raises BadInput for a value of the heading that is missing or wrong."""
    texts = document_texts(document, judged, records.heading)
    for use in document.uses:
        if (use.field.source or "").startswith("heading."):
            for fault in judged.reader.read(use.field, texts).faults:
                raise BadInput(
                    f"{report.id}: field {use.field.id} ({use.field.name}) takes {use.field.source} of the heading: {fault.message}.",
                    field=use.field.id,
                    column=use.field.source,
                )
    return records.encoded(document, texts).row(0, named=True)


@dataclass(slots=True)
class _Whole:
    """Writes the document around its records."""

    document: Level
    tree: Branch
    judged: Judged
    records: Records
    values: Mapping[str, str | None]

    def xml(self, form: Format, told: Mapping[str, Any]) -> Iterator[str]:
        spaces = [f' xmlns="{form.namespace}"'] if form.namespace else []
        named = {**form.namespaces, **{one.prefix: one.namespace for one in form.extensions}}
        spaces += [f' xmlns:{prefix}="{space}"' for prefix, space in named.items()]
        spaces += [f' {name}="{value}"' for name, value in form.attributes.items()]
        yield f'<?xml version="1.0" encoding="UTF-8"?>\n{instruction(told)}\n<{form.root}{"".join(spaces)}>'
        yield from self._xml(self.tree, ())
        yield f"</{form.root}>\n"

    def _xml(self, branch: Branch, at: Place) -> Iterator[str]:
        for child in branch.children:
            name = child.step.name
            for use, _ in child.leaves:
                if (text := self.values[use.column]) is not None:
                    yield f"<{name}{self._attributes(use)}>{text}</{name}>"
            for level in child.slots:
                yield from self.records.blocks(level, self.judged.told, (*at, name))
            inside = self._xml(child, (*at, name)) if child.children else iter(())
            first = next(inside, None)
            if first is not None:
                yield f"<{name}>"
                yield from chain([first], inside)
                yield f"</{name}>"

    def _attributes(self, use: Use) -> str:
        told = {name: self.values[attribute_column(use, name)] for name in use.field.attributes}
        return "".join(f' {name}="{value}"' for name, value in told.items() if value is not None)

    def json(self, told: Mapping[str, Any]) -> Iterator[str]:
        yield f'{{"header":{json.dumps(told, ensure_ascii=False)}'
        yield from self._members(self.tree, (), first=False)
        yield "}\n"

    def _members(self, branch: Branch, at: Place, first: bool = True) -> Iterator[str]:
        for child in branch.children:
            value = self._value(child, (*at, child.step.name))
            start = next(value, None)
            if start is None:
                continue
            yield ("" if first else ",") + json.dumps(child.step.name) + (":[" if child.in_list else ":")
            first = False
            yield from chain([start], value)
            if child.in_list:
                yield "]"

    def _value(self, branch: Branch, at: Place) -> Iterator[str]:
        opened = False
        for level in branch.slots:
            for block in self.records.blocks(level, self.judged.told, at):
                yield ("," if opened else "[") + block
                opened = True
        if opened:
            yield "]"
            return
        if branch.children:
            members = self._members(branch, at)
            start = next(members, None)
            if start is not None:
                yield "{"
                yield from chain([start], members)
                yield "}"
            return
        told = (self.values[use.column] for use, _ in branch.leaves)
        yield from [text for text in told if text is not None][:1]
