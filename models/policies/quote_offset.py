"""The challenger: it knows what can be quoted exactly, and learns only what a quote cannot tell.

Executing now and splitting are quotable to the wei, gas included, so their savings are taken from the quote. What waiting brings is
not: other people's trades and arbitrage move the pools meanwhile. Gradient-boosted trees learn that residual from the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from domain.bundles import OUTPUT
from domain.kinds import EXECUTION
from models.execution import COSTS, WAIT_RESIDUAL, quotable, quotable_nodes
from models.forests import in_singles, one_thread
from models.graphs import graph_of, trees_node
from models.policy import Policy, matrix_of

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

NAME = "quote_offset"
DESCRIPTION = "Take savings that are quotable from the quote, learn what waiting brings."

# Few and shallow trees over many orders a leaf: a residual this noisy rewards caution.
SHAPE: dict[str, Any] = {
    "max_iter": 120,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 60,
    "l2_regularization": 5.0,
    "early_stopping": False,
}
# A lesson counts at most this much: one gas spike or one drained pool must not shape every leaf.
LARGEST_LESSON_BPS = 100.0
# Without a walk forward that says otherwise.
MARGIN_BPS = 1.0


@dataclass(frozen=True, slots=True)
class QuoteOffset:
    """A trained challenger. Waiting must promise `margin_bps` more than acting, because a promise is less than a quote."""

    trees: HistGradientBoostingRegressor
    margin_bps: float

    def answers(self, rows: np.ndarray) -> np.ndarray:
        return self.savings(rows)

    def savings(self, features: np.ndarray) -> np.ndarray:
        """Expected saving of each action against executing now, bps, one row an order."""
        return savings_of(features, predict(self.trees, features), self.margin_bps)

    def export(self) -> bytes:
        """The whole policy as one ONNX graph: the trees with the margin in their base, and what can be quoted beside them."""
        from onnx import helper

        nodes, constants = quotable_nodes("quotable")
        trees = trees_node([None, None, self.trees], [0.0, 0.0, -self.margin_bps], "learned")
        return graph_of(EXECUTION, NAME, [*nodes, trees, helper.make_node("Add", ["quotable", "learned"], [OUTPUT])], constants)


def fit(features: np.ndarray, wait_residual_bps: np.ndarray, seed: int) -> HistGradientBoostingRegressor:
    """Trees for what waiting saves beyond the quote. The same rows and seed give the same trees."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    lessons = np.clip(wait_residual_bps, -LARGEST_LESSON_BPS, LARGEST_LESSON_BPS)
    with one_thread():
        return in_singles(HistGradientBoostingRegressor(random_state=seed, **SHAPE).fit(features, lessons))


def predict(trees: HistGradientBoostingRegressor, features: np.ndarray) -> np.ndarray:
    """What the trees say waiting saves beyond the quote, bps."""
    with one_thread():
        return trees.predict(features)


def savings_of(features: np.ndarray, wait_residual_bps: np.ndarray, margin_bps: float) -> np.ndarray:
    """The policy's sums: now saves nothing, a split what was quoted, waiting the better of both and the residual, less the margin."""
    savings = quotable(features)
    savings[:, 2] += wait_residual_bps - margin_bps
    return savings


def _fit(frame: pl.DataFrame, seed: int) -> QuoteOffset:
    return QuoteOffset(fit(matrix_of(frame, EXECUTION), frame[WAIT_RESIDUAL].to_numpy(), seed), MARGIN_BPS)


POLICY = Policy(NAME, DESCRIPTION, EXECUTION, labels=(*COSTS, WAIT_RESIDUAL), horizon=timedelta(minutes=1), fit=_fit)
