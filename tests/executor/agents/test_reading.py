"""A record as lines for a terminal and as a page, also when something in it went wrong."""

from __future__ import annotations

import asyncio
import json

import pytest

from domain.problems import Unavailable
from executor.agents.host import AgentHost
from executor.agents.reading import document_of, lines_of, time_of
from executor.agents.transcript import Kind, Row
from executor.agents.transports.transport import Arrival, Lost
from executor.agents.view import RecordedViews, View
from executor.api.negotiation_page import page_of
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.agents.parlour import QUESTION, Says, held
from tests.executor.agents.test_coordinator import Wire


class Broken(Wire):
    """A transport that cannot reach one of its agents."""

    async def send(self, agent: str, raw: bytes) -> None:
        if agent == "gone":
            raise Unavailable("Nobody <there>.")
        await super().send(agent, raw)


def troubled() -> list[Row]:
    """One answered, one answered nonsense, one cannot be reached, one was lost, one said nothing."""

    async def story(clock: VirtualClock) -> list[Row]:
        wire = Broken("fine", "gone", "lost", "mad", "mute")
        async with held(clock, transport=wire) as parts:
            asked = asyncio.ensure_future(parts.coordinator.negotiate(QUESTION))
            await clock.sleep(0.1)
            wire.answer("fine")
            wire.inbox.put_nowait(Lost("lost"))
            wire.inbox.put_nowait(Arrival(b"\xff<b>", "mad"))
            negotiation = await asked
            await parts.coordinator.fail(negotiation, "the guards said <no>")
        return parts.rows.rows

    return run_virtually(story)


def test_trouble_is_told_in_the_document_the_lines_and_the_page() -> None:
    document = document_of(troubled())
    json.dumps(document)
    assert document["replay"]["equal"]
    assert [one["agent"] for one in document["lost"]] == ["gone", "lost"]
    assert document["decision"]["silent"] == ["gone", "lost", "mute"] and document["decision"]["down"] == ["gone", "lost"]
    text = "\n".join(lines_of(document))
    for told in ("gone is lost: Nobody <there>.", "mad → ?            unread   set aside, unreadable", "replay: equal", "fine 100.00 %"):
        assert told in text
    page = page_of({**document, "earlier": ["n-0"]})
    for told in (
        "Nobody &lt;there&gt;.",
        "its line ended",
        "the guards said &lt;no&gt;",
        "earlier about this trade: n-0",
        "set aside, unreadable",
    ):
        assert told in page


def test_a_negotiation_that_was_not_decided_or_does_not_follow_is_shown_as_such() -> None:
    rows = troubled()
    undecided = document_of([row for row in rows if row.kind not in (Kind.DECIDED, Kind.WEIGHTS)])
    assert "not decided" in "\n".join(lines_of(undecided)) and "No decision was taken." in page_of(undecided)
    changed = document_of([row._replace(payload=b"{") if row.kind == Kind.DECIDED else row for row in rows])
    assert "NOT EQUAL" in "\n".join(lines_of(changed)) and "replay: not equal" in page_of(changed)
    assert "A row's hash is not that of what it tells." in page_of(changed)
    unasked = document_of([row for row in rows if row.kind == Kind.HEARD])
    assert unasked["call"] is None and "0 different calls" in page_of(unasked)


def test_a_time_that_no_calendar_has_is_told_as_a_number() -> None:
    assert time_of(2**62) == "2116-02-20T23:53:38.427387+00:00"
    assert time_of(2**90) == str(2**90)


def test_an_agents_host_passes_over_what_is_no_message(caplog: pytest.LogCaptureFixture) -> None:
    async def story(clock: VirtualClock) -> list[bytes]:
        inbox, sent = iter([b"\xff", None]), []

        async def receive() -> bytes | None:
            return next(inbox)

        async def send(raw: bytes) -> None:
            sent.append(raw)

        await AgentHost(Says("a", {"BUY": 1}), RecordedViews(View(0)), clock).serve(receive, send)
        return sent

    assert run_virtually(story) == []
    assert "a ignores a message" in caplog.text
