"""A canary of made-up orders for the tests: what each arm pays, refuses and takes is said by the test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from domain.sequential import CHALLENGER, CHAMPION
from models.experiments.canary import canary_orders

START = datetime(2026, 3, 1, tzinfo=UTC)


def canary(
    stages: Sequence[tuple[str, int, int]] = (("canary_50", 5_000, 5),),
    saving_bps: float = 0.0,
    noise_bps: float = 5.0,
    base_bps: Sequence[float] = (20.0,),
    per_day: int = 100,
    seed: int = 1,
) -> pl.DataFrame:
    """All orders filled and answered within 100 ms. A stage is (name, share in 10,000, days) and has its own champion's cost."""
    chance = np.random.default_rng(seed)
    frames = []
    day = 0
    for place, (stage, share_bp, days) in enumerate(stages):
        count = days * per_day
        is_challenger = chance.random(count) < share_bp / 10_000
        base = base_bps[min(place, len(base_bps) - 1)]
        frames.append(
            pl.DataFrame(
                {
                    "order_id": [f"{stage}-{n}" for n in range(count)],
                    "ts": [START + timedelta(days=day, seconds=86_400 / per_day * (n + 0.5)) for n in range(count)],
                    "stage": stage,
                    "share_bp": share_bp,
                    "arm": np.where(is_challenger, CHALLENGER, CHAMPION),
                    "filled": 1.0,
                    "cost_bps": base - saving_bps * is_challenger + chance.normal(0, noise_bps, count),
                    "opportunity_bps": None,
                    "rejected": False,
                    "reverted": False,
                    "latency_ms": chance.uniform(50, 100, count),
                }
            )
        )
        day += days
    return pl.concat(frames)


def checked(frame: pl.DataFrame, **columns: pl.Expr | float) -> pl.DataFrame:
    """The orders as the analyses take them, with some columns as the test wants them."""
    return canary_orders(frame.with_columns(**columns))
