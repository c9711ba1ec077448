"""Macro: what the rest of the market does. Moves of other assets over four hours and a day, less sure when fewer people are at work.

Each move is measured against the asset's own volatility over the day. Weekends and the minutes around the eight-hourly funding of
perpetual futures (00:00, 08:00, 16:00 UTC) make the agent less sure.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from domain.market import EPOCH, MICROSECOND, Series
from domain.negotiation import Call, Proposal
from executor.agents.agent import leaning
from executor.agents.messages import Refuse
from executor.agents.view import View

HOUR_US = 3_600_000_000
DAY_US = 24 * HOUR_US
FUNDING_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Macro:
    """Expects a token to go with the others."""

    name: str = "macro"
    version: str = "macro/1"

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        leans = {symbol: lean for symbol, series in sorted(view.cross.items()) if (lean := _lean(series, view.time_us)) is not None}
        if not leans:
            return Refuse("No other asset's prices of the last day are known.")
        moment = EPOCH + view.time_us * MICROSECOND
        return leaning(
            self.name,
            call,
            sum(leans.values()) / len(leans),
            confidence=attention(moment) * min(1.0, len(leans) / 3),
            horizon_seconds=4 * 3600,
            version=self.version,
            evidence=", ".join(f"{symbol} {lean:+.3f}" for symbol, lean in list(leans.items())[:8]),
        )


def attention(moment: datetime) -> float:
    """How much of the market is awake: half at the weekend, and half again around the funding of perpetuals."""
    awake = 0.5 if moment.weekday() >= 5 else 1.0
    minutes = (moment.hour * 60 + moment.minute) % 480
    return awake * (0.5 if min(minutes, 480 - minutes) <= FUNDING_MINUTES else 1.0)


def _lean(series: Series, time_us: int) -> float | None:
    """Both moves against the day's volatility, squeezed into [-1, 1]; None where the day is not known."""
    day = [one for one in series.tail(time_us, DAY_US).values if one > 0]
    now, earlier = series.at(time_us), series.at(time_us - 4 * HOUR_US)
    if len(day) < 3 or not now or not earlier or now <= 0 or earlier <= 0:
        return None
    volatility = math.sqrt(sum(math.log(after / before) ** 2 for before, after in pairwise(day)))
    if not volatility:
        return 0.0
    return (math.tanh(2 * math.log(now / earlier) / volatility) + math.tanh(math.log(now / day[0]) / volatility)) / 2


AGENT = Macro()
