"""What the market was known to be at a moment: reference prices, gas, and how restless it was; nothing later than that moment.

The same view serves a backtest, which asks for any moment of the past, and the executor, which asks for now.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from domain.problems import BadInput

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
BPS = 10_000.0
# A price nobody has renewed for a day is no price.
STALE = 24 * 3600 * 1_000_000


@dataclass(frozen=True, slots=True)
class Series:
    """Values and the microseconds since 1970 at which each became known, oldest first."""

    times: tuple[int, ...] = ()
    values: tuple[float, ...] = ()

    @classmethod
    def of(cls, points: Iterable[tuple[int, float]]) -> Series:
        """From (microseconds, value) pairs in any order; the last value told for a moment holds."""
        told = sorted(dict(points).items())
        return cls(tuple(time for time, _ in told), tuple(value for _, value in told))

    def index_at(self, time: int) -> int:
        """Position of the last value known at `time`, -1 when there was none yet."""
        return bisect_right(self.times, time) - 1

    def at(self, time: int) -> float | None:
        """The last value known at `time`; None when there was none yet, or none for a day."""
        index = self.index_at(time)
        return self.values[index] if index >= 0 and time - self.times[index] <= STALE else None

    def tail(self, time: int, reach: int) -> Series:
        """What was known at `time` and not older than `reach`, with the one value before that, which still held then."""
        end = self.index_at(time) + 1
        start = max(self.index_at(time - reach), 0)
        return Series(self.times[start:end], self.values[start:end])


@dataclass(frozen=True, slots=True)
class MarketHistory:
    """Reference prices in dollars per whole token, by token address; the base fee in wei per gas; dollars per whole native token."""

    prices: Mapping[str, Series]
    base_fee_wei: Series = field(default_factory=Series)
    native_price_usd: Series = field(default_factory=Series)

    def at(self, moment: datetime) -> Market:
        """The market as it was known at `moment`."""
        return Market(self, microseconds(moment))

    def tail(self, moment: datetime, reach: timedelta) -> MarketHistory:
        """Only what `moment` needs, `reach` back: small enough to hand over."""
        time, span = microseconds(moment), reach // MICROSECOND
        return MarketHistory(
            {token: series.tail(time, span) for token, series in self.prices.items()},
            self.base_fee_wei.tail(time, span),
            self.native_price_usd.tail(time, span),
        )

    def to_document(self) -> dict[str, Any]:
        """As plain lists of [microseconds, value]."""
        return {
            "prices_usd": {token: _pairs(series) for token, series in sorted(self.prices.items())},
            "base_fee_wei": _pairs(self.base_fee_wei),
            "native_price_usd": _pairs(self.native_price_usd),
        }

    @classmethod
    def from_document(cls, told: Mapping[str, Any]) -> MarketHistory:
        """The inverse of `to_document`; raises BadInput naming the field that is not what it must be."""
        try:
            prices = {token: Series.of((int(t), float(v)) for t, v in pairs) for token, pairs in told["prices_usd"].items()}
            others = [Series.of((int(t), float(v)) for t, v in told[name]) for name in ("base_fee_wei", "native_price_usd")]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadInput(f"The market document is not whole ({error!r}); write the hand-over again.", field="market") from error
        return cls(prices, *others)


@dataclass(frozen=True, slots=True)
class Market:
    """The market at one moment. Every answer is made of values known by then; `known_at` tells the latest of them."""

    history: MarketHistory
    time: int

    @property
    def moment(self) -> datetime:
        return EPOCH + self.time * MICROSECOND

    def price_usd(self, token: str) -> float | None:
        """Dollars per whole token."""
        series = self.history.prices.get(token)
        return series.at(self.time) if series else None

    def rate(self, token_in: str, token_out: str) -> float | None:
        """Whole `token_out` per whole `token_in` on the external market; None when it does not price both."""
        sold, bought = self.price_usd(token_in), self.price_usd(token_out)
        return sold / bought if sold and bought else None

    def known_at(self, token_in: str, token_out: str) -> int | None:
        """When the younger of the two prices became known."""
        times = []
        for token in (token_in, token_out):
            series = self.history.prices.get(token, Series())
            index = series.index_at(self.time)
            if index >= 0:
                times.append(series.times[index])
        return max(times, default=None)

    def volatility_bps(self, token_in: str, token_out: str, over: timedelta = timedelta(hours=1)) -> float:
        """Root of the sum of squared log returns of the rate over the last stretch, bps; 0 where the market says nothing."""
        rates = self._rates(token_in, token_out, over)
        return BPS * math.sqrt(sum(math.log(after / before) ** 2 for before, after in pairwise(rates)))

    def move_bps(self, token_in: str, token_out: str, over: timedelta) -> float:
        """How far the rate has moved lately, bps; positive when `token_in` now buys more, 0 where the market says nothing."""
        now, then = self.rate(token_in, token_out), Market(self.history, self.time - over // MICROSECOND).rate(token_in, token_out)
        return BPS * math.log(now / then) if now and then else 0.0

    def gas_usd(self, units: int) -> float:
        """Dollars that so much gas costs; 0 where base fee or native price are unknown."""
        fee, native = self.history.base_fee_wei.at(self.time), self.history.native_price_usd.at(self.time)
        return units * fee * 1e-18 * native if fee and native else 0.0

    def _rates(self, token_in: str, token_out: str, over: timedelta) -> list[float]:
        span = over // MICROSECOND
        sold, bought = (self.history.prices.get(token, Series()).tail(self.time, span) for token in (token_in, token_out))
        moments = sorted({*sold.times, *bought.times})
        pairs = [(sold.at(time), bought.at(time)) for time in moments]
        return [one / other for one, other in pairs if one and other]


def microseconds(moment: datetime) -> int:
    """Microseconds since 1970; raises BadInput for a time without a zone."""
    if moment.tzinfo is None:
        raise BadInput(f"{moment} has no time zone; give it in UTC.", field="moment")
    return (moment - EPOCH) // MICROSECOND


def _pairs(series: Series) -> list[list[float]]:
    return [[time, value] for time, value in zip(series.times, series.values, strict=True)]
