"""The probability that an order's plan, sent as it stands, gives less than its minimum one block later and so reverts.

A logistic regression, and a calibration after it (Platt 1999) on later orders than it learned from: where it says a tenth, a tenth missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from domain.bundles import INPUT
from domain.kinds import MISS
from models.graphs import graph_of
from models.policy import Policy, matrix_of

NAME = "miss"
DESCRIPTION = "Whether the plan would miss its minimum output one block later."
LABEL = "missed"
# The later part of the orders, which calibrates what the earlier part taught.
CALIBRATION_SHARE = 0.3
FURTHEST = 4.0
# Fewer of either kind teach a regression nothing; then the answer is how often it happened, with Laplace's one of each added.
LEAST_OF_EACH = 10


@dataclass(frozen=True, slots=True)
class Logistic:
    """Calibrated log odds, linear in bounded features."""

    low: np.ndarray
    high: np.ndarray
    weights: np.ndarray
    bias: float

    def answers(self, rows: np.ndarray) -> np.ndarray:
        return _sigmoid(np.clip(rows, self.low, self.high) @ self.weights.astype(np.float64) + np.float32(self.bias))

    def export(self) -> bytes:
        from onnx import helper

        nodes = [
            helper.make_node("Max", [INPUT, "low"], ["raised"]),
            helper.make_node("Min", ["raised", "high"], ["bounded"]),
            helper.make_node("Gemm", ["bounded", "weights", "bias"], ["odds"]),
            helper.make_node("Sigmoid", ["odds"], [MISS.tensor]),
        ]
        constants = {"low": self.low[None], "high": self.high[None], "weights": self.weights, "bias": np.array([self.bias], np.float32)}
        return graph_of(MISS, NAME, nodes, constants)


def fit(frame: pl.DataFrame, seed: int) -> Logistic:
    """The regression of the earlier orders, calibrated on the later ones."""
    from sklearn.linear_model import LogisticRegression

    orders = frame.sort("arrived_at")
    rows, missed = matrix_of(orders, MISS), orders[LABEL].cast(pl.Float64).to_numpy()
    middle, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    low, high = ((middle + end * spread).astype(np.float32) for end in (-FURTHEST, FURTHEST))
    scaled = (np.clip(rows, low, high) - middle) / spread
    cut = int(len(rows) * (1 - CALIBRATION_SHARE))
    weights, bias = np.zeros(rows.shape[1]), _log_odds((missed.sum() + 1) / (len(missed) + 2))
    if min(missed[:cut].sum(), cut - missed[:cut].sum()) >= LEAST_OF_EACH:
        learned = LogisticRegression(C=0.1, random_state=seed, max_iter=500).fit(scaled[:cut], missed[:cut])
        odds = scaled @ learned.coef_[0] + learned.intercept_[0]
        slope, shift = platt(odds[cut:], missed[cut:])
        weights, bias = slope * learned.coef_[0], slope * learned.intercept_[0] + shift
    folded = weights / spread
    return Logistic(low, high, folded[:, None].astype(np.float32), float(bias - middle @ folded))


def platt(odds: np.ndarray, happened: np.ndarray) -> tuple[float, float]:
    """Slope and shift of the log odds under which the probabilities fit best; Platt's targets, a little inside of 0 and 1."""
    from scipy.optimize import minimize

    yes, no = happened.sum(), len(happened) - happened.sum()
    targets = np.where(happened > 0, (yes + 1) / (yes + 2), 1 / (no + 2))

    def loss(parts: np.ndarray) -> float:
        told = parts[0] * odds + parts[1]
        return float(np.sum(np.logaddexp(0, told) - targets * told))

    # A negative slope would turn the forecast round: then nothing was learned, and only the level is kept.
    found = minimize(loss, np.array([1.0, 0.0]), bounds=[(0.0, 10.0), (-20.0, 20.0)], method="L-BFGS-B").x
    return float(found[0]), float(found[1])


def _sigmoid(odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-np.clip(odds, -80, 80)))


def _log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


POLICY = Policy(NAME, DESCRIPTION, MISS, (LABEL,), timedelta(seconds=12), fit)
