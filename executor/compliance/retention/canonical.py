"""Rows as bytes that hash the same in any year, with any library: what a move compares, and what an auditor can compute again.

The rows are sorted by their key. First come the columns, one `name:type` a line; then one line for each row, its values in the order of
the columns, each as `LENGTH:VALUE,` in UTF-8 with the length in bytes, null as `-,`. Whole numbers and decimals are written out, booleans
are true or false, dates ISO 8601, times microseconds since 1970 in UTC, floats the whole number that their 64 bits spell, bytes hex.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from domain.problems import BadInput

ROWS_AT_ONCE = 50_000


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What a set of rows comes to: how many, their hash, and the first and last key as text."""

    rows: int
    sha256: str
    first_key: tuple[str, ...]
    last_key: tuple[str, ...]


def fingerprint(rows: pl.DataFrame, key: Sequence[str]) -> Fingerprint:
    """The rows' count, hash, first and last key. Raises BadInput for a column that has no plain values, and for a key that repeats."""
    if rows.select(key).is_duplicated().any():
        raise BadInput(f"The key {', '.join(key)} stands twice in the rows; they cannot be told apart.", field="key")
    ordered = rows.sort(key)
    digest = hashlib.sha256("".join(f"{name}:{dtype}\n" for name, dtype in ordered.schema.items()).encode())
    for part in ordered.iter_slices(ROWS_AT_ONCE):
        texts = [_text(part[name]) for name in part.columns]
        lines = pl.select(pl.concat_str([_framed(one) for one in texts])).to_series() if texts else pl.Series([], dtype=pl.String)
        digest.update("".join(f"{line}\n" for line in lines).encode())
    ends = ordered.select(_text(ordered[name]).alias(name) for name in key)
    first, last = (ends.row(0), ends.row(-1)) if ends.height else ((), ())
    return Fingerprint(ordered.height, digest.hexdigest(), first, last)


def _framed(text: pl.Series) -> pl.Expr:
    value = pl.lit(text)
    return (
        pl.when(value.is_null())
        .then(pl.lit("-,"))
        .otherwise(pl.concat_str(value.str.len_bytes().cast(pl.String), pl.lit(":"), value, pl.lit(",")))
    )


def _text(column: pl.Series) -> pl.Series:
    dtype = column.dtype
    if dtype == pl.Binary:
        return column.bin.encode("hex")
    if dtype.is_float():
        bits = pl.Series(column.name, column.cast(pl.Float64).to_numpy().astype(np.float64).view(np.int64))
        return pl.select(pl.when(column.is_not_null()).then(bits.cast(pl.String))).to_series().alias(column.name)
    if isinstance(dtype, pl.Datetime):
        return column.dt.epoch("us").cast(pl.String)
    if dtype == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if dtype.is_nested() or dtype in (pl.Object, pl.Time, pl.Duration):
        raise BadInput(f"Column {column.name} holds {dtype}, which has no plain form here; keep it as text.", field=column.name)
    return column.cast(pl.String)
