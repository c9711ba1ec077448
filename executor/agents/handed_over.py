"""What agents are shown of a hand-over: its market, each token by its address and its symbol, and the news. It tells no flow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from domain.market import MarketHistory
from executor.activation import Activation
from executor.agents.view import NewsItem, View
from executor.handover import Handover, generation_at, load_handover
from executor.routing.pool_book import PoolBook


class HandedOverViews:
    """Those of the hand-over in force in this process."""

    def __init__(self, activation: Activation, news: Callable[[], tuple[NewsItem, ...]] = tuple) -> None:
        self._activation, self._news = activation, news

    async def at(self, time_us: int) -> View:
        """What was known at a moment. Raises Unavailable when nothing was handed over."""
        snapshot = self._activation.current
        return _seen(snapshot.book, snapshot.history, self._news(), time_us)


class FolderViews:
    """Those of the hand-over that lies in a folder, for an agent in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: Handover | None = None

    async def at(self, time_us: int) -> View:
        """What was known at a moment. Raises Unavailable, BadInput, BundleRejected."""
        return await asyncio.to_thread(self._at, time_us)

    def _at(self, time_us: int) -> View:
        if self._known is None or self._known.generation != generation_at(self._folder):
            self._known = load_handover(self._folder)
        return _seen(self._known.book, self._known.history, (), time_us)


def _seen(book: PoolBook, known: MarketHistory, news: tuple[NewsItem, ...], time_us: int) -> View:
    tokens = {token.address: token.symbol for booked in book for token in (booked.token0, booked.token1)}
    by_symbol = {tokens[address]: series for address, series in known.prices.items() if address in tokens}
    market = MarketHistory({**known.prices, **by_symbol}, known.base_fee_wei, known.native_price_usd)
    return replace(View(time_us, market), news=news).until(time_us)
