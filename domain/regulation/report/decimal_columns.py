"""Whole columns of decimals as text: what `exact_decimals` does for one number, done for all rows at once on their digits.

A row whose digits do not fit 128 bits, or whose text is unusual, is left to the exact arithmetic of Python; the answers are the same.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from domain.regulation.report.exact_decimals import decimal_text, integers, points

_ORDINARY = r"^-?[0-9]+(\.[0-9]+)?$"
_FITS = 38
Point = tuple[int, int] | None


def decimal_texts(column: pl.Series, total: int, fraction: int) -> pl.Series:
    """Decimals with at most `fraction` digits after the point and `total` in all; null for what is none or has no room.

    Raises BadInput for floats.
    """
    if not (column.dtype == pl.String or isinstance(column.dtype, pl.Decimal) or column.dtype.is_integer()):
        return _one_by_one(points(column), total, fraction)
    told = column.cast(pl.String).alias("_").to_frame()
    parts = told.select(
        pl.col("_").str.contains(_ORDINARY).fill_null(False).alias("ordinary"),
        pl.col("_").str.starts_with("-").alias("negative"),
        pl.col("_").str.strip_prefix("-").str.extract(r"^0*([0-9]+)").alias("whole"),
        pl.col("_").str.extract(r"\.([0-9]*)$").fill_null("").str.strip_chars_end("0").alias("tail"),
    )
    return _with_the_rest(parts, total, fraction, lambda rows: points(column.gather(rows)))


def unit_texts(column: pl.Series, places: pl.Series, total: int, fraction: int) -> pl.Series:
    """Base units with `places` digits after the point, as `decimal_texts` writes them; null where a part is missing."""
    if column.dtype == pl.String or not (isinstance(column.dtype, pl.Decimal) or column.dtype.is_integer()):
        return _one_by_one(pairs(column, places), total, fraction)
    told = pl.DataFrame({"_": column.cast(pl.String), "places": places.cast(pl.Int64)})
    known = pl.col("_").is_not_null() & pl.col("places").is_between(0, 255)
    told = told.with_columns(known.fill_null(False).alias("known"), pl.col("places").clip(0, 255))
    digits = pl.col("_").str.strip_prefix("-").str.zfill(pl.col("places") + 1)
    parts = told.select(
        pl.col("known").alias("ordinary"),
        pl.col("_").str.starts_with("-").alias("negative"),
        digits.str.head(digits.str.len_bytes().cast(pl.Int64) - pl.col("places")).alias("whole"),
        digits.str.tail(pl.col("places")).str.strip_chars_end("0").alias("tail"),
    )
    return _with_the_rest(parts, total, fraction, lambda rows: pairs(column.gather(rows), places.gather(rows)))


def _with_the_rest(parts: pl.DataFrame, total: int, fraction: int, exactly: Callable[[pl.Series], list[Point]]) -> pl.Series:
    room = pl.min_horizontal(pl.lit(fraction), pl.lit(total) - pl.col("whole").str.len_bytes().cast(pl.Int64))
    parts = parts.with_columns(room.alias("room"), pl.col("tail").str.len_bytes().cast(pl.Int64).alias("size"))
    easy = pl.col("ordinary") & (pl.col("room") >= 0) & (pl.col("size") <= pl.col("room"))
    short = pl.col("whole").str.len_bytes().cast(pl.Int64) + pl.col("room") < _FITS
    parts = parts.with_columns(
        easy.fill_null(False).alias("easy"),
        (pl.col("ordinary") & (pl.col("room") >= 0) & (pl.col("size") > pl.col("room")) & short).fill_null(False).alias("rounds"),
    )
    texts = parts.select(pl.when("easy").then(_joined("negative", "whole", "tail")))[:, 0]
    if parts["rounds"].any():
        texts = texts.scatter(parts["rounds"].arg_true(), _rounded(parts.filter("rounds"), total))
    odd = ~(parts["easy"] | parts["rounds"])
    if odd.any():
        rows = odd.arg_true()
        texts = texts.scatter(rows, _one_by_one(exactly(rows), total, fraction))
    return texts


def _joined(negative: str, whole: str, tail: str) -> pl.Expr:
    number = pl.when(pl.col(tail) == "").then(pl.col(whole)).otherwise(pl.concat_str(whole, pl.lit("."), tail))
    return pl.when(pl.col(negative) & (number != "0")).then(pl.lit("-") + number).otherwise(number)


def _rounded(parts: pl.DataFrame, total: int) -> pl.Series:
    """Half-even: the digits that stay as one integer, one more where the rest is over half, or half and the last digit is odd."""
    kept = pl.concat_str("whole", pl.col("tail").str.head(pl.col("room")))
    rest = pl.col("tail").str.slice(pl.col("room"))
    first = rest.str.head(1)
    odd = kept.str.tail(1).is_in(["1", "3", "5", "7", "9"])
    up = (first > "5") | ((first == "5") & ((rest.str.len_bytes() > 1) | odd))
    more = parts.select(
        "negative",
        "room",
        (kept.cast(pl.Int128) + up.cast(pl.Int128)).cast(pl.String).str.zfill(pl.col("room") + 1).alias("digits"),
    )
    split = more.select(
        "negative",
        pl.col("digits").str.head(pl.col("digits").str.len_bytes().cast(pl.Int64) - pl.col("room")).alias("whole"),
        pl.col("digits").str.tail(pl.col("room")).str.strip_chars_end("0").alias("tail"),
    )
    return split.select(pl.when(pl.col("whole").str.len_bytes() <= total).then(_joined("negative", "whole", "tail")))[:, 0]


def pairs(column: pl.Series, places: pl.Series) -> list[Point]:
    """Base units as integers, each with the place of its point; None where a part is missing."""
    both = zip(integers(column), integers(places), strict=True)
    return [None if value is None or place is None or not 0 <= place <= 255 else (value, place) for value, place in both]


def _one_by_one(values: list[Point], total: int, fraction: int) -> pl.Series:
    return pl.Series([None if value is None else decimal_text(*value, total, fraction) for value in values], dtype=pl.String)
