"""Rows counted by the hour, for the pictures on the asset pages."""

from __future__ import annotations

import polars as pl


def per_hour(times: pl.Series) -> list[float]:
    """How many of the times lie in each hour from the first to the last, quiet hours as zero."""
    if times.is_empty():
        return []
    counted = times.dt.truncate("1h").alias("hour").value_counts(name="count").sort("hour")
    # Upsampling puts the quiet hours in.
    return counted.upsample("hour", every="1h").select(pl.col("count").fill_null(0).cast(pl.Float64))["count"].to_list()
