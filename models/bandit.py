"""A discounted contextual bandit on the residual: what an action cost beyond its quote, learned from the actions that were taken.

Linear upper confidence bounds over a discounted past (Li et al. 2010, LinUCB; Russac et al. 2019, D-LinUCB), one regression an action.
Two changes for this field. The regression is weighted as for Student's t noise, because execution costs have its tails: a plain one needs
twice the orders. And a change-point test watches it: when the quote alone has become the better prediction, what was learned is dropped,
so the choice falls back to the quote and is learned anew from the orders since the change.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from models.change_point import NU, ChangePoint


@dataclass(frozen=True, slots=True)
class Settings:
    """How the bandit learns. `gamma` discounts an action's past each time it is taken; `bonus` is the width of the confidence bound, in
    units of the noise; `ridge` is how many orders' worth of belief the quote has; `explore` is the share of orders whose action is drawn
    at random, so that every action has a propensity above 0 and the log can judge other policies."""

    gamma: float = 0.999
    bonus: float = 0.35
    ridge: float = 12.0
    explore: float = 0.0
    first_scale_bps: float = 15.0
    false_alarm: float = 3e-4
    remember: int = 2_000


class QuoteOffsetBandit:
    """Chooses among actions with quotes, learns each one's residual from the context."""

    def __init__(self, actions: int, dimensions: int, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.actions, self.dimensions = actions, dimensions
        self.scale_bps = self.settings.first_scale_bps
        self.change = ChangePoint(self.settings.false_alarm)
        self.fallbacks: list[int] = []
        self.seen = 0
        self._past: deque[tuple[np.ndarray, int, float]] = deque(maxlen=self.settings.remember)
        self._forget()

    def propensities(self, context: np.ndarray, quoted_bps: np.ndarray) -> np.ndarray:
        """The probability of each action: the one whose lower bound on the cost is least, beside a little of all."""
        greedy = np.zeros(self.actions)
        greedy[int(np.argmin(quoted_bps + self.offsets(context) - self._bonus(context)))] = 1.0
        return (1 - self.settings.explore) * greedy + self.settings.explore / self.actions

    def offsets(self, context: np.ndarray) -> np.ndarray:
        """What each action is expected to cost beyond its quote, bps."""
        return self._theta @ context

    def learn(self, context: np.ndarray, action: int, residual_bps: float) -> bool:
        """Takes in what an order cost beyond its quote; True when that was the moment to fall back to the quote."""
        self.seen += 1
        self._past.append((context, action, residual_bps))
        expected = float(self._theta[action] @ context)
        alarm = self.change.add(expected, residual_bps, self.scale_bps)
        if alarm is None:
            self._take(context, action, residual_bps)
            return False
        self.fallbacks.append(self.seen)
        since = list(self._past)[-alarm:]
        self._past.clear()
        self._past.extend(since)
        self._forget()
        for one in since:
            self._take(*one)
        return True

    def _take(self, context: np.ndarray, action: int, residual_bps: float) -> None:
        error = residual_bps - float(self._theta[action] @ context)
        # The weight that a t distribution of three degrees gives an error of this size: one accident is not a lesson.
        weight = (NU + 1) / (NU + (error / self.scale_bps) ** 2)
        self.scale_bps *= float(np.exp(0.01 * np.clip(weight * (error / self.scale_bps) ** 2 - 1, -1, 1)))
        gamma = self.settings.gamma
        self._a[action] *= gamma
        self._a[action] += weight * np.outer(context, context) + (1 - gamma) * self.settings.ridge * np.eye(self.dimensions)
        self._b[action] = gamma * self._b[action] + weight * residual_bps * context
        self._inverse[action] = np.linalg.inv(self._a[action])
        self._theta[action] = self._inverse[action] @ self._b[action]

    def _bonus(self, context: np.ndarray) -> np.ndarray:
        return self.settings.bonus * self.scale_bps * np.sqrt(np.einsum("i,kij,j->k", context, self._inverse, context))

    def _forget(self) -> None:
        eye = np.eye(self.dimensions)
        self._a = np.tile(self.settings.ridge * eye, (self.actions, 1, 1))
        self._inverse = np.tile(eye / self.settings.ridge, (self.actions, 1, 1))
        self._b = np.zeros((self.actions, self.dimensions))
        self._theta = np.zeros((self.actions, self.dimensions))
