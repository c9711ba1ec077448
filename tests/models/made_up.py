"""Made-up frames for any policy of the folder: features and labels of the right names, with something in them to learn."""

from __future__ import annotations

import numpy as np
import polars as pl

from models.execution import COSTS
from models.policy import Policy
from tests.models.order_book import orders


def frame_for(policy: Policy, days: int = 4, seed: int = 3) -> pl.DataFrame:
    """A training frame: orders of `order_book`, and for what that does not know, noise with a share of the first feature."""
    frame = orders(days=days, seed=seed).with_columns(quoted_now_bps=pl.col(COSTS[0]).cast(pl.Float32).cast(pl.Float64))
    chance = np.random.default_rng(seed)
    for name in policy.kind.names:
        if name not in frame.columns:
            frame = frame.with_columns(pl.Series(name, chance.normal(0, 10, frame.height).astype(np.float32).astype(float)))
    first = frame[policy.kind.names[0]].to_numpy()
    for label in policy.labels:
        if label not in frame.columns:
            noisy = 0.5 * first + chance.normal(0, 5, frame.height)
            frame = frame.with_columns(pl.Series(label, (noisy > 4).astype(float) if label == "missed" else noisy))
    return frame


def rows_for(policy: Policy, count: int, seed: int = 11) -> np.ndarray:
    """Vectors nobody learned from, wider than those of the frame; each value is one that a 32-bit float holds."""
    return np.random.default_rng(seed).normal(0, 15, (count, len(policy.kind.features))).astype(np.float32).astype(np.float64)
