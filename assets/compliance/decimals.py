"""Numbers as the text that a report prints: exact from integers, or from a float by a rule that is said."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Any

PRICE_PLACES = 18
_WIDE = Context(prec=120, rounding=ROUND_HALF_EVEN)


def ratio_texts(
    above: Iterable[Any], decimals_above: Iterable[Any], below: Iterable[Any], decimals_below: Iterable[Any]
) -> list[str | None]:
    """Whole units of `above` for one whole unit of `below`, amounts being in base units: 18 places, half-even.

    None where one is unknown or `below` is nothing. No float is on the way.
    """
    rows = zip(above, decimals_above, below, decimals_below, strict=True)
    return [None if None in row or not row[2] else ratio_text(int(row[0]), int(row[1]), int(row[2]), int(row[3])) for row in rows]


def ratio_text(above: int, decimals_above: int, below: int, decimals_below: int) -> str:
    """One ratio of `ratio_texts`; the amounts are not negative and `below` is not nothing."""
    whole, rest = divmod(above * 10 ** (decimals_below + PRICE_PLACES), below * 10**decimals_above)
    half = 2 * rest - below * 10**decimals_above
    whole += half > 0 or (half == 0 and whole % 2 == 1)
    return f"{whole // 10**PRICE_PLACES}.{whole % 10**PRICE_PLACES:0{PRICE_PLACES}d}"


def float_texts(values: Iterable[float | None], places: int) -> Iterator[str | None]:
    """Floats as decimals: the shortest text that reads back as the float, rounded half-even to so many places."""
    unit = Decimal(1).scaleb(-places)
    for value in values:
        yield None if value is None else format(Decimal(repr(value)).quantize(unit, context=_WIDE), "f")


def product_text(text: str, factor: str, places: int) -> str:
    """Two decimals multiplied exactly and rounded half-even to so many places."""
    return format(_WIDE.multiply(Decimal(text), Decimal(factor)).quantize(Decimal(1).scaleb(-places), context=_WIDE), "f")
