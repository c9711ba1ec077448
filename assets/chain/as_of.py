"""What a token cost at a moment: the last price known by then, never one from later, never one older than a day."""

from __future__ import annotations

from datetime import timedelta

import dagster as dg
import polars as pl

# A price from the day before still counts in the first minutes; more than a day old it would depend on which days a run covers.
OLDEST = timedelta(days=1)


def with_the_day_before(table: str) -> dg.AssetDep:
    """A daily table that is read for the run's days and the day before the first."""
    return dg.AssetDep(
        table, partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=0, allow_nonexistent_upstream_partitions=True)
    )


def price_at(rows: pl.DataFrame, prices: pl.DataFrame, *, token: str, at: str, name: str) -> pl.DataFrame:
    """The rows with a column `name`: dollars per whole token of column `token` at the time of column `at`; null when unknown.

    `prices` are rows of `reference_prices`. The rows come back in their own order.
    """
    known = prices.select(pl.col("token").alias(token), pl.col("price_time").alias(at), pl.col("price_usd").alias(name)).sort(at)
    numbered = rows.with_row_index("__row").sort(at)
    joined = numbered.join_asof(known, on=at, by=token, strategy="backward", tolerance=OLDEST, check_sortedness=False)
    return joined.sort("__row").drop("__row")
