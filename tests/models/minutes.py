"""Made-up minute bars in the public files' shape: a price that wanders, or one that repeats itself for a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from models.minute_bars import Bars, sift

START = datetime(2026, 3, 2, tzinfo=UTC)
TICK = 202_000  # about $1,690 a coin, as USDC and WETH stand to each other
LIQUIDITY = 1_400_000_000_000_000_000


def minute_rows(
    minutes: int, repeat: float = 0.0, step: float = 10.0, seed: int = 3, inside: int = 3, liquidity: int = LIQUIDITY
) -> pl.DataFrame:
    """`repeat` is the part of a minute's news that the next minute takes again, once; 0 is a world without direction."""
    rng = np.random.default_rng(seed)
    news = rng.normal(0, step, minutes)
    steps = news + repeat * np.concatenate([[0], news[:-1]])
    opens = TICK + np.concatenate([[0], np.cumsum(steps)[:-1]]).round().astype(int)
    closes = np.concatenate([opens[1:], opens[-1:]])
    flow = rng.integers(0, 10**10, minutes)
    return pl.DataFrame(
        {
            "timestamp": [START + timedelta(minutes=n) for n in range(minutes)],
            "netAmount0": [str(int(value) - 5 * 10**9) for value in flow],
            "netAmount1": [str(-(int(value) - 5 * 10**9) * 10**9) for value in flow],
            "closeTick": closes,
            "openTick": opens,
            "lowestTick": np.minimum(opens, closes) - inside,
            "highestTick": np.maximum(opens, closes) + inside,
            "inAmount0": [str(int(value)) for value in flow],
            "inAmount1": [str(10**19) for _ in flow],
            "currentLiquidity": [str(liquidity)] * minutes,
        },
        schema_overrides={"timestamp": pl.Datetime("us", "UTC"), **dict.fromkeys(TICKS, pl.Int32)},
    )


TICKS = ("closeTick", "openTick", "lowestTick", "highestTick")


def minute_bars(minutes: int, **world: Any) -> Bars:
    return sift(minute_rows(minutes, **world))


def changed(rows: pl.DataFrame, at: int, **values: Any) -> pl.DataFrame:
    """The rows with some values of one of them replaced."""
    here = pl.int_range(pl.len()) == at
    return rows.with_columns(
        pl.when(here).then(pl.lit(value, dtype=rows.schema[name])).otherwise(pl.col(name)).alias(name) for name, value in values.items()
    )
