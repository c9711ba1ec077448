"""Minute bars of one concentrated pool, read without trust: every row is used, or set aside with its reason; gaps are named.

The columns are those of the public minute files (demeter): net and incoming amounts in base units as decimal text, the ticks after the
minute's first and last swap, the lowest and highest between, and the liquidity that was active last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from domain.amm.ticks import MAX_TICK, MIN_TICK
from domain.problems import BadInput

AMOUNTS = ("netAmount0", "netAmount1", "inAmount0", "inAmount1", "currentLiquidity")
TICKS = ("openTick", "closeTick", "lowestTick", "highestTick")
COLUMNS = ("timestamp", *AMOUNTS, *TICKS)
MINUTE = timedelta(minutes=1)
# Longest decimal text of an amount: differences of two such stay inside Decimal(38, 0), and no token has as much.
LONGEST = 37


@dataclass(frozen=True, slots=True)
class Gap:
    """Minutes of which no usable bar exists, between two that do."""

    after: datetime
    until: datetime

    @property
    def minutes(self) -> int:
        return (self.until - self.after) // MINUTE - 1

    def __str__(self) -> str:
        return f"{self.minutes} after {self.after:%Y-%m-%d %H:%M}"


@dataclass(frozen=True, slots=True)
class Bars:
    """The usable bars, oldest first, one a minute; what was set aside, with a `reason` each; and the gaps that remain.

    `settled_tick` is the close where it lies between the minute's lowest and highest tick, else the nearer of the two: a close that
    the minute never saw is wrong, and `strays` counts them.
    """

    frame: pl.DataFrame
    set_aside: pl.DataFrame
    gaps: tuple[Gap, ...]
    strays: int

    def reasons(self) -> dict[str, int]:
        """How many rows were set aside, by reason."""
        return dict(self.set_aside.group_by("reason").len().sort("reason").iter_rows())


def sift(rows: pl.DataFrame) -> Bars:
    """The bars of these rows. Rows in = bars + rows set aside.

    Raises BadInput naming the column that is missing or of another type, and when no row at all can be used.
    """
    _refuse_columns(rows)
    ordered = rows.select(*COLUMNS).with_row_index("row").sort("timestamp", "row", nulls_last=True)
    judged = ordered.with_columns(reason=_reason())
    bad = judged.filter(pl.col("reason").is_not_null())
    kept = judged.filter(pl.col("reason").is_null())
    twin = pl.col("timestamp").is_duplicated() & ~pl.col("timestamp").is_first_distinct()
    set_aside = pl.concat([bad, kept.filter(twin).with_columns(reason=pl.lit("duplicate_minute"))]).sort("row")
    good = kept.filter(~twin)
    if good.is_empty():
        raise BadInput(
            f"None of {rows.height} rows is a usable minute bar; give a file with the columns {', '.join(COLUMNS)}.", field="bars"
        )
    typed = good.select(
        pl.col("timestamp").cast(pl.Datetime("us", "UTC")),
        *(pl.col(name).cast(pl.Decimal(38, 0)) for name in AMOUNTS),
        *(pl.col(name).cast(pl.Int32) for name in TICKS),
    )
    settled = typed.with_columns(settled_tick=pl.col("closeTick").clip("lowestTick", "highestTick"))
    strays = settled.filter(pl.col("settled_tick") != pl.col("closeTick")).height
    return Bars(settled, set_aside, _gaps(settled["timestamp"]), strays)


def _refuse_columns(rows: pl.DataFrame) -> None:
    missing = [name for name in COLUMNS if name not in rows.columns]
    if missing:
        raise BadInput(f"Minute bars lack the columns {', '.join(missing)}; add them.", field=missing[0], missing=missing)
    clock = rows.schema["timestamp"]
    if not isinstance(clock, pl.Datetime) or clock.time_zone != "UTC":
        raise BadInput(f"timestamp must be a time in UTC, it is {clock}; write it with its zone.", field="timestamp", found=str(clock))
    wrong = [name for name in AMOUNTS if rows.schema[name] != pl.String] + [name for name in TICKS if not rows.schema[name].is_integer()]
    if wrong:
        raise BadInput(
            f"{wrong[0]} is {rows.schema[wrong[0]]}; give amounts and liquidity as decimal text, ticks as integers.",
            field=wrong[0],
            found=str(rows.schema[wrong[0]]),
        )


def _reason() -> pl.Expr:
    """The first thing that is wrong with a row; null when nothing is."""
    null = pl.any_horizontal(pl.col(name).is_null() for name in COLUMNS)
    numbers = [pl.col(name).str.contains(r"^-?[0-9]+$") & (pl.col(name).str.len_bytes() <= LONGEST) for name in AMOUNTS]
    low, high = pl.col("lowestTick"), pl.col("highestTick")
    value = {name: pl.col(name).cast(pl.Decimal(38, 0), strict=False) for name in AMOUNTS}
    # What left the pool is what came in less the net; it cannot be less than nothing.
    impossible = [value[f"inAmount{side}"] < 0 for side in "01"] + [value[f"netAmount{side}"] > value[f"inAmount{side}"] for side in "01"]
    rules = (
        ("missing_value", null),
        ("not_on_the_minute", pl.col("timestamp") != pl.col("timestamp").dt.truncate("1m")),
        ("not_a_whole_number", ~pl.all_horizontal(numbers)),
        ("tick_out_of_range", (low <= MIN_TICK) | (high >= MAX_TICK) | ~pl.col("closeTick").is_between(MIN_TICK + 1, MAX_TICK - 1)),
        ("lowest_above_highest", low > high),
        ("open_outside_range", ~pl.col("openTick").is_between(low, high)),
        ("impossible_amount", pl.any_horizontal(impossible)),
        ("no_liquidity", value["currentLiquidity"] <= 0),
    )
    reason = pl.when(rules[0][1]).then(pl.lit(rules[0][0]))
    for name, rule in rules[1:]:
        reason = reason.when(rule).then(pl.lit(name))
    return reason.otherwise(None)


def _gaps(times: pl.Series) -> tuple[Gap, ...]:
    pairs = pl.DataFrame({"after": times, "until": times.shift(-1)}).filter(pl.col("until") - pl.col("after") > MINUTE)
    return tuple(Gap(after, until) for after, until in pairs.iter_rows())
