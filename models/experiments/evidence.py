"""The evidence: what an anytime-valid t test on block totals says, held down by bets against accidents not yet seen.

A t test read hourly promotes noise in 10 to 70 % of the worlds tried. This one may be read after every block, and its blocks swallow the
autocorrelation. What it cannot see, a rare loss that has not happened yet, `accidents` holds against it; the lesser of both counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from models.experiments.accidents import against
from models.experiments.paired import HourSums
from models.experiments.policy import PromotionPolicy

# exp() of more would overflow; no reader can tell the difference.
MOST = 700.0


def log_e_value(blocks: int | np.ndarray, t_squared: float | np.ndarray, prior_scale: float = 1.0):
    """The log of how much likelier the blocks are under "there is a difference" than under "there is none".

    The scale-invariant mixture of t likelihoods: the unknown spread is integrated out, the effect in units of the spread
    is normal with variance 1 / `prior_scale` (Lindon, Ham, Tingley and Bojinov 2022; Wang and Ramdas 2024). Needs two blocks.
    """
    nu = blocks - 1
    shrink = prior_scale / (prior_scale + blocks)
    return 0.5 * np.log(shrink) - (nu + 1) / 2 * (np.log1p(shrink * t_squared / nu) - np.log1p(t_squared / nu))


def log_t_path(totals: np.ndarray, prior_scale: float = 1.0) -> np.ndarray:
    """The logged one-sided e-value after each block (last axis); a mean at or below zero counts as no deviation at all.

    Zero before the third block, and when all blocks are equal: without an estimate of the noise there is no evidence either.
    """
    count = np.arange(1, totals.shape[-1] + 1)
    mean = np.cumsum(totals, axis=-1) / count
    # Centred on the overall mean of the absolute size, so that the squares do not cancel.
    spread = np.maximum(np.cumsum(totals**2, axis=-1) - count * mean**2, 0.0) / np.maximum(count - 1, 1)
    told = (count >= 3) & (spread > 1e-12 * mean**2)
    t_squared = np.where(told, count * np.maximum(mean, 0) ** 2 / np.where(told, spread, 1.0), 0.0)
    return np.where(told, log_e_value(np.maximum(count, 2), t_squared, prior_scale), 0.0)


def claims(sums: HourSums, policy: PromotionPolicy, length: int = 1) -> np.ndarray:
    """What speaks against each claim, runs × claims × blocks: totals per block; `length` joins that many blocks into one."""
    capped, saved, paid = (sums.by_block(values, length).sum(axis=2) for values in (sums.capped, sums.saved, sums.paid))
    told = against(capped, saved, paid, policy)
    return np.stack(told, axis=1)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the blocks say against "no better" after each of them; it may be read at any time."""

    e_values: np.ndarray
    mean: float
    deviation: float

    @property
    def e_value(self) -> float:
        """After the last block; 1, which says nothing, before the third."""
        return float(self.e_values[-1]) if len(self.e_values) else 1.0

    @property
    def p_bound(self) -> float:
        """For any moment of reading, "no better" would give such evidence at most this often."""
        return 1 / max(self.e_value, 1.0)


def weigh(savings: np.ndarray, prior_scale: float = 1.0) -> Evidence:
    """The t path alone over block means, positive when the challenger saved; without the bets, which need the single orders."""
    mean = float(savings.mean()) if len(savings) else 0.0
    deviation = float(savings.std(ddof=1)) if len(savings) > 1 else 0.0
    return Evidence(np.exp(np.minimum(log_t_path(savings, prior_scale), MOST)), mean, deviation)


def to_e_value(log_e: float) -> float:
    return math.exp(min(log_e, MOST))


def blocks_needed(mean: float, deviation: float, bar: float, prior_scale: float = 1.0, at_most: int = 10_000) -> int | None:
    """How many blocks a saving of `mean` amid `deviation` needs until the e-value reaches the bar; None when not within `at_most`.

    The planner's question. It takes the estimate at its word, so the answer is an expectation, not a promise.
    """
    if mean <= 0 or deviation <= 0:
        return None
    signal = (mean / deviation) ** 2
    count = np.arange(3, at_most + 1)
    reached = np.flatnonzero(log_e_value(count, count * signal, prior_scale) >= math.log(bar))
    return int(count[reached[0]]) if len(reached) else None
