"""A track record: return for risk, its uncertainty, and the deepest fall, from one number a day.

The Sharpe ratio is the mean over the standard deviation of daily net P&L, times the square root of 365: these markets never close.
Its interval is that of Lo (2002) with the skewness and kurtosis terms of Mertens (2002), and Student's t for the few days there are:
variance of the daily ratio = (1 + S^2/2 - S skew + S^2 (kurtosis - 3)/4) / (days - 1). It takes the days as independent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum, sqrt

DAYS_A_YEAR = 365
LEAST_DAYS = 5  # below this the moments say nothing
CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Sharpe:
    """Annual Sharpe ratio and the ends of its 95 % confidence interval."""

    ratio: float
    low: float
    high: float


def sharpe_365(daily: Sequence[float]) -> Sharpe | None:
    """The ratio of the daily results; None with fewer than five days or when they never vary."""
    n = len(daily)
    if n < LEAST_DAYS:
        return None
    mean = fsum(daily) / n
    off = [value - mean for value in daily]
    squares = fsum(x * x for x in off)
    deviation = sqrt(squares / (n - 1))
    if deviation <= abs(mean) * 1e-12:
        return None
    ratio = mean / deviation
    spread = sqrt(squares / n)
    skew, kurtosis = (fsum((x / spread) ** power for x in off) / n for power in (3, 4))
    variance = (1 + ratio**2 / 2 - ratio * skew + ratio**2 * (kurtosis - 3) / 4) / (n - 1)
    reach = _student(n - 1) * sqrt(max(variance, 0.0))
    year = sqrt(DAYS_A_YEAR)
    return Sharpe(ratio * year, (ratio - reach) * year, (ratio + reach) * year)


def max_drawdown(daily: Sequence[int]) -> int:
    """The deepest fall of the running total below its highest point, zero at the start included."""
    total = peak = deepest = 0
    for result in daily:
        total += result
        peak = max(peak, total)
        deepest = max(deepest, peak - total)
    return deepest


def _student(freedom: int) -> float:
    from scipy.special import stdtrit  # the quantile of Student's t; scipy.stats takes two seconds to import

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
