"""News: what was published. Items about the token of the last six hours, scored by a lexicon, newer ones more.

The lexicon is VADER's (Hutto and Gilbert, 2014), with a few words that mean something else, or anything at all, on a market. Only what
was published before the moment that is asked about counts, and only with a time of its own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from domain.negotiation import Call, Proposal
from executor.agents.agent import leaning
from executor.agents.messages import Refuse
from executor.agents.view import NewsItem, View

HOUR_US = 3_600_000_000
REACH_US = 6 * HOUR_US
HALF_LIFE_US = HOUR_US
MOST_ITEMS = 200
LONGEST = 2_000
ITEMS_FOR_CONFIDENCE = 3
# Valence from -4 to 4, as VADER has it.
MARKET_WORDS: Mapping[str, float] = {
    "bullish": 2.5, "rally": 2.2, "rallies": 2.2, "surge": 2.2, "surges": 2.2, "soars": 2.5, "inflows": 1.8, "upgrade": 1.5,
    "approves": 1.8, "approved": 1.8, "adoption": 1.5, "bearish": -2.5, "plunge": -2.5, "plunges": -2.5, "crash": -3.0, "crashes": -3.0,
    "hack": -3.0, "hacked": -3.2, "exploit": -2.8, "exploited": -3.0, "drained": -2.8, "depeg": -3.0, "depegs": -3.0, "outflows": -1.8,
    "lawsuit": -2.0, "sues": -2.0, "liquidated": -2.2, "liquidations": -2.0, "halts": -2.0, "delisted": -2.5, "bankrupt": -3.2,
    "share": 0.0, "shares": 0.0, "interest": 0.0,
}  # fmt: skip
NAMES: Mapping[str, Sequence[str]] = {
    "eth": ("eth", "ether", "ethereum"),
    "btc": ("btc", "bitcoin"),
    "sol": ("sol", "solana"),
    "pol": ("pol", "polygon", "matic"),
    "usdc": ("usdc", "circle"),
    "usdt": ("usdt", "tether"),
    "dai": ("dai", "maker", "makerdao"),
}


@dataclass(frozen=True, slots=True)
class News:
    """Follows the tone of what is written."""

    name: str = "news"
    version: str = "news/1+vader-1.0.0"

    async def propose(self, call: Call, view: View) -> Proposal | Refuse:
        items = about(call.base, view)
        if not items:
            return Refuse(f"Nothing about {call.base} was published in the last six hours.")
        ages = [view.time_us - item.published_us for item in items if item.published_us is not None]
        counts = [0.5 ** (age / HALF_LIFE_US) for age in ages]
        tones = [tone(f"{item.title}. {item.summary}") for item in items]
        digest = hashlib.sha256("\n".join(f"{item.published_us} {item.title} {item.link}" for item in items).encode(errors="replace"))
        return leaning(
            self.name,
            call,
            sum(one * count for one, count in zip(tones, counts, strict=True)) / sum(counts),
            confidence=min(1.0, sum(counts) / ITEMS_FOR_CONFIDENCE),
            horizon_seconds=2 * 3600,
            version=self.version,
            evidence=f"{len(items)} items, sha256 {digest.hexdigest()[:16]}, newest: {items[0].title[:160]}",
        )


def about(token: str, view: View) -> list[NewsItem]:
    """The items that name the token, the newest first, each title once."""
    plain = token.lower()
    plain = plain[1:] if plain.startswith("w") and plain[1:] in NAMES else plain
    words = re.compile(rf"\b({'|'.join(re.escape(name) for name in NAMES.get(plain, (plain,)))})\b", re.IGNORECASE)
    found: dict[str, NewsItem] = {}
    for item in sorted(view.news, key=lambda one: (-(one.published_us or 0), one.title)):
        if item.published_us is None or not 0 <= view.time_us - item.published_us <= REACH_US:
            continue
        if words.search(f"{item.title} {item.summary}"[:LONGEST]):
            found.setdefault(item.title.strip().lower(), item)
    return list(found.values())[:MOST_ITEMS]


def tone(text: str) -> float:
    """From -1 (bad) to 1 (good)."""
    return float(_analyzer().polarity_scores(text[:LONGEST])["compound"])


@cache
def _analyzer() -> Any:
    from vader import SentimentIntensityAnalyzer

    analyzer: Any = SentimentIntensityAnalyzer()
    analyzer.lexicon = {**analyzer.lexicon, **MARKET_WORDS}
    return analyzer


AGENT = News()
