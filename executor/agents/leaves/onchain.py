"""OnChain: what traders do to the pool. Signed volume, how one-sided it is, what liquidity does, and whether gas is dear.

How one-sided is measured in buckets of equal volume, as VPIN does (Easley, López de Prado and O'Hara, 2012): toxic flow is one-sided
bucket after bucket. The lean is the flow's own direction times that. Liquidity that leaves and gas above its hour's median make the
agent less sure, not another way inclined.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from domain.market import Series
from domain.negotiation import Call, Proposal
from executor.agents.agent import leaning
from executor.agents.messages import Refuse
from executor.agents.view import View

HOUR_US = 3_600_000_000
BUCKETS = 10
FEWEST_SWAPS = 5


@dataclass(frozen=True, slots=True)
class OnChain:
    """Follows one-sided flow."""

    name: str = "onchain"
    version: str = "onchain/1"

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        flow = _last_hour(view.flow, view.time_us)
        total = sum(abs(one) for one in flow)
        if len(flow) < FEWEST_SWAPS or not total:
            return Refuse(f"{len(flow)} swaps in the last hour say nothing; {FEWEST_SWAPS} are needed.")
        toxicity, direction = vpin(flow), sum(flow) / total
        kept, gas = _kept(view.liquidity, view.time_us), _dearness(view.market.base_fee_wei, view.time_us)
        return leaning(
            self.name,
            call,
            direction * toxicity,
            confidence=min(1.0, len(flow) / 50) * kept / gas,
            horizon_seconds=900,
            version=self.version,
            evidence=f"VPIN {toxicity:.3f}, flow {direction:+.3f}, liquidity kept {kept:.3f}, gas {gas:.2f} times its median",
        )


def vpin(flow: Sequence[float], buckets: int = BUCKETS) -> float:
    """The mean one-sidedness, 0 to 1, of buckets of equal volume; a swap that spans two is divided between them."""
    size = sum(abs(one) for one in flow) / buckets
    if not size:
        return 0.0
    sides, filled, signed = [], 0.0, 0.0
    for one in flow:
        left, sign = abs(one), 1.0 if one > 0 else -1.0
        while left > 0 and len(sides) < buckets:
            part = min(left, size - filled)
            filled, signed, left = filled + part, signed + sign * part, left - part
            if filled >= size * (1 - 1e-9):
                sides.append(abs(signed) / size)
                filled, signed = 0.0, 0.0
    return sum(sides) / len(sides) if sides else 0.0


def _last_hour(series: Series, time_us: int) -> Sequence[float]:
    start, end = series.index_at(time_us - HOUR_US) + 1, series.index_at(time_us) + 1
    return series.values[start:end]


def _kept(liquidity: Series, time_us: int) -> float:
    """How much of the liquidity of an hour ago is there, at most all of it."""
    now, then = liquidity.at(time_us), liquidity.at(time_us - HOUR_US)
    return min(1.0, now / then) if now and then else 1.0


def _dearness(fees: Series, time_us: int) -> float:
    """The base fee as a multiple of its median over the hour, at least 1."""
    hour = _last_hour(fees, time_us)
    return max(1.0, hour[-1] / statistics.median(hour)) if hour and statistics.median(hour) else 1.0


AGENT = OnChain()
