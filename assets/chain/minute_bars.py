"""Minute bars of concentrated pools, from their swaps: what moved, and where the tick stood; exact."""

from __future__ import annotations

import polars as pl


def minute_bars(swaps: pl.DataFrame) -> pl.DataFrame:
    """One row per pool and minute with swaps; `swaps` are rows of the table of that name.

    Net amounts are the pool's change in base units, `in` amounts what it received; ticks and liquidity are those after each swap.
    """
    return (
        swaps.filter(pl.col("protocol") == "concentrated")
        .sort("pool", "block_number", "log_index")
        .group_by("pool", pl.col("block_time").dt.truncate("1m").alias("minute"), maintain_order=True)
        .agg(
            net_amount0=pl.col("amount0").sum(),
            net_amount1=pl.col("amount1").sum(),
            in_amount0=pl.col("amount0").clip(lower_bound=0).sum(),
            in_amount1=pl.col("amount1").clip(lower_bound=0).sum(),
            open_tick=pl.col("tick").first(),
            close_tick=pl.col("tick").last(),
            lowest_tick=pl.col("tick").min(),
            highest_tick=pl.col("tick").max(),
            current_liquidity=pl.col("liquidity").last(),
            swaps=pl.len(),
        )
    )
