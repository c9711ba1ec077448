"""The printed agent is an agent."""

from __future__ import annotations

import asyncio
import sys
from types import ModuleType

import pytest

from domain.market import MarketHistory, Series
from domain.negotiation import Call, Proposal
from executor.agents.agent import by_name
from executor.agents.messages import Refuse
from executor.agents.view import View
from tests.docs.pages import ROOT, Page

(PRINTED,) = Page(ROOT / "docs" / "add-an-agent.md").blocks("python")


def test_the_printed_agent_answers_and_abstains(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("printed_agent")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(compile(PRINTED, "add-an-agent.md", "exec"), vars(module))
    (agent,) = by_name([module.AGENT]).values()
    call = Call("t-1", "WETH", "USDC", 1, 2)
    answer = asyncio.run(agent.propose(call, View(10, MarketHistory({}, Series.of([(1, 9e9)])))))
    assert isinstance(answer, Proposal) and answer.favourite(call) == "BUY"
    assert isinstance(asyncio.run(agent.propose(call, View(10))), Refuse)
