"""Where each value of a document comes from: one row for each text and attribute, with its table, columns, rows, rules and article."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from domain.regulation.expressions import columns_of
from domain.regulation.report.branches import Kind
from domain.regulation.report.csv_form import placed_lines
from domain.regulation.report.documents import HEADING, Heading
from domain.regulation.report.grouping import GROUP, groups_in, numbered
from domain.regulation.report.header import form_of
from domain.regulation.report.judging import KEY, Judged
from domain.regulation.report.levels import Level, Path, Use, read_levels
from domain.regulation.report.records import ABOVE, document_texts, literals, texts_of
from domain.regulation.report.templates import attribute_column
from domain.regulation.rulebook import ACTIONS, Field, Format, FormatName, Report

LINEAGE = pl.Schema(
    {
        "place": pl.String(),
        "field_id": pl.String(),
        "value": pl.String(),
        "table": pl.String(),
        "column": pl.String(),
        "row_key": pl.String(),
        "rule_id": pl.String(),
        "doc_ref": pl.String(),
        "verified": pl.Boolean(),
    }
)
_KEYS = "keys__"


def lineage(report: Report, judged: Judged, name: FormatName, heading: Heading | None = None) -> pl.DataFrame:
    """One row for each value that the document tells, as `place` finds it there.

    A place in XML is `/Document/…/Tx[3]/New/TxId`, with the number of the record and `@` before an attribute; in JSON `$.trades[2].price`;
    in CSV `3:price`, the line below the columns' names and the column. `row_key` names the rows behind it, several with `; ` between. A
    constant has no table, a value of the heading has the table `heading`; without `heading` those are left out.
    """
    form = form_of(report, name)
    nothing = judged.told.is_empty()
    nodes = report.nil_tree if nothing and report.nil_tree else report.tree
    document = read_levels(nodes, report.lifecycle, judged.actions or ACTIONS)
    values = heading.columns(records=judged.told.height) if heading is not None else {}
    if not values:
        _without_heading(document, judged)
    if name == "csv":
        parts = [_origin(report, use, lines) for use, lines in placed_lines(document, judged, values, form)]
        return pl.concat(parts) if parts else LINEAGE.to_frame()
    tracer = _Tracer(report, judged, name, values)
    told = tracer.document(document)
    return pl.concat([_of_the_root(report, form), told]) if name == "xml" else told


def _of_the_root(report: Report, form: Format) -> pl.DataFrame:
    """The attributes of the root, which are constants of the form."""
    rows = [
        {"place": f"/{form.root}/@{name}", "value": value, "doc_ref": str(report.doc_ref), "verified": report.doc_ref.verified}
        for name, value in form.attributes.items()
    ]
    return pl.DataFrame(rows, schema=LINEAGE)


def _without_heading(document: Level, judged: Judged) -> None:
    for level in document.every():
        level.uses = [use for use in level.uses if not any(name.startswith(HEADING) for name in judged.reader.needs(use.field))]


@dataclass(slots=True)
class _Tracer:
    """Follows the levels as the renderer does, and writes down what it passes."""

    report: Report
    judged: Judged
    kind: Kind
    heading: Mapping[str, pl.Series]

    def document(self, document: Level) -> pl.DataFrame:
        """The rows of the whole document."""
        texts = document_texts(document, self.judged, self.heading)
        every = self.judged.told.with_columns(*literals(self.heading), pl.lit(0, pl.Int64).alias(GROUP))
        keys = every.select(pl.col(KEY).str.join("; "))[:, 0] if every.height else pl.Series([None], dtype=pl.String)
        parts = self._own(document, texts.with_columns(keys.alias(_KEYS)))
        parts += self._below(document, every)
        form = self.report.formats[self.kind]
        start = f"/{form.root}" if self.kind == "xml" else "$"
        if not parts:
            return LINEAGE.to_frame()
        return pl.concat(parts).with_columns(place=start + pl.col("place")).select(list(LINEAGE))

    def _level(self, level: Level, rows: pl.DataFrame) -> pl.DataFrame:
        """The values of the records of a level, their places below the record, with the numbers of record and parent."""
        rows = numbered(rows.filter(pl.col("action").is_in(level.on)), [ABOVE, *level.group_by])
        texts = texts_of(level, rows, self.judged.reader, groups_in(rows) < rows.height)
        keys = rows.group_by(GROUP).agg(pl.col(KEY).str.join("; ").alias(_KEYS))
        texts = texts.join(keys, on=GROUP, how="left", maintain_order="left")
        parts = [*self._own(level, texts), *self._below(level, rows)]
        if not parts:
            return LINEAGE.to_frame().with_columns(pl.lit(0, pl.Int64).alias(GROUP), pl.lit(0, pl.Int64).alias(ABOVE))
        return pl.concat(parts).join(texts.select(GROUP, ABOVE), on=GROUP, how="left", maintain_order="left")

    def _own(self, level: Level, texts: pl.DataFrame) -> list[pl.DataFrame]:
        parts: list[pl.DataFrame] = []
        taken: dict[Path, list[str]] = {}
        for use in level.uses:
            for place in use.places:
                path = place.xml if self.kind == "xml" else place.json
                if not path:
                    continue
                there = pl.col(use.column).is_not_null() & pl.col("action").fill_null("NEW").is_in(place.on)
                earlier = taken.setdefault(path, [])
                before = pl.sum_horizontal(pl.col(name).is_not_null().cast(pl.Int64) for name in earlier) if earlier else pl.lit(0)
                if self.kind == "json":
                    there &= before == 0
                earlier.append(use.column)
                where = pl.lit(self._path(path)) + pl.when(before > 0).then(pl.format("[{}]", before + 1)).otherwise(pl.lit(""))
                found = texts.filter(there)
                if found.height:
                    if level.number == 0 and not use.field.agg and _table(self.report, *_columns(self.report, use.field)) == "heading":
                        found = found.with_columns(pl.lit(None, pl.String).alias(KEY))
                    parts.append(self._rows(use, found, where, use.column))
                    parts += self._attributes(use, found, where)
        return parts

    def _attributes(self, use: Use, found: pl.DataFrame, where: pl.Expr) -> list[pl.DataFrame]:
        parts = []
        for name, source in use.field.attributes.items() if self.kind == "xml" else ():
            column = attribute_column(use, name)
            told = found.filter(pl.col(column).is_not_null())
            if told.height:
                constant = source.startswith("=")
                table = None if constant else _table(self.report, source)
                part = self._rows(use, told, where + f"/@{name}", column)
                named = pl.lit(None if constant else source, pl.String)
                parts.append(part.with_columns(pl.lit(table, pl.String).alias("table"), named.alias("column")))
        return parts

    def _rows(self, use: Use, found: pl.DataFrame, where: pl.Expr, column: str) -> pl.DataFrame:
        lines = found.select(
            where.alias("place"), pl.col(column).alias("value"), pl.col(_KEYS if use.field.agg else KEY).alias("row_key"), GROUP
        )
        return _origin(self.report, use, lines, GROUP)

    def _below(self, level: Level, rows: pl.DataFrame) -> list[pl.DataFrame]:
        parts: list[pl.DataFrame] = []
        counted: dict[Path, pl.DataFrame] = {}
        for below in level.below:
            path = below.xml if self.kind == "xml" else below.json
            if not path or not rows.height:
                continue
            told = self._level(below, rows.drop(ABOVE, strict=False).rename({GROUP: ABOVE}))
            records = told.select(GROUP, ABOVE).unique(GROUP).sort(GROUP).with_columns(pl.int_range(pl.len()).over(ABOVE).alias("number"))
            before = counted.get(path)
            if before is not None:
                records = records.join(before, on=ABOVE, how="left").with_columns(pl.col("number") + pl.col("before").fill_null(0))
            sums = records.group_by(ABOVE).agg((pl.col("number").max() + 1).alias("before"))
            counted[path] = sums if before is None else pl.concat([before, sums]).group_by(ABOVE).agg(pl.col("before").max())
            number = pl.col("number") + (1 if self.kind == "xml" else 0)
            placed = told.join(records.select(GROUP, "number"), on=GROUP, how="left", maintain_order="left")
            placed = placed.with_columns(place=pl.format(f"{self._path(path, record=True)}[{{}}]{{}}", number, pl.col("place")))
            parts.append(placed.drop(GROUP, "number").rename({ABOVE: GROUP}))
        return parts

    def _path(self, path: Path, record: bool = False) -> str:
        if self.kind == "xml":
            return "".join(f"/{step.name}" for step in path)
        steps = [f".{step.name}[0]" if step.listed else f".{step.name}" for step in path]
        return "".join(steps[:-1]) + f".{path[-1].name}" if record else "".join(steps)


def _origin(report: Report, use: Use, lines: pl.DataFrame, *more: str) -> pl.DataFrame:
    """The lines (place, value, row_key) with where their field comes from."""
    one = use.field
    columns = _columns(report, one)
    table = _table(report, *columns) if columns else None
    rules = [rule.id for rule in report.rules if rule.field == one.id] or [condition.id for condition in report.eligibility]
    told = {"field_id": one.id, "table": table, "column": ", ".join(columns) or None, "rule_id": ", ".join(rules) or None}
    told |= {"doc_ref": str(one.doc_ref)}
    named = [pl.lit(text, pl.String).alias(name) for name, text in told.items()]
    return lines.with_columns(*named, pl.lit(one.doc_ref.verified).alias("verified")).select(*LINEAGE, *more)


def _columns(report: Report, one: Field) -> list[str]:
    if one.source:
        columns = [one.source]
    elif one.expr:
        columns = sorted(columns_of(one.expr))
    elif one.agg:
        columns = [one.agg[4:]] if one.agg.startswith("sum:") else list(report.source.key)
    else:
        return []
    inner = one.format.removeprefix("units(").rstrip(")").split(",") if one.format.startswith("units") else []
    return columns + ([inner[2].strip()] if len(inner) == 3 and not inner[2].strip().isdigit() else [])


def _table(report: Report, *columns: str) -> str:
    return "heading" if all(name.startswith(HEADING) for name in columns) else report.source.table
