"""Decimals as text, exactly: from integers and a place of the point, rounded half-even only where the form has no room.

No number here passes through a float, and none is written with an exponent: `1E+18` is not an xs:decimal.
"""

from __future__ import annotations

import re

import polars as pl

from domain.problems import BadInput

_NUMBER = re.compile(r"\s*([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?\s*")


def decimal_text(unscaled: int, scale: int, total: int, fraction: int) -> str | None:
    """`unscaled / 10**scale` with at most `fraction` digits after the point and `total` digits in all; None when its integer part has
    no room. Digits that do not fit after the point are rounded half-even."""
    size = abs(unscaled)
    whole = size // 10**scale if scale > 0 else size
    if scale < 0:
        size, whole, scale = size * 10**-scale, size * 10**-scale, 0
    room = min(fraction, total - len(str(whole)))
    if room < 0:
        return None
    if scale > room:
        step = 10 ** (scale - room)
        size, rest = divmod(size, step)
        if rest * 2 > step or (rest * 2 == step and size % 2):
            size += 1
        scale = room  # a carry such as 9.99 to 10 leaves zeros behind the point, so the room is kept
    digits = str(size)
    if scale:
        digits = digits.zfill(scale + 1)
        tail = digits[-scale:].rstrip("0")
        digits = f"{digits[:-scale]}.{tail}" if tail else digits[:-scale]
    if len(digits.partition(".")[0]) > total:
        return None
    return f"-{digits}" if unscaled < 0 and size else digits


def unscaled(text: str) -> tuple[int, int] | None:
    """The integer and the place of the point of a decimal text; None when it is no number."""
    found = _NUMBER.fullmatch(text)
    if found is None or not (found[2] or found[3]):
        return None
    tail = found[3] or ""
    value = int((found[2] or "") + tail or "0")
    return (-value if found[1] == "-" else value), len(tail) - int(found[4] or 0)


def integers(column: pl.Series) -> list[int | None]:
    """A column of whole numbers as Python integers. Raises BadInput for one that holds something else."""
    if column.dtype.is_integer():
        return column.to_list()
    if isinstance(column.dtype, pl.Decimal) and not column.dtype.scale:
        return [None if value is None else int(value) for value in column.cast(pl.String)]
    if column.dtype == pl.String:
        return [_whole(value) for value in column]
    raise BadInput(f"{column.name} is {column.dtype}; base units are whole numbers.", field=column.name)


def _whole(value: str | None) -> int | None:
    parts = None if value is None else unscaled(value)
    if parts is None or (parts[1] > 0 and parts[0] % 10 ** parts[1]):
        return None
    return parts[0] // 10 ** parts[1] if parts[1] > 0 else parts[0] * 10 ** -parts[1]


def points(column: pl.Series) -> list[tuple[int, int] | None]:
    """A column of decimals as integers with the place of their point; None for a null or a text that is no number.

    Raises BadInput for floats: what they lost cannot be reported.
    """
    if column.dtype.is_integer():
        return [None if value is None else (value, 0) for value in column]
    if isinstance(column.dtype, pl.Decimal) or column.dtype == pl.String:
        return [None if value is None else unscaled(value) for value in column.cast(pl.String)]
    if isinstance(column.dtype, pl.Null):
        return [None] * len(column)
    raise BadInput(f"{column.name} is {column.dtype}; an exact amount is text, an integer or a decimal.", field=column.name)


def plain_text(value: int, scale: int) -> str:
    """All digits of `value / 10**scale`, trailing zeros left out."""
    told = decimal_text(value, scale, 10_000, max(scale, 0))
    return told or "0"
