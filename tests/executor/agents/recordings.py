"""Inputs of negotiations, made by rule: prices that fall or rise, flow that is one-sided or not, news that is good or bad."""

from __future__ import annotations

from datetime import UTC, datetime

from domain.market import MarketHistory, Series, microseconds
from executor.agents.view import NewsItem, View

AT = microseconds(datetime(2026, 3, 4, 13, 0, tzinfo=UTC))  # a Wednesday
MINUTE = 60_000_000
HOUR = 60 * MINUTE


def prices(start: float, step_bps: float, *, every: int = 5 * MINUTE, count: int = 24, until: int = AT) -> Series:
    """A price that goes the same way every five minutes, for two hours."""
    return Series.of((until - (count - at) * every, start * (1 + step_bps / 10_000) ** at) for at in range(1, count + 1))


def conflict(headline: str = "Ethereum rallies as ETF inflows surge, analysts bullish") -> View:
    """The price falls and the pool is late to follow, so Technical sells; the news is good, so News buys; the others are torn or blind."""
    reference = prices(3_000.0, -6.0)
    last = reference.values[-1]
    market = MarketHistory({"WETH": reference, "USDC": Series.of([(AT - HOUR, 1.0)])}, prices(20e9, 0.0))
    news = (
        NewsItem(AT - 10 * MINUTE, headline, "Optimism is great.", "https://news.example/1"),
        NewsItem(AT - 20 * MINUTE, "Ether upgrade approved, a huge success for Ethereum", "", "https://news.example/2"),
        NewsItem(AT - 30 * MINUTE, "Investors love ether again", "Strong inflows.", "https://news.example/3"),
        NewsItem(AT + MINUTE, "Ethereum hacked, all funds drained, catastrophic crash", "", "https://news.example/later"),
        NewsItem(None, "Ether crash, date unknown", "", "https://news.example/undated"),
    )
    return View(AT + HOUR, market, Series.of([(AT - MINUTE, last * 1.004)]), news=news)
