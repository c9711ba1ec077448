"""Agents over a real broker's topic."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from domain.problems import BadInput
from executor.agents.terms import Question
from executor.agents.transcript import conversations, replay
from executor.agents.transports.topic import Topic, agent_stream, serve
from executor.agents.view import RecordedViews, View
from executor.ports import SystemClock
from tests.executor.agents.parlour import Says, held
from tests.executor.streams.brokers import Broker, find


@pytest.mark.skipif(find("tansu") is None, reason="tansu is not installed")
def test_a_negotiation_over_a_broker_is_like_one_within_the_process(tmp_path: Path) -> None:
    async def story(setting: str):
        clock, views = SystemClock(), RecordedViews(View(0))
        agents = [Says("a", {"BUY": 700_000}), Says("b", {"SELL": 300_000})]
        tasks = [asyncio.ensure_future(serve(agent, views, clock, agent_stream(setting, clock))) for agent in agents]
        async with held(clock, transport=Topic(agent_stream(setting, clock), ["a", "b"]), deadline_seconds=15.0) as parts:
            first = await parts.coordinator.negotiate(Question("t-1", "WETH", "USDC"))
            await parts.coordinator.inform(first, "bought")
        # A second life reads the topic from its start, and what is over does not disturb it.
        async with held(clock, transport=Topic(agent_stream(setting, clock), ["a", "b"]), deadline_seconds=15.0, seed=8) as again:
            second = await again.coordinator.negotiate(Question("t-2", "WETH", "USDC"))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return first, second, parts.rows.rows, again.rows.rows

    with Broker("tansu", tmp_path) as broker:
        first, second, *lives = asyncio.run(story(broker.setting.rpartition("/")[0]))
    assert (first.action, second.action) == ("BUY", "BUY")
    for negotiation, rows in zip((first, second), lives, strict=True):
        told = conversations(rows)[negotiation.conversation_id]
        assert [row.note for row in told if row.note] == []
        assert replay(told).is_equal


def test_the_topic_is_that_of_agents_unless_another_is_named() -> None:
    clock = SystemClock()
    assert agent_stream("kafka://127.0.0.1:9092/", clock).name == "kafka://127.0.0.1:9092/agent_negotiation"
    assert agent_stream("kafka://127.0.0.1:9092/other", clock).name == "kafka://127.0.0.1:9092/other"
    with pytest.raises(BadInput):
        agent_stream("memory", clock)
