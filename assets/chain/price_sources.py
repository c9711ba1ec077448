"""Where reference prices come from: the recording's own, or an exchange asked through ccxt."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import polars as pl

from domain.problems import BadInput, Unavailable
from domain.schemas import TEXT, TIME
from executor.chain.recording import Recording

PRICES = {"token": TEXT, "timestamp": TIME, "price_usd": pl.Float64, "source": TEXT}


@dataclass(frozen=True, slots=True)
class PricedToken:
    """A token and what the outside market calls it, such as ETH or ETH/USD; None when it is traded nowhere else."""

    address: str
    reference_symbol: str | None

    @property
    def asset(self) -> str:
        """The asset alone, without what it is priced in."""
        return (self.reference_symbol or "").partition("/")[0]


class PriceSource(Protocol):
    """Anything that knows what tokens cost in dollars."""

    def prices(self, tokens: Sequence[PricedToken], start: datetime, end: datetime) -> pl.DataFrame:
        """Token, timestamp, price_usd and source of every price known between the two moments, start included."""
        ...


@dataclass(frozen=True, slots=True)
class RecordedPrices:
    """The prices that lie in the recording."""

    recording: Recording

    def prices(self, tokens: Sequence[PricedToken], start: datetime, end: datetime) -> pl.DataFrame:
        wanted = [token.address for token in tokens]
        recorded = self.recording.prices().select(*PRICES)
        return recorded.filter(pl.col("token").is_in(wanted) & (pl.col("timestamp") >= start) & (pl.col("timestamp") < end))


@dataclass(frozen=True, slots=True)
class CcxtPrices:
    """One-minute candles of an exchange that ccxt speaks to; `exchange` is a ccxt exchange object.

    A candle's close counts from the moment the candle ends, so nothing is known before it happened.
    """

    exchange: Any
    quote: str = "USDT"
    unreachable: tuple[type[Exception], ...] = (ConnectionError, TimeoutError)

    @staticmethod
    def of(name: str) -> CcxtPrices:
        """The exchange of that name; raises BadInput when ccxt is not installed or knows no such exchange."""
        try:
            ccxt = importlib.import_module("ccxt")
        except ImportError as error:
            raise BadInput(
                f"Prices of {name} need the package ccxt: install it, or set the prices to `recording`.", field="prices", value=name
            ) from error
        if name not in ccxt.exchanges:
            raise BadInput(f"ccxt knows no exchange {name!r}; its page lists them.", field="prices", value=name)
        return CcxtPrices(getattr(ccxt, name)({"enableRateLimit": True}), unreachable=(ccxt.NetworkError,))

    def prices(self, tokens: Sequence[PricedToken], start: datetime, end: datetime) -> pl.DataFrame:
        try:
            markets = self.exchange.load_markets()
            rows = [row for token in tokens for row in self._rows(token, markets, start, end)]
        except self.unreachable as error:
            raise Unavailable(f"{self.exchange.id} did not answer: {error}. Try again later.", exchange=self.exchange.id) from error
        return pl.DataFrame(rows, schema=PRICES, orient="row")

    def _rows(self, token: PricedToken, markets: Any, start: datetime, end: datetime) -> list[tuple[str, datetime, float, str]]:
        if token.asset in (self.quote, "USD"):
            minutes = range((end - start) // MINUTE)
            return [(token.address, start + n * MINUTE, 1.0, "assumed") for n in minutes]
        market = f"{token.asset}/{self.quote}"
        if market not in markets:
            return []
        return [(token.address, moment, close, self.exchange.id) for moment, close in self._candles(market, start, end)]

    def _candles(self, market: str, start: datetime, end: datetime) -> list[tuple[datetime, float]]:
        found: list[tuple[datetime, float]] = []
        since = _milliseconds(start - MINUTE)
        while since < _milliseconds(end - MINUTE):
            candles = self.exchange.fetch_ohlcv(market, "1m", since=since, limit=PAGE)
            fresh = [candle for candle in candles if candle[0] >= since]
            if not fresh:
                break
            found += [(_moment(candle[0]) + MINUTE, float(candle[4])) for candle in fresh]
            since = fresh[-1][0] + 60_000
        return [(moment, close) for moment, close in found if start <= moment < end]


def price_source(setting: str, recording: Recording) -> PriceSource:
    """The source a setting names: `recording`, or `ccxt:` and an exchange. Raises BadInput for anything else."""
    kind, _, name = setting.partition(":")
    if kind == "recording" and not name:
        return RecordedPrices(recording)
    if kind == "ccxt" and name:
        return CcxtPrices.of(name)
    raise BadInput(
        f"Prices are set to {setting!r}; write `recording`, or `ccxt:` and the name of an exchange.", field="prices", value=setting
    )


MINUTE = timedelta(minutes=1)
PAGE = 1000  # candles per request; exchanges that give fewer are asked more often


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)
