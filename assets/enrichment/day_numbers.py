"""Numbers that belong to one day each, told to Dagster day by day, so that their plots show days also after a run over many."""

from __future__ import annotations

import dagster as dg
import polars as pl


def tell_day_numbers(context: dg.AssetExecutionContext, numbers: pl.DataFrame) -> None:
    """Puts each row's numbers on its day's materialisation; `numbers` has `day` and one column for each number. Nulls are left out."""
    for row in numbers.sort("day").iter_rows(named=True):
        day = row.pop("day")
        context.add_asset_metadata({name: value for name, value in row.items() if value is not None}, partition_key=day.isoformat())
