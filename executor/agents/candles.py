"""Prices of other assets from an exchange's candles, through ccxt. A candle's close is known when the candle ends, and not before."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from domain.market import Series, microseconds
from domain.problems import BadInput, Unavailable
from executor.ports import Clock

LOG = logging.getLogger(__name__)
TIMEFRAME = "1h"
CANDLES = 48
SECONDS_BETWEEN_LOOKS = 300.0


class Exchange(Protocol):
    """What is used of a ccxt exchange (`ccxt.async_support`)."""

    async def fetch_ohlcv(self, symbol: str, timeframe: str, since: int | None = None, limit: int | None = None) -> Any: ...

    def parse_timeframe(self, timeframe: str) -> int: ...

    async def close(self) -> Any: ...


class Candles:
    """The last two days of some symbols. A symbol that fails keeps what it last had."""

    def __init__(self, exchange: Exchange, symbols: Sequence[str], clock: Clock, *, timeframe: str = TIMEFRAME) -> None:
        self._exchange, self._clock, self._timeframe = exchange, clock, timeframe
        self._symbols = tuple(symbols)
        self.cross: Mapping[str, Series] = {}
        self.troubles: dict[str, str] = {}

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        try:
            while True:
                await self.look()
                await self._clock.sleep(SECONDS_BETWEEN_LOOKS)
        finally:
            await self._exchange.close()

    async def look(self) -> None:
        """Ask for every symbol, one after the other, as exchanges like it. Never raises."""
        for symbol in self._symbols:
            try:
                self.cross = {**self.cross, symbol: await self._fetched(symbol)}
                self.troubles.pop(symbol, None)
            except (Unavailable, BadInput) as problem:
                LOG.warning("%s keeps the candles it had: %s", symbol, problem.message)
                self.troubles[symbol] = problem.message

    async def _fetched(self, symbol: str) -> Series:
        import ccxt

        try:
            rows = await self._exchange.fetch_ohlcv(symbol, self._timeframe, limit=CANDLES)
        except ccxt.BaseError as error:
            raise Unavailable(f"{symbol}: {type(error).__name__}: {error}"[:500]) from error
        return closes(rows, self._exchange.parse_timeframe(self._timeframe), microseconds(self._clock.now()))


def closes(rows: Any, seconds: int, now_us: int) -> Series:
    """Closes at the moments they became known; a candle that has not ended is left out. Raises BadInput for what are no candles."""
    try:
        ends = [(int(row[0]) * 1_000 + seconds * 1_000_000, float(row[4])) for row in rows]
    except (TypeError, ValueError, IndexError, OverflowError) as error:
        raise BadInput(f"The exchange's candles are not [time, open, high, low, close, volume] ({error!r}).", field="candles") from error
    if any(not 0 < close < float("inf") for _, close in ends):
        raise BadInput("A candle closes at no price.", field="candles")
    return Series.of((end, close) for end, close in ends if end <= now_us)


def exchange_named(name: str) -> Exchange:
    """The public side of an exchange, without keys. Raises BadInput when ccxt knows none of that name."""
    import ccxt.async_support as ccxt

    if name not in ccxt.exchanges:
        raise BadInput(f"ccxt knows no exchange {name!r}; give one such as kraken.", field="candles")
    return getattr(ccxt, name)({"enableRateLimit": True, "timeout": 10_000})
