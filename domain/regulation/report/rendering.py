"""A report as a document: XML ordered by its schema, JSON by its keys, CSV by its columns, each with its header.

`render_parts` gives the same bytes piece by piece, for documents that are written to a file as they are made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Any

import polars as pl

from domain.problems import BadInput
from domain.regulation.report.branches import Branch, arrange, branches
from domain.regulation.report.csv_form import csv_parts
from domain.regulation.report.documents import Document, Heading, Schemas
from domain.regulation.report.grouping import GROUP
from domain.regulation.report.header import form_of, header, instruction
from domain.regulation.report.judging import Judged
from domain.regulation.report.levels import Level, Use, read_levels
from domain.regulation.report.records import Place, Records, texts_of
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
    """The texts of the fields that the document has once. Raises BadInput for a value of the heading that is missing or wrong."""
    row = judged.told.head(1) if judged.told.height else judged.told.clear(1)
    heads = [pl.lit(value.item(), dtype=value.dtype).alias(name) for name, value in records.heading.items()]
    row = row.with_columns(*heads, pl.lit(0, pl.Int64).alias(GROUP))
    for use in document.uses:
        if (use.field.source or "").startswith("heading."):
            told = judged.reader.read(use.field, row)
            for fault in told.faults:
                raise BadInput(
                    f"{report.id}: field {use.field.id} ({use.field.name}) takes {use.field.source} of the heading: {fault.message}.",
                    field=use.field.id,
                    column=use.field.source,
                )
    every = judged.told.with_columns(*heads, pl.lit(0, pl.Int64).alias(GROUP))
    sums = replace_level(document, [use for use in document.uses if use.field.agg is not None])
    once = replace_level(document, [use for use in document.uses if use.field.agg is None])
    texts = records.encoded(once, texts_of(once, row, judged.reader, several=False)).row(0, named=True)
    added: dict[str, str | None] = {}
    for use in sums.uses:
        there = every.filter(pl.col("action").is_in(use.on)) if judged.told.height else every
        added[use.column] = judged.reader.sums(use.field, there, there[GROUP], 1).texts.item()
        added |= {attribute_column(use, name): _constant(value) for name, value in judged.reader.attributes(use.field, row).items()}
    return texts | added


def _constant(value: str | pl.Series) -> str | None:
    return value if isinstance(value, str) else value.item()


def replace_level(level: Level, uses: list[Use]) -> Level:
    """The level with other fields."""
    return replace(level, uses=uses)


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
        named = sorted(branch.children, key=lambda child: child.step.name)
        order = {child.step.name: number for number, child in reversed(list(enumerate(branch.children)))}
        for name, run in sorted(
            ((name, list(run)) for name, run in groupby(named, key=lambda one: one.step.name)), key=lambda pair: order[pair[0]]
        ):
            same = sorted(run, key=lambda child: child.step.number)
            value = self._list(same, (*at, name)) if same[0].in_list else self._value(same[0], (*at, name))
            start = next(value, None)
            if start is None:
                continue
            yield ("" if first else ",") + json.dumps(name) + ":"
            first = False
            yield from chain([start], value)

    def _list(self, same: list[Branch], at: Place) -> Iterator[str]:
        opened = False
        for child in same:
            value = self._value(child, at)
            start = next(value, None)
            if start is not None:
                yield "," if opened else "["
                opened = True
                yield from chain([start], value)
        if opened:
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
