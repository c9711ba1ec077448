"""News from feeds: RSS and Atom, JSON Feed, or a recorded list. Content comes from strangers and is treated so.

A feed is read up to a limit, within a deadline, and never asked to load anything else. What has no time of its own is kept without one,
and then no agent counts it. A feed that fails keeps what it last told.
"""

from __future__ import annotations

import asyncio
import calendar
import io
import logging
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx

from domain.foreign_json import read_foreign
from domain.market import microseconds
from domain.problems import BadInput, Problem, Unavailable
from executor.agents.view import NewsItem
from executor.ports import Clock

LOG = logging.getLogger(__name__)
LARGEST = 2 << 20
MOST_ITEMS = 500
LONGEST_TEXT = 2_000
SECONDS = 5.0
SECONDS_BETWEEN_LOOKS = 60.0
# Not packed: a few kilobytes can unpack to more than there is memory.
_HEADERS = {"Accept": "application/rss+xml, application/atom+xml, application/feed+json, */*;q=0.5", "Accept-Encoding": "identity"}
_TAG = re.compile(r"<[^<>]{0,2000}>")
_ENTITY = re.compile(rb"<!ENTITY", re.IGNORECASE)


def read_feed(content: bytes) -> tuple[NewsItem, ...]:
    """The items of a feed's bytes, whichever of the three it is. Raises BadInput when it is none or too large."""
    if len(content) > LARGEST:
        raise BadInput(f"The feed is larger than {LARGEST} bytes.", field="feed")
    if content.lstrip()[:1] in (b"{", b"["):
        return _of_json(content)
    if _ENTITY.search(content):
        raise BadInput("The feed defines entities of its own; no honest one does.", field="feed")
    import feedparser

    told: Any = feedparser.parse(io.BytesIO(content), sanitize_html=True, resolve_relative_uris=False)
    if not told.get("version"):
        raise BadInput("The feed is neither RSS, Atom nor JSON.", field="feed")
    return tuple(_entry(entry) for entry in told.entries[:MOST_ITEMS])


class NewsFeeds:
    """The items of several feeds, each asked about once a minute."""

    def __init__(self, urls: Sequence[str], clock: Clock, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        if bad := [url for url in urls if not url.startswith(("http://", "https://"))]:
            raise BadInput(f"{bad[0]!r} is no address of a feed; give http:// or https://.", field="news")
        self._clock, self._transport = clock, transport
        self._items: dict[str, tuple[NewsItem, ...]] = {url: () for url in urls}
        self.troubles: dict[str, str] = {}

    @property
    def items(self) -> tuple[NewsItem, ...]:
        """What the feeds last told."""
        return tuple(item for items in self._items.values() for item in items)

    async def run(self) -> None:
        """Ask again and again until cancelled."""
        while True:
            await self.look()
            await self._clock.sleep(SECONDS_BETWEEN_LOOKS)

    async def look(self) -> None:
        """Ask every feed. Never raises; `troubles` says which failed and why."""
        async with httpx.AsyncClient(transport=self._transport, timeout=SECONDS, follow_redirects=True, max_redirects=3) as client:
            await asyncio.gather(*(self._ask(client, url) for url in self._items))

    async def _ask(self, client: httpx.AsyncClient, url: str) -> None:
        try:
            async with asyncio.timeout(2 * SECONDS):  # one that drips keeps no deadline of a single read
                content = await _fetched(client, url)
            self._items[url] = await asyncio.to_thread(read_feed, content)
            self.troubles.pop(url, None)
        except (Problem, TimeoutError) as error:
            why = error.message if isinstance(error, Problem) else f"The feed did not end within {2 * SECONDS:.0f} s."
            if self.troubles.get(url) != why:
                LOG.warning("the feed %s keeps what it told before: %s", url, why)
            self.troubles[url] = why


async def _fetched(client: httpx.AsyncClient, url: str) -> bytes:
    """The feed's bytes. Raises Unavailable, and BadInput when there are too many."""
    content = bytearray()
    try:
        async with client.stream("GET", url, headers=_HEADERS) as answer:
            if answer.status_code != 200:
                raise Unavailable(f"The feed answered {answer.status_code}.", status=answer.status_code)
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise BadInput("The feed is packed, which was not asked for.", field="feed")
            async for part in answer.aiter_bytes(65_536):
                content += part
                if len(content) > LARGEST:
                    raise BadInput(f"The feed is larger than {LARGEST} bytes.", field="feed")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"The feed did not answer ({error or type(error).__name__}).") from error
    return bytes(content)


def _entry(entry: Any) -> NewsItem:
    # Looked up in the mapping itself: feedparser's own look-up takes an update for a publication, and warns of it.
    told = dict.get(entry, "published_parsed") or dict.get(entry, "updated_parsed")
    return _item(entry.get("title"), entry.get("summary"), entry.get("link"), _time(told))


def _of_json(content: bytes) -> tuple[NewsItem, ...]:
    try:
        told: Any = read_foreign(content)
        entries = told["items"] if isinstance(told, dict) else told
        return tuple(
            _item(
                one.get("title"),
                one.get("summary") or one.get("content_text"),
                one.get("url") or one.get("link"),
                one["published_us"] if "published_us" in one else _iso(one.get("date_published")),
            )
            for one in entries[:MOST_ITEMS]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadInput(f"The feed is neither a JSON Feed nor a list of items ({error!r}).", field="feed") from error


def _item(title: Any, summary: Any, link: Any, published_us: Any) -> NewsItem:
    good = isinstance(published_us, int) and not isinstance(published_us, bool)
    return NewsItem(published_us if good else None, _plain(title), _plain(summary), str(link or "")[:LONGEST_TEXT])


def _plain(text: Any) -> str:
    """The text without its markup."""
    return " ".join(unescape(_TAG.sub(" ", str(text or "")[:LONGEST_TEXT])).split())


def _time(told: Any) -> int | None:
    """Microseconds of a feed's struct_time, which is UTC; None where it tells none or one that no calendar has."""
    try:
        return calendar.timegm(told) * 1_000_000 if told else None
    except (ValueError, OverflowError, TypeError):
        return None


def _iso(text: Any) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
        return microseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, TypeError):
        return None
