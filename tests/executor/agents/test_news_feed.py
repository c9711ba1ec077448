"""Feeds of all kinds are read, and a hostile one costs nobody more than its own items."""

from __future__ import annotations

import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from executor.agents import news_feed
from executor.agents.news_feed import LARGEST, NewsFeeds, read_feed
from executor.agents.view import NewsItem
from executor.ports import SystemClock

RSS = b"""<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>
<item><title>Ether &lt;b&gt;rallies&lt;/b&gt; &amp;amp; more</title><link>https://n.example/1</link>
<description>&lt;p onclick="x()"&gt;Good&lt;/p&gt;&lt;script&gt;bad()&lt;/script&gt;</description>
<pubDate>Wed, 04 Mar 2026 12:00:00 GMT</pubDate></item>
<item><title>Undated</title></item><item><title>Odd</title><pubDate>yesterday-ish</pubDate></item></channel></rss>"""
ATOM = b"""<feed xmlns="http://www.w3.org/2005/Atom"><title>t</title><entry><title>Merge</title><updated>2026-03-04T13:00:00+01:00</updated>
<link href="https://n.example/2"/></entry></feed>"""
NOON = 1_772_625_600_000_000  # 2026-03-04 12:00 UTC


def test_rss_atom_json_feed_and_recorded_items_are_read() -> None:
    first, undated, odd = read_feed(RSS)
    assert (first.published_us, first.title, first.link) == (NOON, "Ether rallies & more", "https://n.example/1")
    assert first.summary == "Good" and undated.published_us is None and odd.published_us is None
    assert read_feed(ATOM) == (NewsItem(NOON, "Merge", "", "https://n.example/2"),)
    told = {"version": "https://jsonfeed.org/version/1.1", "items": [
        {"title": "A", "content_text": "b", "url": "u", "date_published": "2026-03-04T12:00:00Z"},
        {"title": "C", "date_published": "2026-03-04T12:00:00"}, {"title": "D", "date_published": "soon"},
    ]}  # fmt: skip
    assert [(one.published_us, one.title, one.summary) for one in read_feed(json.dumps(told).encode())] == [
        (NOON, "A", "b"), (NOON, "C", ""), (None, "D", ""),
    ]  # fmt: skip
    assert read_feed(b'[{"title": "E", "published_us": 5}, {"title": "F", "published_us": true}]') == (
        NewsItem(5, "E"),
        NewsItem(None, "F"),
    )


@pytest.mark.parametrize(
    "content",
    [b"", b"not a feed", b"{", b"[" * 100_000, b"[1]", b'{"items": 5}', b"<html><body>x</body></html>", b"x" * (LARGEST + 1),
     b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><rss version="2.0"><channel><item><title>&b;</title></item></channel></rss>',
     b'<!DOCTYPE x [<!entity e SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><item><title>&e;</title></item></channel></rss>'],
    ids=lambda told: repr(told[:18]),
)  # fmt: skip
def test_what_is_no_feed_is_named(content: bytes) -> None:
    with pytest.raises(BadInput):
        read_feed(content)


@given(st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda told: RSS[:300] + told + RSS[300:])))
def test_for_any_bytes_a_feed_is_read_or_refused(content: bytes) -> None:
    try:
        assert all(len(item.title) <= news_feed.LONGEST_TEXT for item in read_feed(content))
    except BadInput as problem:
        assert problem.message


BODIES = {"/rss": RSS, "/large": b"x" * (LARGEST + 70_000), "/bomb": gzip.compress(b"x" * (2 * LARGEST))}


class Handler(BaseHTTPRequestHandler):
    """A loopback server of feeds: good, too large, packed to look small, missing, elsewhere, endless redirects, and one that never ends."""

    def do_GET(self) -> None:
        path = self.path
        if path.startswith("/to"):
            self.send_response(302)
            self.send_header("Location", "/rss" if path == "/to" else path)
            self.end_headers()
            return
        self.send_response(404 if path == "/none" else 200)
        if path == "/bomb":
            self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        if path == "/drip":
            try:
                while not self.server.stopping.wait(0.05):  # type: ignore[attr-defined]
                    self.wfile.write(b" ")
            except OSError:
                return
            return
        try:
            self.wfile.write(BODIES.get(path, b""))
        except OSError:
            return

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture
def address() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.stopping = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.stopping.set()  # type: ignore[attr-defined]
    server.shutdown()
    server.server_close()


def test_one_bad_feed_does_not_spoil_the_others(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news_feed, "SECONDS", 1.5)
    names = ("rss", "to", "tofar", "large", "bomb", "none", "drip", "empty")
    feeds = NewsFeeds([*(f"{address}/{name}" for name in names), "http://127.0.0.1:1/"], SystemClock())
    asyncio.run(feeds.look())
    assert len(feeds.items) == 6
    told = {url.rpartition("/")[2]: why for url, why in feeds.troubles.items()}
    assert set(told) == {"tofar", "large", "bomb", "none", "drip", "empty", ""}
    assert "larger" in told["large"] and "packed" in told["bomb"] and "404" in told["none"]
    assert "did not end within 3 s" in told["drip"]


def test_a_feed_that_fails_keeps_what_it_told_and_says_why_until_it_is_back() -> None:
    answers = iter([httpx.Response(200, content=RSS), httpx.Response(500), httpx.Response(200, content=ATOM)])

    async def story() -> None:
        feeds = NewsFeeds(["https://n.example/feed"], SystemClock(), transport=httpx.MockTransport(lambda request: next(answers)))
        for count, trouble in ((3, False), (3, True), (1, False)):
            await feeds.look()
            assert (len(feeds.items), bool(feeds.troubles)) == (count, trouble)

    asyncio.run(story())
    with pytest.raises(BadInput):
        NewsFeeds(["file:///etc/passwd"], SystemClock())


def test_feeds_are_asked_again_by_the_clock() -> None:
    from executor.virtual.loop import VirtualClock, run_virtually

    async def story(clock: VirtualClock) -> int:
        looks = []
        feeds = NewsFeeds([], clock)

        async def look() -> None:
            looks.append(clock.monotonic())

        feeds.look = look  # type: ignore[method-assign]
        watching = asyncio.ensure_future(feeds.run())
        await clock.sleep(179)
        watching.cancel()
        return len(looks)

    assert run_virtually(story) == 3
