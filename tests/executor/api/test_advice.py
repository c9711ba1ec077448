"""Agents are asked over HTTP and paid over HTTP, once each; nothing they say sends anything."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.market import microseconds
from domain.negotiation import ActionUtility, Call, Proposal
from domain.problems import BadInput, JournalUnavailable
from executor.agents.handed_over import FolderViews, HandedOverViews
from executor.agents.llm import Asking
from executor.agents.negotiations import Negotiations
from executor.agents.reading import lines_of
from executor.agents.settings import AgentSettings
from executor.agents.transcript import Row, faults
from executor.agents.transcript_file import FILE, SqliteRows, read_rows
from executor.agents.view import NewsItem, View
from executor.api import Role, create_app
from executor.assembly import simulation
from executor.service import ExecutorService
from tests.executor.api.asking import TOKENS, Opened, asked, bearing, talking_to
from tests.executor.trading_floor import champion, hand_over

HERE = __name__
ASKED = {"base": "WETH", "quote": "USDC", "amount_in": "1000000", "actions": ["HOLD", "BUY", "SELL"]}
TRADE = "/trade/desk-7-0002"


class Fixed:
    """Wants what it is told to."""

    def __init__(self, name: str, **micro: int) -> None:
        self.name, self.micro = name, micro

    async def propose(self, call: Call, view: View) -> Proposal:
        return Proposal(self.name, tuple(ActionUtility(action, one) for action, one in self.micro.items()), f"{self.name}/1")


class Model:
    """A language model that always wants to buy."""

    model = "sample-1"

    async def complete(self, prompt: str, schema: Mapping[str, Any]) -> str:
        await asyncio.sleep(0)
        utility = {"action": "BUY", "utility_micro": 250_000, "confidence_ppm": 800_000, "horizon_seconds": 600}
        return json.dumps({"utilities": [utility], "why": prompt})


BULL, BEAR, ASKING = Fixed("bull", BUY=800_000), Fixed("bear", SELL=300_000), Asking("news-llm", Model())
BOTH = [f"{HERE}:BULL", f"{HERE}:BEAR"]


def talk(service: ExecutorService, *requests: tuple[str, str, dict | None]) -> list[Any]:
    """The answers of one running application to these requests, one after the other, as a trader."""

    async def story() -> list[Any]:
        app = create_app(service, TOKENS, looks=False)
        async with service.running(), talking_to(app, Role.TRADER) as client:
            return [await client.request(method, path, json=body) for method, path, body in requests]

    return asyncio.run(story())


def now(**before: float) -> str:
    return (datetime.now(UTC) - timedelta(**before)).isoformat()


def test_the_same_question_gets_the_recorded_decision_and_another_one_is_refused(folder: Path) -> None:
    again = ("POST", f"{TRADE}/negotiation", ASKED)
    other = ("POST", f"{TRADE}/negotiation", {**ASKED, "amount_in": "2"})
    first, second, refused, read, orders = talk(
        simulation(folder, agents=BOTH), again, again, other, ("GET", f"{TRADE}/negotiation", None), ("GET", "/orders", None)
    )
    assert (first.status_code, second.status_code, refused.status_code) == (201, 200, 409)
    assert first.headers["location"] == f"{TRADE}/negotiation"
    assert first.json() == second.json() == read.json()
    assert first.json()["decision"]["action"] == "BUY" and first.json()["replay"]["equal"]
    assert refused.json()["error"] == "NegotiationConflict" and "amount_in" in refused.json()["message"]
    assert orders.json()["orders"] == []
    # Another life of the executor, and even one without agents, keeps to what was decided.
    assert talk(simulation(folder), again)[0].json()["conversation_id"] == first.json()["conversation_id"]


def test_two_who_ask_at_once_get_one_decision(folder: Path) -> None:
    service = simulation(folder, agents=BOTH)

    async def story() -> list[Any]:
        app = create_app(service, TOKENS, looks=False)
        async with service.running(), talking_to(app, Role.TRADER) as client:
            return await asyncio.gather(*(client.post(f"{TRADE}/negotiation", json=ASKED) for _ in range(5)))

    answers = asyncio.run(story())
    assert sorted(one.status_code for one in answers) == [200] * 4 + [201]
    assert len({one.json()["conversation_id"] for one in answers}) == 1


def test_without_agents_the_sentence_says_what_to_do(folder: Path) -> None:
    (answer,) = talk(simulation(folder), ("POST", f"{TRADE}/negotiation", ASKED))
    assert answer.status_code == 503 and "--agents" in answer.json()["message"]
    assert asked(simulation(folder), "POST", f"{TRADE}/negotiation", Role.VIEWER, json=ASKED).status_code == 403


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"base": "DOGE"}, 404), ({"quote": "WETH"}, 422), ({"actions": ["HOLD"]}, 422), ({"actions": ["HOLD", "HOLD"]}, 422)],
)
def test_a_question_that_makes_no_sense_is_refused(folder: Path, changed: dict, status: int) -> None:
    (answer,) = talk(simulation(folder, agents=BOTH), ("POST", f"{TRADE}/negotiation", {**ASKED, **changed}))
    assert answer.status_code == status and answer.json()["message"]


def test_an_outcome_pays_to_the_last_unit_and_moves_weights_once(folder: Path) -> None:
    told = {"move_bps": 40, "pnl_units": "3331"}
    outcome = ("POST", f"{TRADE}/outcome", told)
    service = simulation(folder, agents=BOTH)
    _, first, second, refused, read, page = talk(
        service,
        ("POST", f"{TRADE}/negotiation", ASKED),
        outcome,
        outcome,
        ("POST", f"{TRADE}/outcome", {**told, "pnl_units": "3332"}),
        ("GET", f"{TRADE}/negotiation", None),
        ("GET", f"{TRADE}/negotiation?format=html", None),
    )
    assert (first.status_code, second.status_code, refused.status_code) == (201, 200, 409)
    document = read.json()
    assert document == first.json() == second.json()
    credited = document["credited"]
    for way in ("shapley", "utility_share"):
        assert sum(int(units) for units in credited[way].values()) == 3331 == int(credited["result"])
    assert int(credited["shapley"]["bull"]) > 0 > int(credited["shapley"]["bear"])
    after = document["learnt"]["ppm"]
    assert sum(after.values()) == 1_000_000 and document["learnt"]["frozen"] == ""
    assert 0 < after["bull"] - 500_000 <= 50_000
    assert document["outcome"]["act"] == "inform" and "3331 units" in document["outcome"]["outcome"]
    assert document["replay"] == {"equal": True, "findings": []}
    rows, head = read_rows(folder / FILE)
    assert list(faults(rows, head)) == []
    assert [row.kind for row in rows].count("credited") == 1
    assert "What it earned" in page.text and "3331 base units" in page.text


def test_an_outcome_after_a_restart_counts_and_the_weights_survive_the_next(folder: Path) -> None:
    talk(simulation(folder, agents=BOTH), ("POST", f"{TRADE}/negotiation", ASKED))
    (answer,) = talk(simulation(folder, agents=BOTH), ("POST", f"{TRADE}/outcome", {"move_bps": -40}))
    told = answer.json()
    assert answer.status_code == 201 and 450_000 <= told["learnt"]["ppm"]["bull"] < 500_000
    assert [one["to"] for one in told["messages"] if one["act"] == "inform"] == ["bear", "bull"]
    (later,) = talk(simulation(folder, agents=BOTH), ("POST", "/trade/t-2/negotiation", ASKED))
    assert later.json()["decision"]["weights_ppm"] == told["learnt"]["ppm"]


def test_an_agent_that_is_not_asked_any_more_is_still_paid_and_not_told(folder: Path) -> None:
    talk(simulation(folder, agents=BOTH), ("POST", f"{TRADE}/negotiation", ASKED))
    (answer,) = talk(simulation(folder, agents=BOTH[:1]), ("POST", f"{TRADE}/outcome", {"move_bps": -40}))
    told = answer.json()
    assert int(told["credited"]["shapley"]["bear"]) > 0 and told["learnt"]["ppm"] == {"bull": 1_000_000}
    assert [one["to"] for one in told["messages"] if one["act"] == "inform"] == ["bull"]
    assert told["replay"]["equal"]


def test_stale_prices_pay_and_move_no_weight(folder: Path) -> None:
    ask = ("POST", f"{TRADE}/negotiation", ASKED)
    _, answer = talk(simulation(folder, agents=BOTH), ask, ("POST", f"{TRADE}/outcome", {"move_bps": 40, "at": now(hours=2)}))
    told = answer.json()
    assert told["learnt"]["ppm"] == {"bull": 500_000, "bear": 500_000} and re.search(r"\b2:0\d:\d\d", told["learnt"]["frozen"])
    assert told["credited"]["result"] == "4000"
    (page,) = talk(simulation(folder), ("GET", f"{TRADE}/negotiation?format=html", None))
    assert "No weight moved" in page.text


@pytest.mark.parametrize(
    "told",
    [{}, {"move_bps": 1, "markout_bps": {"BUY": 1}}, {"move_bps": 1, "at": now(hours=-1)}, {"move_bps": 1, "at": "2026-01-01T00:00:00Z"},
     {"move_bps": 1, "at": 5}, {"move_bps": 1, "at": "0001-01-01T00:00:00+14:00"}, {"move_bps": 1, "pnl_units": "-"}, {"move_bps": "1"}],
)  # fmt: skip
def test_an_outcome_that_makes_no_sense_is_refused_and_nobody_is_paid(folder: Path, told: dict) -> None:
    ask, outcome = ("POST", f"{TRADE}/negotiation", ASKED), ("POST", f"{TRADE}/outcome", told)
    _, answer, good = talk(simulation(folder, agents=BOTH), ask, outcome, ("POST", f"{TRADE}/outcome", {"move_bps": 1, "pnl_units": -7}))
    assert answer.status_code == 422 and answer.json()["field"]
    assert good.status_code == 201 and good.json()["credited"]["result"] == "-7"


def test_an_outcome_of_no_negotiation_or_of_a_tampered_one_pays_nobody(folder: Path) -> None:
    outcome = ("POST", f"{TRADE}/outcome", {"move_bps": 1})
    _, unknown = talk(simulation(folder, agents=BOTH), ("POST", "/trade/t-9/negotiation", ASKED), outcome)
    assert unknown.status_code == 404
    talk(simulation(folder, agents=BOTH), ("POST", f"{TRADE}/negotiation", ASKED))
    with sqlite3.connect(folder / FILE) as connection:
        connection.execute("drop trigger never_changed")
        connection.execute("update negotiations set payload = ? where kind = 'decided'", (b'{"action":"HOLD"}',))
    connection.close()
    (answer,) = talk(simulation(folder, agents=BOTH), outcome)
    assert answer.status_code == 500 and answer.json()["error"] == "Broken"


def test_credits_that_were_changed_do_not_follow_any_more(folder: Path) -> None:
    talk(simulation(folder, agents=BOTH), ("POST", f"{TRADE}/negotiation", ASKED), ("POST", f"{TRADE}/outcome", {"move_bps": 9}))
    for payload in ("replace(payload, '900', '901')", "'{}'", "'['"):
        with sqlite3.connect(folder / FILE) as connection:
            connection.execute("drop trigger if exists never_changed")
            connection.execute(f"update negotiations set payload = cast({payload} as blob) where kind = 'credited'")
        connection.close()
        (told,) = talk(simulation(folder), ("GET", f"{TRADE}/negotiation", None))
        assert "do not follow" in told.json()["replay"]["findings"][0]


def publish(folder: Path, version: int) -> None:
    template = f"Version {version}: {{{{ base }}}}?"
    one = {"version": version, "alias": "production", "template": template, "sha256": hashlib.sha256(template.encode()).hexdigest()}
    half = folder / "prompts.half"
    half.write_text(json.dumps({"format": "grekko-prompts/1", "prompts": {"news-llm": one}}))
    half.replace(folder / "prompts.json")


def test_a_changed_prompt_is_in_the_next_proposal_within_a_second(folder: Path) -> None:
    service = simulation(folder, agents=[f"{HERE}:ASKING"])
    publish(folder, 3)

    async def story() -> list[str]:
        app, versions = create_app(service, TOKENS, looks=False), []
        async with service.running(), talking_to(app, Role.TRADER) as client:
            for trade, version in (("one", 4), ("two", 4)):
                told = (await client.post(f"/trade/{trade}/negotiation", json=ASKED)).json()
                versions += [one["said"]["prompt_version"] for one in told["messages"] if one["act"] == "propose"]
                publish(folder, version)
                await asyncio.sleep(0.9)
        return versions

    assert asyncio.run(story()) == ["news-llm/3", "news-llm/4"]


def test_an_agent_with_prompts_abstains_where_nobody_gave_it_any() -> None:
    assert "given no prompts" in str(asyncio.run(ASKING.propose(None, None)))  # type: ignore[arg-type]


def test_agents_in_processes_of_their_own_see_the_hand_over_and_the_prompts(folder: Path) -> None:
    publish(folder, 5)
    settings = AgentSettings(("technical", f"{HERE}:ASKING"), deadline_seconds=60.0, transport="processes")
    (answer,) = talk(simulation(folder, agents=settings), ("POST", f"{TRADE}/negotiation", ASKED))
    told = answer.json()
    assert sorted(told["decision"]["proposed"]) == ["news-llm", "technical"], told
    assert [one["said"]["prompt_version"] for one in told["messages"] if one["from"] == "news-llm"] == ["news-llm/5"]


def test_agents_elsewhere_and_weights_elsewhere_are_taken_by_address(folder: Path) -> None:
    simulation(folder, agents=AgentSettings(("mine",), transport="kafka://127.0.0.1:9/agents"))
    with pytest.raises(BadInput, match="by its name"):
        simulation(folder, agents=AgentSettings((f"{HERE}:BULL",), transport="kafka://127.0.0.1:9"))
    with pytest.raises(BadInput, match="cannot be read"):
        simulation(folder, agents=AgentSettings(("news",), weights="redis://host:port"))
    # A server that is down keeps nobody from advising; the weights are equal then.
    down = AgentSettings(("news", "technical"), weights="redis://127.0.0.1:9/0", feeds=("http://127.0.0.1:9/rss",))
    (answer,) = talk(simulation(folder, agents=down), ("POST", f"{TRADE}/negotiation", ASKED))
    assert answer.status_code == 201


def test_who_hangs_up_leaves_nothing_half_done(folder: Path) -> None:
    service = simulation(folder, agents=BOTH)

    async def story() -> tuple[dict[str, Any], bool]:
        async with service.running():
            asking = asyncio.ensure_future(service.negotiate("t-1", "WETH", "USDC", 5))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            return await service.negotiate("t-1", "WETH", "USDC", 5)

    document, is_new = asyncio.run(story())
    assert document["decision"]["action"] == "BUY" and not is_new


def test_tokens_that_share_a_symbol_are_asked_about_by_address(tmp_path: Path) -> None:
    hand_over(tmp_path / "executor", champion(tmp_path / "bundles"))
    opened = Opened(tmp_path / "executor", agents=BOTH)

    async def story() -> dict[str, Any]:
        async with opened.client(Role.TRADER) as client:
            address = opened.service._book.token("WETH").address
            answer = await client.post(f"{TRADE}/negotiation", json={**ASKED, "base": address}, headers=bearing(Role.TRADER))
            return answer.json()["call"]

    assert asyncio.run(story())["base"] == "WETH"


def test_a_full_disk_moves_no_weight_and_the_same_outcome_counts_once_when_it_is_told_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk(simulation(folder, agents=BOTH), ("POST", f"{TRADE}/negotiation", ASKED))
    commit, full = SqliteRows.commit, [True]

    async def committed(rows: SqliteRows, told: Sequence[Row]) -> None:
        if any(row.kind == "credited" for row in told) and full:
            full.pop()
            raise JournalUnavailable("Nothing was written: the disk is full.")
        await commit(rows, told)

    monkeypatch.setattr(SqliteRows, "commit", committed)
    outcome = ("POST", f"{TRADE}/outcome", {"move_bps": 40})
    refused, done, again = talk(simulation(folder, agents=BOTH), outcome, outcome, outcome)
    assert (refused.status_code, done.status_code, again.status_code) == (503, 201, 200)
    told = done.json()
    assert told["replay"]["equal"] and told["rows"]["intact"]
    rows, head = read_rows(folder / FILE)
    assert list(faults(rows, head)) == []
    (learnt,) = (json.loads(json.loads(row.payload)["state"]) for row in rows if row.kind == "learnt")
    assert [agent["scores"] for agent in learnt["agents"]] == [1, 1]


def test_a_person_at_a_terminal_reads_who_was_credited(folder: Path) -> None:
    service = simulation(folder, agents=BOTH)
    talk(service, ("POST", f"{TRADE}/negotiation", ASKED), ("POST", f"{TRADE}/outcome", {"move_bps": 40, "pnl_units": "100"}))
    document = asyncio.run(Negotiations(folder).document("desk-7-0002"))
    told = "\n".join(lines_of(document))
    # Alone, the bear would have lost 4000.
    assert "credits of 100 units: bear -2000, bull 2100" in told


def test_an_agent_is_shown_the_same_in_this_process_and_in_its_own(folder: Path) -> None:
    """And the news only here; nothing that came later anywhere."""
    activation = simulation(folder).activation
    noon = microseconds(activation.current.as_of)
    news = (NewsItem(noon - 1, "known"), NewsItem(noon + 1, "later"))

    async def story() -> tuple[View, View, View]:
        views = FolderViews(folder)
        return await HandedOverViews(activation, lambda: news).at(noon), await views.at(noon), await views.at(noon)

    here, there, again = asyncio.run(story())
    assert there.market.to_document() == here.market.to_document() == again.market.to_document()
    assert "WETH" in here.market.prices and [item.title for item in here.news] == ["known"] and there.news == ()
