"""A report as CSV: header lines `# name: value`, then one line for each record of the deepest level, with the fields above it repeated.

RFC 4180: fields between commas, lines end with CR LF, a field with a comma, a quote or a line's end stands in quotes. A text that starts
with `=`, `+`, `-`, `@`, a tab or a CR would be run as a formula by a spreadsheet; it gets an apostrophe before it and stands in quotes.
Numbers stay numbers. To read such a text back, take the one apostrophe away where one of those signs follows it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl

from domain.problems import BadInput
from domain.regulation.report.grouping import GROUP, groups_in, numbered
from domain.regulation.report.header import as_lines
from domain.regulation.report.judging import Judged
from domain.regulation.report.levels import Level
from domain.regulation.rulebook import Field, Format

BLOCK = 5_000


def lines_of(document: Level, judged: Judged, heading: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The lines of the CSV as text columns by the names of the fields, not yet quoted."""
    rows = judged.told.with_columns(pl.lit(value.item(), dtype=value.dtype).alias(name) for name, value in heading.items())
    paths = _ways(document)
    parts = [_lines(path, rows, judged) for path in paths]
    return pl.concat(parts, how="diagonal") if parts else pl.DataFrame()


def _ways(level: Level, above: tuple[Level, ...] = ()) -> list[tuple[Level, ...]]:
    """The ways from the document down to each level with nothing below it."""
    path = (*above, level)
    if not level.below:
        return [path]
    return [found for below in level.below for found in _ways(below, path)]


def _lines(path: tuple[Level, ...], rows: pl.DataFrame, judged: Judged) -> pl.DataFrame:
    rows = rows.filter(pl.col("action").is_in(path[-1].on))
    every = [name for level in path for name in level.group_by]
    last = numbered(rows, list(dict.fromkeys(every))).rename({GROUP: "line__"})
    firsts = last.unique("line__", keep="first", maintain_order=True)
    columns: dict[str, pl.Series] = {}
    keys: list[str] = []
    for level in path:
        keys = list(dict.fromkeys([*keys, *level.group_by]))
        groups = numbered(last, keys)
        for use in level.uses:
            if use.field.agg is None:
                texts = judged.reader.read(use.field, firsts, checked=False).texts
            else:
                count = groups_in(groups)
                sums = judged.reader.sums(use.field, groups, groups[GROUP], count).texts
                mine = groups.unique("line__", keep="first", maintain_order=True)[GROUP]
                texts = sums.gather(mine)
            if use.on != level.on:
                texts = pl.select(pl.when(firsts["action"].is_in(use.on)).then(texts)).to_series()
            name = use.field.name
            columns[name] = columns[name].zip_with(columns[name].is_not_null(), texts) if name in columns else texts
    return pl.DataFrame({name: texts.cast(pl.String) for name, texts in columns.items()})


def csv_parts(document: Level, judged: Judged, heading: Mapping[str, pl.Series], told: Mapping[str, Any], form: Format) -> Iterator[bytes]:
    """The bytes of the CSV, part by part."""
    lines = lines_of(document, judged, heading)
    fields: dict[str, Field] = {}
    for level in document.every():
        for use in level.uses:
            fields.setdefault(use.field.name, use.field)
    columns = list(form.columns) or list(fields)
    for name in columns:
        if name not in fields and judged.told.height:
            raise BadInput(f"The CSV asks for the column {name!r}, which is no field of the report.", field="columns", column=name)
    yield "".join(f"# {name}: {text}\r\n" for name, text in as_lines(told)).encode()
    yield (",".join(_quoted(pl.Series(columns, dtype=pl.String), False)) + "\r\n").encode()
    for start in range(0, lines.height, BLOCK):
        block = lines.slice(start, BLOCK)
        texts = [
            _quoted(block[name], _is_number(fields[name])) if name in block.columns else pl.repeat("", block.height, eager=True)
            for name in columns
        ]
        whole = pl.select(pl.concat_str(texts, separator=","))[:, 0] if texts else pl.Series([], dtype=pl.String)
        yield ("\r\n".join(whole) + "\r\n").encode()


def _is_number(one: Field) -> bool:
    return one.agg is not None or one.format in ("integer", "boolean") or one.format.startswith(("decimal", "units"))


def _quoted(texts: pl.Series, number: bool) -> pl.Series:
    texts = texts.fill_null("")
    if number:
        return texts
    text = pl.col("_")
    risky = text.str.contains(r"^[=+\-@\t\r]")
    safe = pl.when(risky).then(pl.lit("'") + text).otherwise(text)
    asks = risky | text.str.contains(r'[",\r\n]')
    quoted = pl.lit('"') + safe.str.replace_all('"', '""', literal=True) + pl.lit('"')
    return texts.alias("_").to_frame().select(pl.when(asks).then(quoted).otherwise(text).alias("_"))["_"]
