"""Trades and liquidity of one centre, by hand, on the market of the enrichment tests."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from assets.chain import liquidity_events
from assets.profit.postings import valued_liquidity, valued_trades
from tests.assets.enrichment.market import DAY, MIDNIGHT, POOL, POOLS, frame_of, prices, trades

FLAT = prices({seconds: 3000.0 for seconds in range(0, 3600, 60)})


def moved(kind: str, block: int, weth: float, usdc: float, liquidity: int | None = None, **said: Any) -> dict[str, Any]:
    """A mint, burn or collect of whole tokens."""
    amounts = {"amount0": Decimal(round(weth * 1e18)), "amount1": Decimal(round(usdc * 1e6))}
    where = {
        "chain_id": 1,
        "block_number": block,
        "log_index": 0,
        "block_time": MIDNIGHT + timedelta(seconds=block),
        "day": DAY,
        "pool": POOL,
    }
    ticks = {"tick_lower": -600, "tick_upper": 600}
    units = {"liquidity": None if liquidity is None else Decimal(liquidity)}
    return {**where, **amounts, **ticks, **units, "kind": kind, "protocol": "concentrated", "tx_hash": f"0x{block}", **said}


def liquidity(*rows: dict[str, Any], center: str = "DeFi-Yield", market: pl.DataFrame = FLAT) -> pl.DataFrame:
    events = frame_of(liquidity_events.TABLE, *rows).with_columns(center=pl.lit(center))
    return valued_liquidity(events, POOLS, market)


def valued(*rows: dict[str, Any], market: pl.DataFrame = FLAT) -> pl.DataFrame:
    return valued_trades(trades(*rows), market)
