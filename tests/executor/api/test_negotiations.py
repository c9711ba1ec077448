"""What the agents said about a trade can be read, by a program and by a person, and what they said harms neither."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import httpx
import pytest

from domain.market import microseconds
from domain.problems import BadInput, Unavailable
from executor.agents.advice import advised
from executor.agents.agent import every_agent
from executor.agents.negotiations import Negotiations
from executor.agents.settings import AgentSettings
from executor.agents.terms import Negotiation, Question
from executor.agents.transcript_file import FILE, SqliteRows, read_rows
from executor.agents.transports.in_process import InProcess
from executor.agents.view import RecordedViews
from executor.api import Role
from executor.assembly import simulation
from executor.ports import Chance, SystemClock
from executor.service import ExecutorService
from tests.executor.agents.parlour import EqualWeights, KeptWeights, held
from tests.executor.agents.recordings import AT, conflict
from tests.executor.api.asking import asked

HOSTILE = "Ethereum rallies </td><script>alert('1')</script><img src=x onerror=alert(2)> & \"ether\" surges"


def hold(folder: Path, trade_id: str = "desk-7-0002", headline: str = HOSTILE, times: int = 1) -> None:
    """A negotiation of the real agents, in the folder's record."""

    async def story() -> None:
        clock, rows = SystemClock(), SqliteRows(folder / FILE)
        transport = InProcess(every_agent().values(), RecordedViews(conflict(headline)), clock)
        weights = KeptWeights(EqualWeights(("macro", "news", "onchain", "technical")))
        async with held(clock, transport=transport, weights=weights, rows=rows, deadline_seconds=20.0) as parts:
            for _ in range(times):
                question = Question(trade_id, "WETH", "USDC", 10**18, as_of_ns=AT * 1_000)
                await parts.coordinator.inform(await parts.coordinator.negotiate(question), "bought <1> WETH")
        await rows.close()

    asyncio.run(story())


def get(service: ExecutorService, path: str = "/trade/desk-7-0002/negotiation", **headers: str) -> httpx.Response:
    return asked(service, "GET", path, Role.VIEWER, headers=headers)


def test_a_program_reads_who_said_what_and_what_was_decided(service: ExecutorService, folder: Path) -> None:
    hold(folder, times=2)
    answer = get(service)
    told = answer.json()
    assert answer.headers["content-type"] == "application/json"
    assert told["replay"] == {"equal": True, "findings": []} and told["rows"]["intact"]
    assert len(told["earlier"]) == 1 and told["earlier"][0] != told["conversation_id"]
    assert [one["act"] for one in told["messages"][:4]] == ["cfp"] * 4
    (news,) = (one for one in told["messages"] if one["from"] == "news")
    assert news["said"]["model_version"] == "news/1+vader-1.0.0"
    assert told["decision"]["action"] in ("BUY", "SELL")
    assert sum(told["decision"]["weights_ppm"].values()) == 1_000_000
    assert told["outcome"]["outcome"] == "bought <1> WETH"


def test_a_person_reads_a_page_on_which_nothing_of_an_agent_is_markup(service: ExecutorService, folder: Path) -> None:
    hold(folder)
    page = get(service, accept="text/html,application/xhtml+xml")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "script" not in re.sub(r"&lt;/?script&gt;", "", page.text)
    assert "&lt;img src=x onerror=alert(2)&gt; &amp; &quot;ether&quot;" in page.text
    assert "<img" not in page.text and "bought &lt;1&gt; WETH" in page.text
    for promised in ("The tally", "technical", "replay: equal", " of 1 after 2 proposals, before HOLD", "No other asset"):
        assert promised in page.text
    assert get(service, "/trade/desk-7-0002/negotiation?format=html").text == page.text
    assert get(service, "/trade/desk-7-0002/negotiation?format=json", accept="text/html").json()["trade_id"] == "desk-7-0002"


def test_what_is_not_there_or_not_asked_well_is_named(service: ExecutorService, folder: Path) -> None:
    missing = get(service)
    assert (missing.status_code, missing.json()["error"]) == (404, "UnknownNegotiation")
    hold(folder)
    assert get(service, "/trade/other/negotiation").status_code == 404
    assert get(service, "/trade/a b/negotiation").status_code == 422
    assert get(service, "/trade/desk-7-0002/negotiation?format=pdf").status_code == 422
    assert asked(service, "GET", "/trade/desk-7-0002/negotiation").status_code == 401


def test_a_tampered_record_is_shown_as_such(service: ExecutorService, folder: Path) -> None:
    import sqlite3

    hold(folder)
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("drop trigger never_changed")
        connection.execute("update negotiations set payload = ? where kind = 'decided'", (b'{"action":"HOLD"}',))
    connection.close()
    told = get(service).json()
    assert (told["replay"]["equal"], told["rows"]["intact"]) == (False, False)


def test_an_executor_without_agents_says_so(folder: Path) -> None:
    async def story() -> None:
        negotiations = Negotiations(folder)
        async with negotiations.running():
            with pytest.raises(Unavailable, match="no agents to ask"):
                await negotiations.ask(Question("t-1", "WETH", "USDC"))

    asyncio.run(story())


def test_an_executor_with_agents_takes_their_advice_and_keeps_record_and_weights(folder: Path) -> None:
    """The hand-over tells prices and no news, so one agent proposes and one abstains; nothing is sent."""

    async def life(trade_id: str) -> tuple[Negotiation, int]:
        service = simulation(folder, agents=["technical", "news"])
        as_of_ns = microseconds(service.activation.current.as_of) * 1_000
        async with service.running():
            advice = await service.negotiations.ask(Question(trade_id, "WETH", "USDC", as_of_ns=as_of_ns))
            document = await service.negotiations.document(trade_id)
            assert document["decision"]["action"] == advice.action and document["replay"]["equal"]
            assert service.orders_page(None, 10, None) == ([], None)
        return advice, len(read_rows(folder / FILE)[0])

    first, rows = asyncio.run(life("t-1"))
    assert first.decision.heard.refused.keys() == {"news"}
    assert first.decision.weights_ppm == {"technical": 1_000_000}
    second, more = asyncio.run(life("t-2"))  # another life, the same journal and record
    assert more == 2 * rows
    assert second.action == first.action
    with pytest.raises(BadInput, match="no agent nobody"):
        simulation(folder, agents=["nobody"])


def test_agents_that_cannot_keep_their_weights_do_not_begin_and_hinder_nobody(folder: Path) -> None:
    async def story() -> None:
        negotiations = advised(
            folder, AgentSettings(("news",)), lambda _: RecordedViews(conflict()), lambda: None, SystemClock(), Chance(1)
        )
        async with negotiations.running():
            with pytest.raises(Unavailable, match="not open yet"):
                await negotiations.ask(Question("t-1", "WETH", "USDC"))

    asyncio.run(story())
