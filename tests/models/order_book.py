"""Made-up orders for the models' tests: what waiting brings depends on the deviation, on noise, or on nothing at all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from domain.features import NAMES
from models.training import COSTS, WAIT_RESIDUAL

START = datetime(2026, 1, 5, tzinfo=UTC)


def orders(days: int = 5, per_day: int = 150, truth: float = 0.8, noise_bps: float = 5.0, seed: int = 3) -> pl.DataFrame:
    """`truth` is the part of the deviation that a wait gives back; 0 is a world where waiting brings nothing but noise."""
    rng = np.random.default_rng(seed)
    count = days * per_day
    features = {name: rng.normal(0, 10, count).astype(np.float32).astype(float) for name in NAMES}
    features["split_saving_bps"] = np.minimum(rng.normal(-2, 3, count), 8).astype(np.float32).astype(float)
    now = 20 + features["deviation_bps"] + rng.normal(0, 1, count)
    split = now - features["split_saving_bps"]
    residual = truth * features["deviation_bps"] + rng.normal(0, noise_bps, count)
    return pl.DataFrame(
        {
            "order_id": [f"{n:05d}" for n in range(count)],
            "arrived_at": [START + timedelta(minutes=1440 / per_day * n) for n in range(count)],
            **features,
            COSTS[0]: now,
            COSTS[1]: split,
            COSTS[2]: np.minimum(now, split) - residual,
            WAIT_RESIDUAL: residual,
        },
        schema_overrides={"arrived_at": pl.Datetime("us", "UTC")},
    )
