"""Prices of the external market at a moment: the last one known then, or none when that is too old.

A price that is asked for after the market's record ends is not there; it is never replaced by the last one that was seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

import polars as pl

MAX_PRICE_AGE = timedelta(minutes=10)


def with_prices(
    frame: pl.DataFrame, prices: pl.DataFrame, wanted: Mapping[str, tuple[str, timedelta]], at: str = "block_time"
) -> pl.DataFrame:
    """The frame with one price column for each entry of `wanted`: name → (column of token addresses, how long after `at`).

    `prices` has token, price_time and price_usd. The rows come back ordered by `at`.
    """
    left = frame if frame[at].is_sorted() else frame.sort(at, maintain_order=True)
    right = _in_reach(prices.select("token", "price_time", "price_usd"), left[at], [later for _, later in wanted.values()])
    for name, (token, later) in wanted.items():
        left = (
            left.with_columns((pl.col(at) + later).alias(_ASKED))
            .join_asof(
                right.rename({"token": _TOKEN, "price_usd": name, "price_time": _KNOWN}),
                left_on=_ASKED,
                right_on=_KNOWN,
                by_left=token,
                by_right=_TOKEN,
                tolerance=MAX_PRICE_AGE,
                check_sortedness=False,  # both sides are in order; Polars cannot check it within groups
            )
            .drop(_ASKED, _KNOWN)
        )
    return left


def _in_reach(prices: pl.DataFrame, moments: pl.Series, later: Sequence[timedelta]) -> pl.DataFrame:
    """The prices that some moment can ask for, in order; `moments` are in order too."""
    ordered = prices if prices["price_time"].is_sorted() else prices.sort("price_time")
    if moments.is_empty():
        return ordered.clear()
    first, last = moments[0] + min(later) - MAX_PRICE_AGE, moments[-1] + max(later)
    known = ordered["price_time"]
    start = known.search_sorted(first, "left")
    return ordered.slice(start, known.search_sorted(last, "right") - start)


_ASKED, _KNOWN, _TOKEN = "asked_for", "known_at", "priced_token"
