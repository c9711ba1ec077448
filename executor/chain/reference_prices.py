"""Prices of an external market, from candle files: a candle's close is a price known at the moment the candle ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl

from domain.problems import BadInput
from executor.chain.layout import TABLES, UTC_TIME, conform
from executor.chain.sieve import find_column, moment

BEFORE, AFTER = timedelta(hours=1), timedelta(hours=2)  # what features look back on, what markouts look forward to


def read_table(file: Path) -> pl.DataFrame:
    """A Parquet file; raises BadInput when it is not there or not one."""
    try:
        return pl.read_parquet(file)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise BadInput(f"{file} cannot be read as Parquet ({error}); give a Parquet file.", field="file", file=str(file)) from error


def window_of(first_day: date, last_day: date) -> tuple[datetime, datetime]:
    """The stretch of prices that a recording of those days needs."""
    start = datetime.combine(first_day, time(), UTC) - BEFORE
    return start, datetime.combine(last_day, time(), UTC) + timedelta(days=1) + AFTER


def read_candles(token: str, file: Path, window: tuple[datetime, datetime]) -> pl.DataFrame:
    """Prices of `token` inside the window, from candles (`date`, `close`) or from ready prices (`timestamp`, `price_usd`).

    Raises BadInput when a column is missing or a price is not a positive number.
    """
    frame = read_table(file)
    ready = "price_usd" in frame.columns
    time_column = find_column(frame, ("timestamp", "date", "time", "open_time"), file.name)
    price_column = "price_usd" if ready else find_column(frame, ("close",), file.name)
    source = pl.col("source") if ready and "source" in frame.columns else pl.lit(file.stem)
    prices = frame.select(
        timestamp=moment(frame, time_column, file.name).value.cast(UTC_TIME), price_usd=pl.col(price_column).cast(pl.Float64), source=source
    ).sort("timestamp")
    bad = prices.filter(~(pl.col("price_usd").is_finite() & (pl.col("price_usd") > 0)) | pl.any_horizontal(pl.all().is_null()))
    if bad.height:
        raise BadInput(
            f"{file.name}: {bad.height} rows have no positive {price_column} or no time ({bad['timestamp'][0]}); leave those rows out.",
            field=price_column,
        )
    if not ready:
        if prices.height < 2:
            raise BadInput(f"{file.name} holds {prices.height} candles; two are needed to know how long one lasts.", field=time_column)
        prices = prices.with_columns(pl.col("timestamp") + prices["timestamp"].diff().drop_nulls().min())
    inside = prices.filter(pl.col("timestamp").is_between(*window))
    if not inside.height:
        raise BadInput(f"{file.name} holds no price between {window[0]} and {window[1]}; give a file of those days.", field=time_column)
    return inside.select(token=pl.lit(token), timestamp="timestamp", price_usd="price_usd", source="source")


def assumed_dollars(tokens: Iterable[str], prices: pl.DataFrame) -> pl.DataFrame:
    """One dollar for each of `tokens` at every moment another price is known; the source says that it is assumed."""
    moments = prices.select(pl.col("timestamp").unique().sort())
    frames = [moments.select(token=pl.lit(token), timestamp="timestamp", price_usd=1.0, source=pl.lit("assumed")) for token in tokens]
    return pl.concat([TABLES["prices"].empty(), *frames])


def read_prices(file: Path) -> pl.DataFrame:
    """A file that is already in the shape of a recording's prices."""
    return conform("prices", read_table(file), where=str(file))


def all_prices(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Several price tables as one, each token and moment once."""
    return pl.concat([TABLES["prices"].empty(), *frames]).unique(["token", "timestamp"], keep="first", maintain_order=True)
