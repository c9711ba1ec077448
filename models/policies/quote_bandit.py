"""A challenger that learns as it goes: a discounted bandit on what actions cost beyond their quotes, and a way back to the quote.

It goes through the orders once, in their order, and sees only the cost of the action it took, as it would when trading. What a bundle
holds is its state after the last order: a linear offset to the quote for each action.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import polars as pl

from domain.bundles import ACTIONS, INPUT, OUTPUT
from domain.features import NAMES
from domain.kinds import EXECUTION
from models.bandit import QuoteOffsetBandit, Settings
from models.execution import COSTS, quotable, quotable_nodes
from models.graphs import graph_of
from models.policy import Policy, matrix_of

NAME = "quote_bandit"
DESCRIPTION = "Take what is quotable from the quote, learn each action's offset order by order, fall back to the quote when that changes."

SETTINGS = Settings(explore=0.1)
LARGEST_LESSON_BPS = 100.0
# A feature counts at most this many of its own deviations: the offset is linear, and a line knows no end.
FURTHEST = 4.0


@dataclass(frozen=True, slots=True)
class QuoteBandit:
    """A snapshot. `weights` and `bias` are each action's saving beyond its quote; `log` says what was done in training and how likely it
    was, so that other policies can be judged by it; `fallbacks` are the orders at which it fell back to the quote."""

    low: np.ndarray
    high: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    log: pl.DataFrame
    fallbacks: tuple[int, ...]

    def answers(self, rows: np.ndarray) -> np.ndarray:
        return quotable(rows) + np.clip(rows, self.low, self.high) @ self.weights.astype(np.float64) + self.bias

    def export(self) -> bytes:
        from onnx import helper

        nodes, constants = quotable_nodes("quotable")
        nodes += [
            helper.make_node("Max", [INPUT, "low"], ["raised"]),
            helper.make_node("Min", ["raised", "high"], ["bounded"]),
            helper.make_node("Gemm", ["bounded", "weights", "bias"], ["learned"]),
            helper.make_node("Add", ["quotable", "learned"], [OUTPUT]),
        ]
        constants |= {"low": self.low[None], "high": self.high[None], "weights": self.weights, "bias": self.bias}
        return graph_of(EXECUTION, NAME, nodes, constants)


def fit(frame: pl.DataFrame, seed: int, settings: Settings = SETTINGS) -> QuoteBandit:
    """Goes through the orders of the frame; the same orders and seed give the same snapshot."""
    orders = frame.sort("arrived_at", *(("order_id",) if "order_id" in frame.columns else ()))
    rows, costs = matrix_of(orders, EXECUTION), orders.select(COSTS).to_numpy()
    middle, spread = rows.mean(axis=0), np.maximum(rows.std(axis=0), 1e-6)
    low, high = ((middle + end * spread).astype(np.float32) for end in (-FURTHEST, FURTHEST))
    contexts = np.column_stack([np.ones(len(rows)), (np.clip(rows, low, high) - middle) / spread])
    saved_by_quote = quotable(rows)
    quoted_now = rows[:, NAMES.index("quoted_now_bps")]
    bandit = QuoteOffsetBandit(len(ACTIONS), contexts.shape[1], settings)
    chance = np.random.default_rng(seed)
    taken, propensities = [], []
    for at, context in enumerate(contexts):
        likely = bandit.propensities(context, -saved_by_quote[at])
        action = int(chance.choice(len(ACTIONS), p=likely))
        residual = costs[at, action] - (quoted_now[at] - saved_by_quote[at, action])
        bandit.learn(context, action, float(np.clip(residual, -LARGEST_LESSON_BPS, LARGEST_LESSON_BPS)))
        taken.append(action)
        propensities.append(float(likely[action]))
    # Costs are offsets above the quote; savings are measured against executing now.
    offsets = -np.array([bandit.offsets(axis) for axis in np.eye(contexts.shape[1])])
    offsets -= offsets[:, :1]
    weights = offsets[1:] / spread[:, None]
    log = orders.select(*NAMES, *(name for name in ("order_id", "arrived_at") if name in orders.columns)).with_columns(
        action=pl.Series(taken, dtype=pl.Int64),
        propensity=pl.Series(propensities, dtype=pl.Float64),
        cost_bps=pl.Series(costs[np.arange(len(rows)), taken], dtype=pl.Float64),
    )
    bias = offsets[0] - (middle / spread) @ offsets[1:]
    return QuoteBandit(low, high, weights.astype(np.float32), bias.astype(np.float32), log, tuple(bandit.fallbacks))


POLICY = Policy(NAME, DESCRIPTION, EXECUTION, labels=COSTS, horizon=timedelta(minutes=1), fit=fit)
