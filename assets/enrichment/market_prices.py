"""Reference prices around some days: from shortly before the first to an hour past the last.

A markout looks an hour ahead, past midnight too. What lies beyond the run's own days is therefore asked of the source of the prices
and not of the table, so that a day gives the same rows whether its neighbours were already there or not.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import polars as pl

from assets.chain import reference_prices
from assets.chain.price_sources import PricedToken
from assets.chain.recorded_chain import RecordedChain
from assets.enrichment.price_lookup import MAX_PRICE_AGE
from assets.partitions import Span
from assets.warehouse import Warehouse

LONGEST_MARKOUT = timedelta(hours=1)


def market_prices(warehouse: Warehouse, recorded_chain: RecordedChain, span: Span) -> pl.DataFrame:
    """Token, price_time and price_usd of the span's days and of what a look back or ahead from them can need."""
    source, recording = recorded_chain.price_source(), recorded_chain.recording()
    tokens = [PricedToken(token, symbol) for token, symbol in recording.tokens().select("address", "reference_symbol").iter_rows()]
    first, after_last = _midnight(span.first), _midnight(span.last + timedelta(days=1))
    around = [(first - MAX_PRICE_AGE, first), (after_last, after_last + LONGEST_MARKOUT)]
    neighbours = [source.prices(tokens, start, end).select("token", "price_usd", price_time="timestamp") for start, end in around]
    usable = pl.col("price_usd").is_finite() & (pl.col("price_usd") > 0)
    inside = warehouse.read(reference_prices.TABLE, span)
    parts = [frame.filter(usable).select("token", "price_time", "price_usd") for frame in (inside, *neighbours)]
    return pl.concat(parts).unique(["token", "price_time"], keep="first", maintain_order=True).sort("price_time", "token")


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
