"""Setting a row aside: the whole row as JSON with the reason, in the shape of the quarantine table.

What the lake's boundary would refuse a whole table for, such as an address that is none, is set aside row by row before.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.boundaries import rules
from domain.schemas import TEXT, Table


def rows_as_json(frame: pl.DataFrame, names: Sequence[str], source: str, row_key: pl.Expr) -> pl.DataFrame:
    """The frame's rows, which carry `reason`, `detail` and `day`, as rows of the quarantine."""
    readable = [_readable(pl.col(name), dtype) for name, dtype in frame.schema.items() if name in names]
    return frame.select(
        source=pl.lit(source, TEXT),
        reason=pl.col("reason").cast(TEXT),
        detail=pl.col("detail").cast(TEXT),
        row_key=row_key.cast(TEXT),
        row_json=pl.struct(readable).struct.json_encode(),
        day="day",
    )


def is_malformed(table: Table) -> pl.Expr:
    """Whether a row of the table breaks a rule of the lake's boundary."""
    return ~pl.all_horizontal(*(rule.every_row() for rule in rules(table)), pl.lit(True))


def malformed_columns(table: Table) -> pl.Expr:
    """The columns in which a row breaks a rule, with what is asked for, as text."""
    broken = [
        pl.when(~rule.holds(column).fill_null(True)).then(pl.lit(f"{column} must be {rule.asks}"))
        for rule in rules(table)
        for column in rule.columns
    ]
    return pl.concat_str(broken, separator="; ", ignore_nulls=True)


def _readable(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Binary:
        return pl.concat_str(pl.lit("0x"), column.bin.encode("hex")).alias(column.meta.output_name())
    return column.cast(TEXT) if dtype.is_decimal() or dtype.is_temporal() else column
