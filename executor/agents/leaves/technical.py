"""Technical: the price itself. Momentum of the reference over the last hour, and the pool coming back to the reference.

Both are known to be weak, so both are squeezed into [-1, 1] and count the same: the hour's move against the hour's volatility
(time-series momentum, Moskowitz, Ooi and Pedersen 2012), and how far the pool stands from the reference, against thirty basis points,
about what arbitrage leaves standing behind a fee.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from domain.market import BPS
from domain.negotiation import Call, Proposal
from executor.agents.agent import leaning
from executor.agents.messages import Refuse
from executor.agents.view import View

HOUR = timedelta(hours=1)
GAP_BPS = 30.0
PRICES_FOR_CONFIDENCE = 12


@dataclass(frozen=True, slots=True)
class Technical:
    """Follows the reference, and expects the pool to follow it too."""

    name: str = "technical"
    version: str = "technical/1"

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        now = view.now
        rate, pool = now.rate(call.base, call.quote), view.pool_price.at(view.time_us)
        if not rate:
            return Refuse(f"No price of {call.base} in {call.quote} is known.")
        volatility, move = now.volatility_bps(call.base, call.quote, HOUR), now.move_bps(call.base, call.quote, HOUR)
        momentum = math.tanh(move / volatility) if volatility else 0.0
        gap = BPS * math.log(rate / pool) if pool else 0.0
        parts = [momentum, math.tanh(gap / GAP_BPS)] if pool else [momentum]
        heard = len(view.market.prices[call.base].tail(view.time_us, HOUR // timedelta(microseconds=1)).times)
        return leaning(
            self.name,
            call,
            sum(parts) / len(parts),
            confidence=min(1.0, heard / PRICES_FOR_CONFIDENCE),
            horizon_seconds=3600,
            version=self.version,
            evidence=f"move {move:.1f} bps, volatility {volatility:.1f} bps, pool {-gap:+.1f} bps from the reference",
        )


AGENT = Technical()
