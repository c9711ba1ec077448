"""What a policy would have cost on orders that another one executed: the gate before a policy may even be shadowed.

Doubly robust (Dudík, Langford and Li 2011), cross-fitted (Chernozhukov et al. 2018): a cost model fills in what was not done, and the
logged propensities correct it. Right when either is. Importance weighting with and without normalisation and the cost model alone stand
beside it, so a person sees which of the two carries the answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import NormalDist
from typing import Protocol

import numpy as np
import polars as pl

from domain.bundles import ACTIONS
from domain.features import NAMES
from domain.kinds import EXECUTION
from domain.problems import BadInput
from models.execution import chosen, quotable
from models.forests import one_thread
from models.policy import matrix_of
from models.walk_forward import purged_folds

LOGGED = ("action", "propensity", "cost_bps")
QUOTED_NOW = NAMES.index("quoted_now_bps")
# Fewer orders of an action than this and the cost model says what the quote says.
LEAST_TO_MODEL = 60


class Answering(Protocol):
    """A policy, as far as it has to be judged."""

    def answers(self, rows: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True, slots=True)
class GateSettings:
    """`confidence` of the one-sided bound that has to be above `least_saving_bps`; `least_effective_orders` that the log must be worth."""

    confidence: float = 0.9
    least_saving_bps: float = 0.0
    least_effective_orders: float = 50.0


@dataclass(frozen=True, slots=True)
class Gate:
    """The verdict. `estimate` is the doubly robust saving against executing now, bps per order, `interval` its two-sided interval."""

    passes: bool
    estimate: float
    interval: tuple[float, float]
    reason: str
    ips: float
    snips: float
    direct: float
    effective_orders: float
    orders: int


def gate(logged: pl.DataFrame, policy: Answering, settings: GateSettings | None = None) -> Gate:
    """Whether the policy may be shadowed, by a log of another's orders: features, `action`, its `propensity` and `cost_bps`.

    Raises BadInput naming the column that is missing or holds what it must not.
    """
    return judge(logged, choices_of(policy.answers(matrix_of(logged, EXECUTION))), settings or GateSettings())


def choices_of(savings: np.ndarray) -> np.ndarray:
    """The probability of each action under a policy that takes the largest saving."""
    return np.eye(len(ACTIONS))[chosen(savings)] if len(savings) else np.zeros((0, len(ACTIONS)))


def judge(logged: pl.DataFrame, target: np.ndarray, settings: GateSettings) -> Gate:
    """The same for the probabilities `target` with which a policy would have taken each action, one row an order."""
    _check(logged)
    if not logged.height:
        return Gate(False, 0.0, (0.0, 0.0), "There are no logged orders to judge it by.", 0.0, 0.0, 0.0, 0.0, 0)
    action, propensity, cost = (logged[name].to_numpy() for name in LOGGED)
    modelled = cost_model(logged)
    every = np.arange(logged.height)
    now = np.zeros_like(target)
    now[:, 0] = 1.0
    values = {}
    for name, wanted in (("policy", target), ("now", now)):
        weights = wanted[every, action] / propensity
        direct = (wanted * modelled).sum(axis=1)
        values[name] = (weights, direct, direct + weights * (cost - modelled[every, action]))
    weights = values["policy"][0]
    effective = float(weights.sum() ** 2 / (weights**2).sum()) if weights.any() else 0.0
    saved = values["now"][2] - values["policy"][2]
    estimate, error = float(saved.mean()), _standard_error(logged, saved)
    wide = NormalDist().inv_cdf(0.5 + settings.confidence / 2) * error
    lower = estimate - NormalDist().inv_cdf(settings.confidence) * error
    ips, snips = _weighted(values["now"][0], cost) - _weighted(weights, cost), _normed(values["now"][0], cost) - _normed(weights, cost)
    told = f"saves {estimate:.2f} bps an order by {logged.height} logged ones, at least {lower:.2f} with {settings.confidence:.0%}"
    if effective < settings.least_effective_orders:
        passes, reason = False, f"The log is worth {effective:.0f} orders of this policy, {settings.least_effective_orders:.0f} are needed."
    elif lower <= settings.least_saving_bps:
        passes, reason = False, f"It {told}; more than {settings.least_saving_bps:g} is needed."
    else:
        passes, reason = True, f"It {told}."
    direct = float((values["now"][1] - values["policy"][1]).mean())
    return Gate(passes, estimate, (estimate - wide, estimate + wide), reason, ips, snips, direct, effective, logged.height)


def cost_model(logged: pl.DataFrame) -> np.ndarray:
    """What each action would cost on each order, bps, by trees that did not see the order: the quote, and the residual they learned."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    rows, action = matrix_of(logged, EXECUTION), logged["action"].to_numpy()
    quoted = rows[:, [QUOTED_NOW]] - quotable(rows)
    residual = logged["cost_bps"].to_numpy() - quoted[np.arange(logged.height), action]
    modelled = quoted.copy()
    for split in purged_folds(_moments(logged), timedelta(minutes=1)):
        for position in range(len(ACTIONS)):
            learns = split.learns[action[split.learns] == position]
            if len(learns) < LEAST_TO_MODEL or np.ptp(residual[learns]) < 1e-9:
                continue
            with one_thread():
                trees = HistGradientBoostingRegressor(
                    max_iter=60, learning_rate=0.06, max_leaf_nodes=6, min_samples_leaf=20, l2_regularization=5.0, random_state=0
                ).fit(rows[learns], np.clip(residual[learns], -100, 100))
                modelled[split.judges, position] += trees.predict(rows[split.judges])
    return modelled


def log_orders(orders: pl.DataFrame, costs: np.ndarray, preferred: np.ndarray, explore: float, seed: int) -> pl.DataFrame:
    """A log as an explorer would have left it: the preferred action, or with probability `explore` any of them, each with its propensity.

    `costs` are every action's, one row an order; only the cost of the action taken goes into the log.
    """
    chance = np.random.default_rng(seed)
    likely = np.full((orders.height, len(ACTIONS)), explore / len(ACTIONS))
    likely[np.arange(orders.height), preferred] += 1 - explore
    drawn = (chance.random(orders.height)[:, None] > np.cumsum(likely, axis=1)).sum(axis=1).clip(0, len(ACTIONS) - 1)
    every = np.arange(orders.height)
    kept = [name for name in ("order_id", "arrived_at") if name in orders.columns]
    return orders.select(*kept, *NAMES).with_columns(
        action=pl.Series(drawn, dtype=pl.Int64),
        propensity=pl.Series(likely[every, drawn], dtype=pl.Float64),
        cost_bps=pl.Series(costs[every, drawn], dtype=pl.Float64),
    )


def _weighted(weights: np.ndarray, cost: np.ndarray) -> float:
    return float((weights * cost).mean())


def _normed(weights: np.ndarray, cost: np.ndarray) -> float:
    return float((weights * cost).sum() / weights.sum()) if weights.sum() > 0 else float(cost.mean())


def _moments(logged: pl.DataFrame) -> pl.Series:
    if "arrived_at" in logged.columns:
        return logged["arrived_at"]
    return pl.Series("arrived_at", range(logged.height), dtype=pl.Int64).cast(pl.Datetime("us", "UTC"))


def _standard_error(logged: pl.DataFrame, saved: np.ndarray) -> float:
    """Of the mean, with orders of one hour taken as one observation: they share a market."""
    hours = _moments(logged).dt.truncate("1h").to_physical().to_numpy() if "arrived_at" in logged.columns else np.arange(len(saved))
    _, number = np.unique(hours, return_inverse=True)
    sums = np.bincount(number, weights=saved - saved.mean())
    return float(np.sqrt((sums**2).sum()) / len(saved))


def _check(logged: pl.DataFrame) -> None:
    for name in (*NAMES, *LOGGED):
        if name not in logged.columns:
            raise BadInput(f"The log has no {name}; log the features, the action, its propensity and its cost.", field=name)
    if not bool(((logged["propensity"] > 0) & (logged["propensity"] <= 1)).all()):
        raise BadInput(
            "A logged propensity is outside of 0 to 1; an action that could not be taken cannot be in the log.", field="propensity"
        )
    if not bool(logged["action"].is_between(0, len(ACTIONS) - 1).all()):
        raise BadInput(f"A logged action is none of 0 to {len(ACTIONS) - 1}, the positions of {', '.join(ACTIONS)}.", field="action")
    if not bool(logged["cost_bps"].is_finite().all()):
        raise BadInput("A logged cost is no finite number.", field="cost_bps")
