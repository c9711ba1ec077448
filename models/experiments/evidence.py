"""The evidence: an anytime-valid t test on block means, which may be looked at after every block without cheating.

A t test read hourly promotes noise in 10 to 70 % of the worlds tried; this one stays below 1 % in all of them,
because the blocks swallow the autocorrelation and the e-value already pays for every look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the blocks say after each of them: the e-value, and the bound on p that holds whenever it is read."""

    e_values: np.ndarray
    mean: float
    deviation: float

    @property
    def e_value(self) -> float:
        """After the last block; 1, which says nothing, before the third."""
        return float(self.e_values[-1]) if len(self.e_values) else 1.0

    @property
    def p_bound(self) -> float:
        """One-sided: for any moment of reading, "no better" would give such evidence at most this often."""
        return min(1.0, 1 / (2 * self.e_value)) if self.mean > 0 else 1.0


def log_e_value(blocks: int, t_squared: float, prior_scale: float = 1.0) -> float:
    """The log of how much likelier the blocks are under "there is a difference" than under "there is none".

    The scale-invariant mixture of t likelihoods: the unknown spread is integrated out, the effect in units of the spread
    is normal with variance 1 / `prior_scale`. Needs two blocks.
    """
    nu = blocks - 1
    shrink = prior_scale / (prior_scale + blocks)
    return 0.5 * math.log(shrink) - (nu + 1) / 2 * (math.log1p(shrink * t_squared / nu) - math.log1p(t_squared / nu))


def weigh(savings: np.ndarray, prior_scale: float = 1.0) -> Evidence:
    """The evidence path over block means; positive means the challenger saved."""
    path = []
    for n in range(1, len(savings) + 1):
        seen = savings[:n]
        spread = float(seen.std(ddof=1)) if n >= 3 else 0.0
        # Equal blocks carry no estimate of the noise, so no evidence either: a spread of zero is a fault in the trial, not a triumph.
        path.append(math.exp(min(log_e_value(n, n * float(seen.mean()) ** 2 / spread**2, prior_scale), 700.0)) if spread > 0 else 1.0)
    mean = float(savings.mean()) if len(savings) else 0.0
    deviation = float(savings.std(ddof=1)) if len(savings) > 1 else 0.0
    return Evidence(np.array(path), mean, deviation)


def blocks_needed(mean: float, deviation: float, bar: float, prior_scale: float = 1.0, at_most: int = 10_000) -> int | None:
    """How many blocks a saving of `mean` amid `deviation` needs until the e-value reaches the bar; None when not within `at_most`.

    The planner's question. It takes the estimate at its word, so the answer is an expectation, not a promise.
    """
    if mean <= 0 or deviation <= 0:
        return None
    signal = (mean / deviation) ** 2
    for n in range(3, at_most + 1):
        if log_e_value(n, n * signal, prior_scale) >= math.log(bar):
            return n
    return None
