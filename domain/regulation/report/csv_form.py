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
from domain.regulation.report.judging import KEY, Judged
from domain.regulation.report.levels import Level, Use
from domain.regulation.report.records import literals
from domain.regulation.rulebook import Field, Format

BLOCK = 5_000


def lines_of(document: Level, judged: Judged, heading: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The lines of the CSV as text columns by the names of the fields, not yet quoted."""
    rows = judged.told.with_columns(literals(heading))
    parts: list[pl.DataFrame] = []
    for path in _ways(document):
        columns: dict[str, pl.Series] = {}
        for use, lines in _columns(path, rows, judged):
            name, texts = use.field.name, lines["value"]
            columns[name] = columns[name].zip_with(columns[name].is_not_null(), texts) if name in columns else texts
        parts.append(pl.DataFrame(columns))
    return pl.concat(parts, how="diagonal") if parts else pl.DataFrame()


def placed_lines(document: Level, judged: Judged, heading: Mapping[str, pl.Series], form: Format) -> Iterator[tuple[Use, pl.DataFrame]]:
    """Each field with its values in the CSV, where they stand (`line:column`), and the rows behind them."""
    rows = judged.told.with_columns(literals(heading))
    start = 0
    for path in _ways(document):
        taken: dict[str, pl.Series] = {}
        height = 0
        for use, lines in _columns(path, rows, judged):
            name, height = use.field.name, lines.height
            there = lines["value"].is_not_null() & ~taken.get(name, pl.repeat(False, height, eager=True))
            taken[name] = there | taken[name] if name in taken else there
            if form.columns and name not in form.columns:
                continue
            place = pl.format("{}:{}", pl.int_range(pl.len()) + start + 1, pl.lit(name)).alias("place")
            yield use, lines.with_columns(place).filter(there)
        start += height


def _ways(level: Level, above: tuple[Level, ...] = ()) -> list[tuple[Level, ...]]:
    """The ways from the document down to each level with nothing below it."""
    path = (*above, level)
    if not level.below:
        return [path]
    return [found for below in level.below for found in _ways(below, path)]


def _columns(path: tuple[Level, ...], rows: pl.DataFrame, judged: Judged) -> Iterator[tuple[Use, pl.DataFrame]]:
    """The fields on the way to a level, with a value and the rows behind it for each record of the level."""
    every = list(dict.fromkeys(name for level in path for name in level.group_by))
    last = numbered(rows.filter(pl.col("action").is_in(path[-1].on)), every)
    firsts = last.unique(GROUP, keep="first", maintain_order=True).drop(GROUP)
    keys: list[str] = []
    for level in path:
        keys = list(dict.fromkeys([*keys, *level.group_by]))
        groups = numbered(rows.filter(pl.col("action").is_in(level.on)), keys)
        named = groups.group_by(GROUP).agg(pl.col(KEY).str.join("; ").alias("row_key")).sort(GROUP)
        mine = groups.unique(GROUP, keep="first", maintain_order=True).select(GROUP, *keys)
        numbers = firsts.select(keys).join(mine, on=keys, how="left", nulls_equal=True, maintain_order="left")[GROUP] if keys else None
        for use in level.uses:
            if use.field.agg is None:
                texts, behind = judged.reader.read(use.field, firsts, checked=False).texts, firsts[KEY]
            else:
                counted = groups.filter(pl.col("action").is_in(use.on))
                sums = judged.reader.sums(use.field, counted, counted[GROUP], groups_in(groups)).texts
                at = pl.repeat(0, firsts.height, eager=True) if numbers is None else numbers
                texts, behind = sums.gather(at), named["row_key"].gather(at)
            if use.on != level.on:
                texts = pl.select(pl.when(firsts["action"].is_in(use.on)).then(texts)).to_series()
            yield use, pl.DataFrame({"value": texts.cast(pl.String), "row_key": behind})


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
