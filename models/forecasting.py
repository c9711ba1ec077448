"""Trains a forecast and says, by walking forward, how far off it is, beside a baseline that learned nothing but the level."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from models.policies import base_fee, markout, miss
from models.policy import Fitted, Policy, matrix_of
from models.walk_forward import walk_forward

LEAST_ROWS = 200
EMBARGO = timedelta(minutes=10)


def absolute(told: np.ndarray, truth: np.ndarray) -> float:
    """Mean absolute error of the first output."""
    return float(np.abs(truth - told).mean())


def brier(told: np.ndarray, truth: np.ndarray) -> float:
    """Mean squared error of a probability (Brier 1950)."""
    return float(((truth - told) ** 2).mean())


# The score of each forecast's first output, and what stands for "nothing learned": no move at all, or how often it happened so far.
SCORES: Mapping[str, tuple[Callable[[np.ndarray, np.ndarray], float], Callable[[np.ndarray], float]]] = {
    markout.NAME: (absolute, lambda seen: 0.0),
    base_fee.NAME: (absolute, lambda seen: 0.0),
    miss.NAME: (brier, lambda seen: float(seen.mean())),
}


@dataclass(frozen=True, slots=True)
class Forecast:
    """A trained forecast; `error` and `baseline_error` are means over the later days, each answered by a model of the days before."""

    model: Fitted
    rows: int
    judged: int
    error: float
    baseline_error: float


def train_forecast(policy: Policy, frame: pl.DataFrame, seed: int) -> Forecast | None:
    """The forecast learned from all rows; None when they are too few. Raises BadInput when the frame is not what the policy learns from."""
    policy.check(frame)
    frame = frame.sort("arrived_at")
    if frame.height < LEAST_ROWS:
        return None
    score, level = SCORES[policy.name]
    told, known, truth = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    for split in walk_forward(frame["arrived_at"], policy.horizon, EMBARGO):
        past, now = frame[split.learns], frame[split.judges]
        if past.height < LEAST_ROWS // 2:
            continue
        label = policy.labels[0]
        told.append(policy.fit(past, seed).answers(matrix_of(now, policy.kind))[:, 0])
        known.append(np.full(now.height, level(past[label].cast(pl.Float64).to_numpy())))
        truth.append(now[label].cast(pl.Float64).to_numpy())
    truths = np.concatenate(truth)
    errors = [score(np.concatenate(one), truths) if len(truths) else 0.0 for one in (told, known)]
    return Forecast(policy.fit(frame, seed), frame.height, len(truths), errors[0], errors[1])
