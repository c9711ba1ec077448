"""Judging recorded rows by named rules: the first rule a row breaks is the reason it is set aside."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import polars as pl

from assets.chain.setting_aside import is_malformed, malformed_columns, rows_as_json
from domain.schemas import Table

Rules = Mapping[str, tuple[pl.Expr, pl.Expr]]  # name → (whether a row breaks it, what to say then)


@dataclass(frozen=True, slots=True)
class Sifted:
    """Rows with the columns of a table, and those set aside in the shape of the quarantine."""

    rows: pl.DataFrame
    set_aside: pl.DataFrame


def malformed(table: Table) -> tuple[pl.Expr, pl.Expr]:
    """The rule that the lake's boundary would let the row pass."""
    return is_malformed(table), pl.format("{}; record the row again.", malformed_columns(table))


def outside(first_day: date, last_day: date) -> tuple[pl.Expr, pl.Expr]:
    """The rule that the row lies on a day of the recording."""
    told = pl.format("The row's day is {}, the recording's days are {} to {}.", "day", pl.lit(str(first_day)), pl.lit(str(last_day)))
    return ~pl.col("day").is_between(first_day, last_day), told


def judge(frame: pl.DataFrame, rules: Rules) -> pl.DataFrame:
    """The frame with `reason` and `detail` of the first rule that a row breaks; null where it breaks none."""
    reason = pl.coalesce(pl.when(broken.fill_null(False)).then(pl.lit(name)) for name, (broken, _) in rules.items())
    judged = frame.with_columns(reason=reason)
    return judged.with_columns(detail=pl.coalesce(pl.when(pl.col("reason") == name).then(text) for name, (_, text) in rules.items()))


def split(judged: pl.DataFrame, names: Sequence[str], shown: Sequence[str], source: str, key: pl.Expr, days: tuple[date, date]) -> Sifted:
    """The rows without a reason, with `names`; the others with `shown` of them as JSON, on their day or else the nearest."""
    first, last = days
    bad = judged.filter(pl.col("reason").is_not_null()).with_columns(pl.col("day").fill_null(first).clip(first, last))
    return Sifted(judged.filter(pl.col("reason").is_null()).select(names), rows_as_json(bad, shown, source, key))
