"""Minute bars: sums and ticks that can be checked in the head."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import polars as pl

from assets.chain.hourly import per_hour
from assets.chain.minute_bars import minute_bars
from tests.assets.chain.frames import events
from tests.assets.chain.small_chain import PAIR, V3, SmallChain

TIME = pl.Datetime("us", "UTC")


def test_a_bar_adds_up_its_swaps_in_the_chains_order():
    rows = [
        (V3, "concentrated", 2, 0, datetime(2026, 1, 5, 0, 0, 40, tzinfo=UTC), Decimal(-4), Decimal(9), 7, Decimal(50)),
        (V3, "concentrated", 1, 3, datetime(2026, 1, 5, 0, 0, 10, tzinfo=UTC), Decimal(10), Decimal(-5), 5, Decimal(40)),
        (V3, "concentrated", 3, 0, datetime(2026, 1, 5, 0, 1, 0, tzinfo=UTC), Decimal(1), Decimal(-1), 6, Decimal(50)),
        (PAIR, "constant_product", 1, 0, datetime(2026, 1, 5, 0, 0, 10, tzinfo=UTC), Decimal(1), Decimal(-1), None, None),
    ]
    names = ["pool", "protocol", "block_number", "log_index", "block_time", "amount0", "amount1", "tick", "liquidity"]
    schema = dict.fromkeys(("amount0", "amount1", "liquidity"), pl.Decimal(38, 0)) | {"block_time": TIME}
    first, second = minute_bars(pl.DataFrame(rows, schema=names, orient="row", schema_overrides=schema)).to_dicts()
    assert (first["net_amount0"], first["net_amount1"], first["in_amount0"], first["in_amount1"]) == (6, 4, 10, 9)
    assert (first["open_tick"], first["close_tick"], first["lowest_tick"], first["highest_tick"]) == (5, 7, 5, 7)
    assert (first["current_liquidity"], first["swaps"], second["swaps"]) == (50, 2, 1)


def test_bars_of_the_chain_add_up_to_its_swaps(chain: SmallChain):
    swaps, _ = events(chain)
    told = swaps.filter(pl.col("protocol") == "concentrated")
    bars = minute_bars(swaps)
    assert bars["net_amount1"].sum() == told["amount1"].sum() and bars["swaps"].sum() == told.height


def test_quiet_hours_count_as_zero():
    times = pl.Series([datetime(2026, 1, 5, hour, 30, tzinfo=UTC) for hour in (1, 1, 4)], dtype=TIME)
    assert per_hour(times) == [2.0, 0.0, 0.0, 1.0]
    assert per_hour(times.clear()) == []
