"""Training without looking ahead: learn from the first days, prove it on days that follow, never on what was learned from.

Orders whose outcome reaches past the end of the training days are purged: their labels already know the days after.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from domain.bundles import ACTIONS
from domain.features import NAMES
from models.policies import quote_offset
from models.policies.quote_offset import QuoteOffset

# Margins tried, bps; the walk forward says which one pays.
MARGINS_BPS = (0.0, 0.5, 1.0, 2.0, 4.0, 1e3)
LEAST_ORDERS = 200
WAIT_RESIDUAL = "wait_residual_bps"


def cost_column(action: str) -> str:
    """The column of an action's cost."""
    return f"cost_{action}_bps"


COSTS = tuple(cost_column(action) for action in ACTIONS)


@dataclass(frozen=True, slots=True)
class Trained:
    """A challenger and what the walk forward inside its training days says about it; `lift` is no evidence, only a forecast."""

    model: QuoteOffset
    orders: int
    walk_forward_lift: float
    walk_forward_waits: float


def purge(orders: pl.DataFrame, end: datetime, horizon: timedelta) -> pl.DataFrame:
    """The orders that arrived, and whose outcome was known, before `end`."""
    return orders.filter(pl.col("arrived_at") + horizon < end)


def matrix(orders: pl.DataFrame) -> np.ndarray:
    """The features as the model takes them, one row an order; each value is one that a 32-bit float holds."""
    return orders.select(NAMES).to_numpy().astype(np.float32).astype(np.float64)


def chosen(savings: np.ndarray) -> np.ndarray:
    """The position of the chosen action in each row: the largest saving, of equals the first."""
    return np.argmax(savings, axis=1)


def paid(orders: pl.DataFrame, actions: np.ndarray) -> np.ndarray:
    """What each order cost under the action chosen for it."""
    return orders.select(COSTS).to_numpy()[np.arange(orders.height), actions]


def train(orders: pl.DataFrame, horizon: timedelta, seed: int) -> Trained | None:
    """A challenger from these orders, its margin chosen by walking forward through their days; None when they are too few to learn from."""
    orders = orders.sort("arrived_at", "order_id")
    if orders.height < LEAST_ORDERS:
        return None
    folds = _walk_forward(orders, horizon, seed)
    margin, lift, waits = _best_margin(folds)
    trees = quote_offset.fit(matrix(orders), orders[WAIT_RESIDUAL].to_numpy(), seed)
    return Trained(QuoteOffset(trees, margin), orders.height, lift, waits)


Fold = tuple[pl.DataFrame, np.ndarray]


def _walk_forward(orders: pl.DataFrame, horizon: timedelta, seed: int) -> list[Fold]:
    """Each later day with the residuals predicted for it by trees that saw only the days before."""
    days = orders.select(pl.col("arrived_at").dt.truncate("1d").unique().sort()).to_series().to_list()
    folds = []
    for day in days[1:]:
        past, now = purge(orders, day, horizon), orders.filter(pl.col("arrived_at").dt.truncate("1d") == day)
        if past.height >= LEAST_ORDERS // 2:
            trees = quote_offset.fit(matrix(past), past[WAIT_RESIDUAL].to_numpy(), seed)
            folds.append((now, trees.predict(matrix(now))))
    return folds


def _best_margin(folds: list[Fold]) -> tuple[float, float, float]:
    """The margin under which the days walked through would have cost least, with the lift and the share of waits there."""
    if not folds:
        return MARGINS_BPS[-1], 0.0, 0.0
    champion = np.concatenate([day[COSTS[0]].to_numpy() for day, _ in folds])
    tried = []
    for margin in MARGINS_BPS:
        actions = [chosen(quote_offset.savings_of(matrix(day), residuals, margin)) for day, residuals in folds]
        costs = np.concatenate([paid(day, action) for (day, _), action in zip(folds, actions, strict=True)])
        waits = float(np.mean(np.concatenate(actions) == ACTIONS.index("wait")))
        tried.append((float(costs.mean()), margin, waits))
    # Of margins that cost the same the widest: it waits least.
    cost, margin, waits = min(tried, key=lambda one: (round(one[0], 9), -one[1]))
    return margin, float(1 - cost / champion.mean()) if champion.mean() > 0 else 0.0, waits
