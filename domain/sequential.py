"""Tests that may be read after every observation: bets against "the challenger is no worse", whose winnings are the evidence.

If the challenger is no worse, no way of betting is expected to win, so winnings of 1 / alpha happen in at most alpha of all trials,
however often one looks (Ville's inequality). Whoever watches pays nothing for watching.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from domain.problems import BadInput

CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(slots=True)
class Guardrail:
    """Non-inferiority of the challenger in one number between 0 and 1 an order, such as "was refused": lower is better.

    The null is "the challenger's mean exceeds the champion's by at most `margin`"; it is rejected, and the guardrail breached, at `alpha`.
    A bet is made whenever both arms have answered since the last one, on the difference of their means, so arms of any sizes compare.
    The stake is half of what the answers so far would have asked for (half Kelly): cautious while little is known.
    """

    margin: float
    alpha: float
    log_e: float = 0.0
    peak: float = 0.0
    pairs: int = 0
    _champion_sum: float = 0.0
    _champion_count: int = 0
    _challenger_sum: float = 0.0
    _challenger_count: int = 0
    _sum: float = 0.0
    _squares: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1 or not 0 < self.alpha < 1:
            raise BadInput(f"A guardrail needs 0 ≤ margin < 1 and 0 < alpha < 1, not {self.margin} and {self.alpha}.", field="margin")

    def add(self, arm: str, value: float) -> None:
        """One order's value in that arm. Raises BadInput for a value outside of 0 to 1 or an unknown arm."""
        if not 0 <= value <= 1:
            raise BadInput(f"A guardrail takes values from 0 to 1, not {value}.", field="value")
        if arm == CHAMPION:
            self._champion_sum += value
            self._champion_count += 1
        elif arm == CHALLENGER:
            self._challenger_sum += value
            self._challenger_count += 1
        else:
            raise BadInput(f"There is no arm {arm!r}; it is {CHAMPION} or {CHALLENGER}.", field="arm")
        if self._champion_count and self._challenger_count:
            self._bet(self._challenger_sum / self._challenger_count - self._champion_sum / self._champion_count - self.margin)
            self._champion_sum = self._challenger_sum = 0.0
            self._champion_count = self._challenger_count = 0

    @property
    def e_value(self) -> float:
        """The winnings per unit staked, at their highest; 1 says nothing."""
        return math.exp(min(self.peak, 700.0))

    @property
    def breached(self) -> bool:
        """Whether "no worse" is rejected."""
        return self.peak >= -math.log(self.alpha)

    def _bet(self, difference: float) -> None:
        # Fixed before the difference is seen: the stake may depend on the past only.
        mean, square = self._sum / (self.pairs + 1), (self._squares + 0.25) / (self.pairs + 1)
        stake = min(max(mean / square, 0.0), 1.0) / 2
        # A difference is above -(1 + margin) > -2, so at most half of the capital is ever lost in one bet.
        self.log_e += math.log1p(stake * max(difference, -1 - self.margin) / (1 + self.margin))
        self.peak = max(self.peak, self.log_e)
        self.pairs += 1
        self._sum += difference
        self._squares += difference * difference
