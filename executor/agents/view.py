"""What an agent is shown: what was known at one moment of a pair of tokens, and nothing later.

Times are microseconds since 1970, as in `domain/market.py`. A view can be written down as a document and read again, which is what a
recorded negotiation is made of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from domain.market import Market, MarketHistory, Series
from domain.problems import BadInput

FORMAT = "grekko-negotiation-input/1"
LARGEST_FILE = 64 << 20


@dataclass(frozen=True, slots=True)
class NewsItem:
    """Something that was published. `published_us` is None where the feed does not say when; such an item never counts."""

    published_us: int | None
    title: str
    summary: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """All that is known at `time_us`.

    `market` has the reference prices by token, `pool_price` quote per base at the margin of the pool, `flow` what traders bought (sold:
    negative) of base at each moment, in whole tokens, `liquidity` that of the pool, `cross` the prices of other assets by symbol.
    """

    time_us: int
    market: MarketHistory = field(default_factory=lambda: MarketHistory({}))
    pool_price: Series = field(default_factory=Series)
    flow: Series = field(default_factory=Series)
    liquidity: Series = field(default_factory=Series)
    cross: Mapping[str, Series] = field(default_factory=dict)
    news: tuple[NewsItem, ...] = ()

    @property
    def now(self) -> Market:
        """The market as it was known."""
        return Market(self.market, self.time_us)

    def until(self, time_us: int) -> View:
        """The view with everything that became known later taken out."""
        market = MarketHistory(
            {token: _until(series, time_us) for token, series in self.market.prices.items()},
            _until(self.market.base_fee_wei, time_us),
            _until(self.market.native_price_usd, time_us),
        )
        return replace(
            self,
            time_us=time_us,
            market=market,
            pool_price=_until(self.pool_price, time_us),
            flow=_until(self.flow, time_us),
            liquidity=_until(self.liquidity, time_us),
            cross={symbol: _until(series, time_us) for symbol, series in self.cross.items()},
            news=tuple(item for item in self.news if item.published_us is not None and item.published_us <= time_us),
        )

    def to_document(self) -> dict[str, Any]:
        """As plain lists of [microseconds, value]."""
        return {
            "format": FORMAT,
            "time_us": self.time_us,
            "market": self.market.to_document(),
            "pool_price": _pairs(self.pool_price),
            "flow": _pairs(self.flow),
            "liquidity": _pairs(self.liquidity),
            "cross": {symbol: _pairs(series) for symbol, series in sorted(self.cross.items())},
            "news": [{"published_us": one.published_us, "title": one.title, "summary": one.summary, "link": one.link} for one in self.news],
        }

    @classmethod
    def from_document(cls, told: Mapping[str, Any]) -> View:
        """The inverse of `to_document`. What is left out is not known. Raises BadInput naming what is not what it must be."""
        if not isinstance(told, Mapping) or told.get("format") != FORMAT:
            raise BadInput(f"The input of a negotiation says format {FORMAT!r}; give such a document.", field="format")
        unknown = set(told) - {"format", "time_us", "market", "pool_price", "flow", "liquidity", "cross", "news"}
        if unknown:
            raise BadInput(f"The input of a negotiation has no {sorted(unknown)[0]}.", field=sorted(unknown)[0])
        market = told.get("market")
        try:
            pool_price, flow, liquidity = (_series(told.get(name, [])) for name in ("pool_price", "flow", "liquidity"))
            return cls(
                int(told["time_us"]),
                MarketHistory.from_document(market) if market is not None else MarketHistory({}),
                pool_price,
                flow,
                liquidity,
                {str(symbol): _series(pairs) for symbol, pairs in told.get("cross", {}).items()},
                tuple(_item(one) for one in told.get("news", [])),
            )
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadInput(f"The input of a negotiation is not whole ({error!r}); look at docs/add-an-agent.md.", field="input") from error


class Views(Protocol):
    """Where views come from."""

    async def at(self, time_us: int) -> View:
        """What was known at a moment. Raises Unavailable when that cannot be told."""
        ...


class RecordedViews:
    """Views of a document. `sha256` is of its canonical JSON."""

    def __init__(self, whole: View) -> None:
        self.whole = whole
        told = json.dumps(whole.to_document(), sort_keys=True, separators=(",", ":"))
        self.sha256 = hashlib.sha256(told.encode()).hexdigest()

    @classmethod
    def read(cls, path: Path) -> RecordedViews:
        """The document in a file. Raises BadInput when it is none."""
        try:
            if path.stat().st_size > LARGEST_FILE:
                raise BadInput(f"{path} is larger than {LARGEST_FILE} bytes; cut it to the days that are asked about.", field="file")
            return cls(View.from_document(json.loads(path.read_bytes())))
        except (OSError, ValueError, RecursionError) as error:
            raise BadInput(f"{path} cannot be read as JSON ({error}).", field="file", path=str(path)) from error

    async def at(self, time_us: int) -> View:
        return self.whole.until(time_us)


def _until(series: Series, time_us: int) -> Series:
    end = series.index_at(time_us) + 1
    return series if end == len(series.times) else Series(series.times[:end], series.values[:end])


def _pairs(series: Series) -> list[list[float]]:
    return [[time, value] for time, value in zip(series.times, series.values, strict=True)]


def _series(pairs: Sequence[Sequence[float]]) -> Series:
    return Series.of((int(time), float(value)) for time, value in pairs)


def _item(told: Mapping[str, Any]) -> NewsItem:
    published = told.get("published_us")
    texts = [told.get(name, "") for name in ("title", "summary", "link")]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("title, summary and link of news are text")
    return NewsItem(None if published is None else int(published), *texts)
