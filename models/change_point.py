"""Has what was learned become worse than the quote? A cumulative sum of likelihood ratios, order by order (Page 1954, CUSUM).

Each order asks two predictions of its residual: the model's, and the quote's, which is none at all. The sum grows with how much likelier
the quote makes what happened. It starts anew at zero while the model is ahead, so it tells how far back the trouble began.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

# Degrees of freedom of the noise that costs are taken to have.
NU = 3.0


@dataclass(slots=True)
class ChangePoint:
    """The running test. `false_alarm` is about how often, per order, a model that is right is dropped (Lorden 1971: at most that)."""

    false_alarm: float
    level: float = 0.0
    since: int = 0

    @property
    def bar(self) -> float:
        return -math.log(self.false_alarm)

    def add(self, expected_bps: float, residual_bps: float, scale_bps: float) -> int | None:
        """One order; the number of orders since the trouble began when the bar is reached, else None."""
        self.level += log_ratio(expected_bps, residual_bps, scale_bps)
        self.since += 1
        if self.level <= 0:
            self.level, self.since = 0.0, 0
        if self.level < self.bar:
            return None
        orders, self.level, self.since = self.since, 0.0, 0
        return orders


def log_ratio(expected_bps: float, residual_bps: float, scale_bps: float) -> float:
    """How much likelier the residual is by the quote alone (it should be 0) than by the model, under Student's t noise of this scale."""
    by_quote, by_model = residual_bps / scale_bps, (residual_bps - expected_bps) / scale_bps
    return (NU + 1) / 2 * (math.log1p(by_model**2 / NU) - math.log1p(by_quote**2 / NU))
