"""Reference prices: what each token costs in dollars on the external market."""

from datetime import UTC, date, datetime, time, timedelta

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import tokens
from assets.chain.price_sources import PricedToken
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import CHAIN, DATE, RATIO, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "reference_prices",
    row="One token at one moment.",
    columns=columns(
        CHAIN,
        Column("token", TEXT, "Address of the token."),
        Column("symbol", TEXT, "Symbol of the token."),
        Column("price_time", TIME, "Moment the price was known, UTC."),
        Column("price_usd", RATIO, "Dollars per whole token."),
        Column("source", TEXT, "Where the price comes from."),
        DATE,
    ),
    key=(
        "token",
        "price_time",
    ),
)


# What looks back from the first minutes and ahead from the last lies with the first and the last day.
BEFORE_THE_FIRST_DAY, AFTER_THE_LAST_DAY = timedelta(days=1), timedelta(hours=2)
LONGEST_SILENCE = timedelta(minutes=10)


def reference_prices_of(
    prices: pl.DataFrame, tokens_: pl.DataFrame, chain_id: int, first_day: date, last_day: date, span: Span
) -> pl.DataFrame:
    """Prices of a source as rows of this table, each token and moment once, for the span's days."""
    return (
        prices.rename({"timestamp": "price_time"})
        .filter(pl.col("price_usd").is_finite() & (pl.col("price_usd") > 0))
        .unique(["token", "price_time"], keep="first", maintain_order=True)
        .join(tokens_.select("token", "symbol"), on="token")
        .with_columns(chain_id=pl.lit(chain_id, pl.Int64), day=pl.col("price_time").dt.date().clip(first_day, last_day))
        .filter(pl.col("day").is_between(span.first, span.last))
        .select(TABLE.names)
    )


def window_of(first_day: date, last_day: date, span: Span) -> tuple[datetime, datetime]:
    """From when to when prices are asked for."""
    start = datetime.combine(span.first, time(), UTC) - (BEFORE_THE_FIRST_DAY if span.first == first_day else timedelta())
    end = datetime.combine(span.last, time(), UTC) + timedelta(days=1)
    return start, end + (AFTER_THE_LAST_DAY if span.last == last_day else timedelta())


@daily(TABLE, deps=[tokens.tokens])
def reference_prices(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """What each token costs in dollars on the external market.

    From the recording, or from an exchange through ccxt when the setting says so. The hours just before the first day
    and just after the last lie with those days.
    """
    recording = recorded_chain.recording()
    first, last = recording.days[0], recording.days[-1]
    span = inside_days(recording, Span.of(context))
    known = warehouse.read(tokens.TABLE)
    asked = [PricedToken(*row) for row in known.select("token", "reference_symbol").iter_rows()]
    prices = recorded_chain.price_source().prices(asked, *window_of(first, last, span))
    rows = reference_prices_of(prices, known, recording.chain_id, first, last, span)
    charts = {f"{symbol}_usd": _chart(rows, symbol) for symbol in rows["symbol"].unique().sort()}
    without = known.filter(~pl.col("token").is_in(rows["token"].unique().implode()))["symbol"].sort()
    return warehouse.write(TABLE, rows, context, tokens_without_price=", ".join(without), **charts)


def _chart(rows: pl.DataFrame, symbol: str) -> dg.MarkdownMetadataValue:
    return pictures.sparkline(rows.filter(pl.col("symbol") == symbol).sort("price_time")["price_usd"].to_list(), f"{symbol} in USD")


@dg.asset_check(asset=reference_prices)
def no_token_goes_ten_minutes_without_a_price(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each token that has prices has one at least every ten minutes, so no trade is valued at a stale price."""
    rows = warehouse.scan(TABLE, Span.of(context)).sort("price_time")
    silences = rows.group_by("symbol").agg(longest=pl.col("price_time").diff().max()).collect()
    long = silences.filter(pl.col("longest") > LONGEST_SILENCE)
    longest = silences["longest"].max()
    return dg.AssetCheckResult(
        passed=long.is_empty(),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "longest_silence_seconds": longest.total_seconds() if isinstance(longest, timedelta) else 0.0,
            "tokens": ", ".join(long["symbol"].sort()),
        },
    )
