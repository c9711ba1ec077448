"""The records of a level: one row for each group, with the texts of its fields, and with the text of the whole record.

Records are made in blocks, so that a long report needs no more memory than a short one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import polars as pl

from domain.regulation.report.branches import Kind, Trees
from domain.regulation.report.field_values import FieldReader
from domain.regulation.report.grouping import GROUP, groups_in, numbered, told_for
from domain.regulation.report.judging import KEY, Judged
from domain.regulation.report.levels import Level, Use
from domain.regulation.report.templates import (
    Block,
    attribute_column,
    is_json_literal,
    joined,
    json_pieces,
    json_text,
    xml_pieces,
    xml_text,
)

ABOVE, RECORD = "above__", "record__"
BLOCK = 2_000
Place = tuple[str, ...]


def texts_of(level: Level, rows: pl.DataFrame, reader: FieldReader, several: bool, counted: pl.DataFrame | None = None) -> pl.DataFrame:
    """One row for each group of `rows` (numbered in `GROUP`), with a text column for each field and attribute of the level.

    Sums and counts are over `counted`, which is `rows` where nothing else is said.
    """
    firsts = rows.unique(GROUP, keep="first", maintain_order=True) if several else rows
    columns: list[pl.Series] = []
    for use in level.uses:
        columns.append(_texts(use, level, rows if counted is None else counted, firsts, reader).alias(use.column))
        for name, value in reader.attributes(use.field, firsts).items():
            text = pl.repeat(value, firsts.height, dtype=pl.String, eager=True) if isinstance(value, str) else value
            columns.append(text.alias(attribute_column(use, name)))
    return firsts.with_columns(columns)


def document_texts(document: Level, judged: Judged, heading: Mapping[str, pl.Series]) -> pl.DataFrame:
    """The one row of the document's own texts, with the heading's values beside them."""
    named = [*literals(heading), pl.lit(0, pl.Int64).alias(GROUP)]
    every = judged.told.with_columns(named)
    if every.height:
        return texts_of(document, every, judged.reader, several=True)
    return texts_of(document, judged.told.clear(1).with_columns(named), judged.reader, several=False, counted=every)


def literals(values: Mapping[str, pl.Series]) -> list[pl.Expr]:
    """Values of the heading as columns that are the same in every row."""
    return [pl.lit(value.item(), dtype=value.dtype).alias(name) for name, value in values.items()]


def _texts(use: Use, level: Level, rows: pl.DataFrame, firsts: pl.DataFrame, reader: FieldReader) -> pl.Series:
    if use.field.agg is not None:
        counted = rows if use.on == level.on else rows.filter(pl.col("action").is_in(use.on))
        return reader.sums(use.field, counted, counted[GROUP], firsts.height).texts
    texts = reader.read(use.field, firsts, checked=False).texts
    if use.on == level.on:
        return texts
    return pl.select(pl.when(firsts["action"].is_in(use.on)).then(texts)).to_series()


@dataclass(slots=True)
class Records:
    """Makes the records of one document. `keys` collects the rows behind the records of each place, in the order of the document."""

    kind: Kind
    trees: Trees
    reader: FieldReader
    heading: dict[str, pl.Series]
    keys: dict[Place, list[str]] = field(default_factory=dict)

    def blocks(self, level: Level, rows: pl.DataFrame, at: Place) -> Iterator[str]:
        """The text of the records of a level of the document, block by block."""
        order = numbered(told_for(level, rows), level.group_by)
        count = groups_in(order)
        alone = count == order.height
        for start in range(0, count, BLOCK):
            block = order.slice(start, BLOCK) if alone else order.filter(pl.col(GROUP).is_between(start, start + BLOCK - 1))
            headed = block.drop(GROUP).with_columns(pl.lit(0, pl.Int64).alias(ABOVE), *literals(self.heading))
            told = self._records(level, headed, at)
            texts = told[RECORD].drop_nulls()
            if texts.len():
                yield self.separator.join(texts)

    @property
    def separator(self) -> str:
        """What stands between two records."""
        return "," if self.kind == "json" else ""

    def _records(
        self, level: Level, rows: pl.DataFrame, at: Place, told: Callable[[Place, pl.DataFrame], None] | None = None
    ) -> pl.DataFrame:
        rows = numbered(told_for(level, rows), [ABOVE, *level.group_by])
        several = groups_in(rows) < rows.height
        texts = self.encoded(level, texts_of(level, rows, self.reader, several))
        texts = texts.join(
            rows.group_by(GROUP).agg(pl.col(KEY).str.join("; ").alias("keys__")), on=GROUP, how="left", maintain_order="left"
        )
        below: dict[Place, list[pl.DataFrame]] = {}
        for inner in level.below:
            path = inner.xml if self.kind == "xml" else inner.json
            if not path:
                continue
            place = (*at, *(step.name for step in path))
            inside = self._records(
                inner, rows.drop(ABOVE).rename({GROUP: ABOVE}), place, lambda where, part: below.setdefault(where, []).append(part)
            )
            joined_up = (
                inside.filter(pl.col(RECORD).is_not_null())
                .group_by(ABOVE, maintain_order=True)
                .agg(pl.col(RECORD).str.join(self.separator))
            )
            texts = texts.join(joined_up.rename({ABOVE: GROUP, RECORD: inner.fragments}), on=GROUP, how="left", maintain_order="left")
        texts = texts.with_columns(self.whole(level, texts))
        kept = texts.filter(pl.col(RECORD).is_not_null()).select(ABOVE, GROUP, "keys__")
        self._collect(at, kept, below, told)
        return texts

    def _collect(
        self, at: Place, kept: pl.DataFrame, below: dict[Place, list[pl.DataFrame]], told: Callable[[Place, pl.DataFrame], None] | None
    ) -> None:
        tell = told or (lambda where, part: self.keys.setdefault(where, []).extend(part["keys__"].to_list()))
        tell(at, kept.drop(GROUP))
        for where, parts in below.items():
            inside = pl.concat(parts).rename({ABOVE: GROUP}).sort(GROUP, maintain_order=True)
            up = inside.join(kept.select(GROUP, ABOVE), on=GROUP, how="inner", maintain_order="left").select(ABOVE, "keys__")
            tell(where, up)

    def encoded(self, level: Level, texts: pl.DataFrame) -> pl.DataFrame:
        """The texts as they stand in the document."""
        columns: list[pl.Series] = []
        for use in level.uses:
            if self.kind == "json":
                if not is_json_literal(use.field, texts.schema):
                    columns.append(json_text(texts[use.column]).alias(use.column))
                continue
            if use.field.format == "text":
                columns.append(xml_text(texts[use.column]).alias(use.column))
            for name in use.field.attributes:
                column = attribute_column(use, name)
                columns.append(xml_text(texts[column], attribute=True).alias(column))
        return texts.with_columns(columns)

    def whole(self, level: Level, texts: pl.DataFrame) -> pl.Series:
        """Each record in its element or as an object; null where nothing is in it."""
        block, tree = Block(texts), self.trees[level.number]
        there = block.branch(tree)
        if there is False:
            return pl.repeat(None, texts.height, dtype=pl.String, eager=True).alias(RECORD)
        if self.kind == "xml":
            name = level.xml[-1].name if level.xml else ""
            text = joined([f"<{name}>", *xml_pieces(tree, block), f"</{name}>"])
        else:
            text = joined(["{", *json_pieces(tree, block), "}"])
        return texts.select((text if there is True else pl.when(there).then(text)).alias(RECORD))[RECORD]
