"""Rows in their groups: one number for each group of a level, in the order in which the groups first appear."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from domain.regulation.report.levels import Level

GROUP = "group__"


def grouped(rows: pl.DataFrame, path: Sequence[Level]) -> pl.DataFrame:
    """The rows that the last level of the path takes, with the number of their group in the column `GROUP`."""
    return numbered(told_for(path[-1], rows), list(dict.fromkeys(name for one in path for name in one.group_by)))


def told_for(level: Level, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows whose action the level tells; no copy where it tells all."""
    there = rows["action"].is_in(level.on)
    return rows if there.all() else rows.filter(there)


def numbered(rows: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The rows with the number of their group: rows alike in all keys share it, and nulls are alike."""
    if not keys:
        return rows.with_columns(pl.lit(0, pl.Int64).alias(GROUP))
    first = pl.int_range(rows.height, eager=True).alias(GROUP)
    firsts = rows.with_columns(first).group_by(keys, maintain_order=True).agg(pl.len())
    if firsts.height == rows.height:
        return rows.with_columns(first)
    numbers = firsts.select(*keys, first.head(firsts.height))
    return rows.join(numbers, on=list(keys), how="left", nulls_equal=True, maintain_order="left")


def groups_in(rows: pl.DataFrame) -> int:
    """How many groups numbered rows have."""
    last = rows[GROUP].max() if rows.height else None
    return last + 1 if isinstance(last, int) else 0
