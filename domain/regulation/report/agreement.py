"""Where rows that share a record, or a document, do not agree on what it says once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from domain.regulation.report.field_values import FieldReader
from domain.regulation.report.grouping import GROUP, grouped, groups_in
from domain.regulation.report.levels import Level, Path, Use
from domain.regulation.rulebook import ACTIONS, Field


def paths(document: Level, above: Sequence[Level] = ()) -> list[tuple[Level, list[Level]]]:
    """Each level with the levels on the way to it, itself included."""
    path = [*above, document]
    return [(document, path), *(found for level in document.below for found in paths(level, path))]


def mixed(document: Level, told: pl.DataFrame) -> list[tuple[str, list[Field]]]:
    """The fields that say, at one place of the document, something else for some of its rows' actions, with those actions as words."""
    there = set(told["action"].unique().to_list())
    at: dict[tuple[str, Path], list[Use]] = {}
    for use in document.uses:
        for place in use.places:
            for kind, path in (("xml", place.xml), ("json", place.json)):
                if path and there & set(place.on):
                    at.setdefault((kind, path), []).append(use)
    found: dict[tuple[str, ...], tuple[str, list[Field]]] = {}
    for uses in at.values():
        if len({use.on for use in uses}) > 1:
            fields = [use.field for use in uses]
            actions = [action for action in ACTIONS if action in there and any(action in use.on for use in uses)]
            found[tuple(one.id for one in fields)] = (" and ".join(actions), fields)
    return list(found.values())


def differing(document: Level, told: pl.DataFrame, reader: FieldReader) -> Iterator[tuple[Use, pl.DataFrame, pl.Series]]:
    """The fields that a record takes from its first row though its rows differ: the rows that fill it, and which of them do not agree."""
    for level, path in paths(document):
        uses = [use for use in level.uses if use.field.agg is None and use.field.const is None and not reader.waits(use.field, told)]
        if not level.group_by or not uses:
            continue
        rows = grouped(told, path)
        if groups_in(rows) == rows.height:
            continue
        for use in uses:
            mine = rows if use.on == level.on else rows.filter(pl.col("action").is_in(use.on))
            texts = reader.read(use.field, mine, checked=False).texts
            differs = pl.DataFrame({GROUP: mine[GROUP], "text": texts}).select(pl.col("text").n_unique().over(GROUP) > 1)[:, 0]
            if differs.any():
                yield use, mine, differs
