"""Training without looking ahead: learn from the first days, prove it on days that follow, never on what was learned from.

Orders whose outcome reaches past the end of the training days are purged: their labels already know the days after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from domain.bundles import ACTIONS, WAIT
from domain.kinds import EXECUTION
from models.execution import COSTS, WAIT_RESIDUAL, chosen, cost_column, paid, quotable
from models.off_policy import Gate, GateSettings, choices_of, judge, log_orders
from models.policies import quote_offset
from models.policies.quote_offset import QuoteOffset
from models.policy import matrix_of
from models.reward import Reward, RewardSettings, reward_of
from models.walk_forward import walk_forward

__all__ = ["COSTS", "WAIT_RESIDUAL", "Trained", "chosen", "cost_column", "credit_column", "matrix", "paid", "purge", "train"]

# Margins tried, bps; the walk forward says which one pays.
MARGINS_BPS = (0.0, 0.5, 1.0, 2.0, 4.0, 1e3)
LEAST_ORDERS = 200
# Between a training day's last outcome and the day that judges it: ten times the longest wait.
EMBARGO = timedelta(minutes=10)
# Of the log by which the gate judges: the share of orders whose action is drawn.
EXPLORE = 0.3


@dataclass(frozen=True, slots=True)
class Choice:
    """A margin and the reward of the days walked through under it."""

    margin_bps: float
    reward: Reward


@dataclass(frozen=True, slots=True)
class Trained:
    """A challenger and what the walk forward inside its training days says about it; `lift` is no evidence, only a forecast.

    `choice` is the margin with the reward it was chosen for, `without_credit` what would have been chosen had the agents' credit counted
    nothing, `gate` what a log of the same days says before anything is shadowed.
    """

    model: QuoteOffset
    orders: int
    walk_forward_lift: float
    walk_forward_waits: float
    choice: Choice
    without_credit: Choice
    gate: Gate

    def facts(self) -> dict[str, float]:
        """The figures worth keeping beside the model."""
        return {
            "walk_forward_lift": self.walk_forward_lift,
            "walk_forward_waits": self.walk_forward_waits,
            "margin_bps": self.choice.margin_bps,
            "reward_bps": self.choice.reward.total,
            "reward_net_bps": self.choice.reward.net_bps,
            "reward_cvar_bps": self.choice.reward.cvar_bps,
            "reward_credit_bps": self.choice.reward.credit_bps,
            "ablation_margin_bps": self.without_credit.margin_bps,
            "ablation_net_bps": self.without_credit.reward.net_bps,
            "gate_saving_bps": self.gate.estimate,
            "gate_low_bps": self.gate.interval[0],
            "gate_high_bps": self.gate.interval[1],
            "gate_passes": float(self.gate.passes),
        }


def credit_column(action: str) -> str:
    """The column of the agents' difference reward under an action, bps; a frame without it has none to give."""
    return f"credit_{action}_bps"


def purge(orders: pl.DataFrame, end: datetime, horizon: timedelta) -> pl.DataFrame:
    """The orders that arrived, and whose outcome was known, before `end`."""
    return orders.filter(pl.col("arrived_at") + horizon < end)


def matrix(orders: pl.DataFrame) -> np.ndarray:
    """The features as the model takes them, one row an order; each value is one that a 32-bit float holds."""
    return matrix_of(orders, EXECUTION)


def train(
    orders: pl.DataFrame,
    horizon: timedelta,
    seed: int,
    settings: RewardSettings | None = None,
    embargo: timedelta = EMBARGO,
    gate: GateSettings | None = None,
) -> Trained | None:
    """A challenger from these orders, its margin chosen by walking forward through their days; None when they are too few to learn from."""
    orders, settings = orders.sort("arrived_at", "order_id"), settings or RewardSettings()
    if orders.height < LEAST_ORDERS:
        return None
    days, residuals = _walked(orders, horizon, embargo, seed)
    choice = _best(days, residuals, settings)
    without = choice if settings.credit == 0 else _best(days, residuals, replace(settings, credit=0.0))
    actions = _actions(days, residuals, choice.margin_bps)
    champion = float(days[COSTS[0]].mean()) if days.height else 0.0  # type: ignore[arg-type]
    lift = float(1 - paid(days, actions).mean() / champion) if champion > 0 else 0.0
    waits = float(np.mean(actions == ACTIONS.index(WAIT))) if days.height else 0.0
    # The log is another policy's: the better of both quotes, and a share of drawn actions. Only the costs it paid are seen.
    log = log_orders(days, days.select(COSTS).to_numpy(), chosen(quotable(matrix(days))), EXPLORE, seed)
    savings = quote_offset.savings_of(matrix(days), residuals, choice.margin_bps)
    judged = judge(log, choices_of(savings), gate or GateSettings())
    trees = quote_offset.fit(matrix(orders), orders[WAIT_RESIDUAL].to_numpy(), seed)
    return Trained(QuoteOffset(trees, choice.margin_bps), orders.height, lift, waits, choice, without, judged)


def _walked(orders: pl.DataFrame, horizon: timedelta, embargo: timedelta, seed: int) -> tuple[pl.DataFrame, np.ndarray]:
    """The orders of the later days, and the residuals predicted for each by trees that saw only the days before."""
    days, residuals = [orders.clear()], [np.zeros(0)]
    for split in walk_forward(orders["arrived_at"], horizon, embargo):
        past, now = orders[split.learns], orders[split.judges]
        if past.height >= LEAST_ORDERS // 2:
            trees = quote_offset.fit(matrix(past), past[WAIT_RESIDUAL].to_numpy(), seed)
            days.append(now)
            residuals.append(quote_offset.predict(trees, matrix(now)))
    return pl.concat(days), np.concatenate(residuals)


def _actions(days: pl.DataFrame, residuals: np.ndarray, margin: float) -> np.ndarray:
    return chosen(quote_offset.savings_of(matrix(days), residuals, margin))


def _best(days: pl.DataFrame, residuals: np.ndarray, settings: RewardSettings) -> Choice:
    """The margin under which the days walked through would have been rewarded most; never to wait when there are none."""
    if days.is_empty():
        return Choice(MARGINS_BPS[-1], Reward(0.0, 0.0, 0.0, 0.0, 0.0))
    tried = []
    for margin in MARGINS_BPS:
        actions = _actions(days, residuals, margin)
        # Every order is filled whole, so its turnover is 1 whatever is chosen.
        tried.append(Choice(margin, reward_of(-paid(days, actions), settings, 1.0, _credits(days, actions))))
    # Of margins that are rewarded alike the widest: it waits least.
    return max(tried, key=lambda one: (round(one.reward.total, 9), one.margin_bps))


def _credits(days: pl.DataFrame, actions: np.ndarray) -> np.ndarray:
    columns = [credit_column(action) for action in ACTIONS]
    if not set(columns) <= set(days.columns):
        return np.zeros(days.height)
    return days.select(columns).to_numpy()[np.arange(days.height), actions]
