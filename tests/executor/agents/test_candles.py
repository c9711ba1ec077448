"""Candles through ccxt itself, on answers of an exchange that were recorded."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.problems import BadInput
from executor.agents.candles import Candles, closes, exchange_named

START = 1_772_582_400_000  # 2026-03-04 00:00 UTC, in ms
# As Kraken's /0/public/OHLC answers: time, open, high, low, close, vwap, volume, count.
KRAKEN = {
    "error": [],
    "result": {
        "XXBTZUSD": [
            [START // 1000 + 3600 * at, "60000.0", "60100.0", "59900.0", f"{60000 + at}.5", "60000.1", "12.5", 40] for at in range(5)
        ],
        "last": START // 1000 + 3600 * 4,
    },
}


class At:
    """A clock that stands."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float) -> None:
        raise asyncio.CancelledError


def kraken(answers: list[Any]) -> Any:
    """ccxt's Kraken, whose line is the recorded answers."""
    exchange: Any = exchange_named("kraken")
    market = exchange.safe_market_structure(
        {"id": "XXBTZUSD", "symbol": "BTC/USD", "base": "BTC", "quote": "USD", "type": "spot", "spot": True, "active": True,
         "precision": {"amount": 1e-8, "price": 0.1}, "limits": {}}
    )  # fmt: skip
    exchange.set_markets([market])

    async def fetch(url: str, *args: Any, **more: Any) -> Any:
        assert "/OHLC" in url
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    exchange.fetch = fetch
    return exchange


def test_closes_are_known_when_their_candle_ends_and_a_failing_exchange_keeps_what_it_told() -> None:
    import ccxt

    async def story() -> Candles:
        clock = At(datetime(2026, 3, 4, 4, 30, tzinfo=UTC))
        candles = Candles(kraken([KRAKEN, ccxt.NetworkError("down")]), ["BTC/USD"], clock)
        await candles.look()
        before = candles.cross
        with pytest.raises(asyncio.CancelledError):
            await candles.run()
        assert candles.cross == before
        return candles

    candles = asyncio.run(story())
    series = candles.cross["BTC/USD"]
    assert series.values == (60000.5, 60001.5, 60002.5, 60003.5)  # the fifth has not ended
    assert series.times[0] == (START + 3_600_000) * 1_000
    assert "NetworkError" in candles.troubles["BTC/USD"]


@pytest.mark.parametrize("rows", [None, [1], [[1, 2]], [[START, 1, 1, 1, "x"]], [[START, 1, 1, 1, 0.0]], [[START, 1, 1, 1, float("nan")]]])
def test_what_are_no_candles_is_named(rows: Any) -> None:
    with pytest.raises(BadInput):
        closes(rows, 3600, START * 1_000)


def test_an_exchange_that_ccxt_does_not_know_is_named() -> None:
    with pytest.raises(BadInput, match="no exchange"):
        exchange_named("nowhere")
