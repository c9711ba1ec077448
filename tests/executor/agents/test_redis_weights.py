"""Weights in a real Redis: compared and set in one step, and a server that is down is told as such."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from domain.agent_weights import AgentWeights
from domain.problems import BadInput, Unavailable, WeightsOvertaken
from executor.agents.redis_weights import KEY, RedisWeights, open_weights
from executor.agents.weight_store import JournalWeights, LiveWeights
from executor.journal import Journal, MemoryStore
from executor.ports import SystemClock
from tests.executor.agents.redis_server import Server, running

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
BEGUN = AgentWeights.equal(["news", "technical"])


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as one:
        yield one


@pytest.fixture(autouse=True)
def empty(server: Server) -> None:
    async def story():
        async with Redis.from_url(server.url) as redis:
            await redis.flushall()

    asyncio.run(story())


def learnt(weights: AgentWeights) -> AgentWeights:
    return weights.scored({"news": -5, "technical": 5}, NOON)


def told(url: str, story: Callable[[RedisWeights, RedisWeights], Awaitable[None]]) -> None:
    """Runs the story with two executors' stores."""

    async def both():
        async with RedisWeights(url) as one, RedisWeights(url) as other:
            await story(one, other)

    asyncio.run(both())


def test_what_one_executor_saved_another_loads(server):
    async def story(one, other):
        assert await one.load() is None
        await one.save(BEGUN)
        await one.save(learnt(BEGUN))
        await one.save(learnt(BEGUN))  # asked again after no answer
        assert await other.load() == learnt(BEGUN)

    told(server.url, story)


def test_of_two_executors_that_learnt_from_the_same_weights_only_the_first_is_kept(server):
    async def story(one, other):
        await one.save(BEGUN)
        await other.load()
        await one.save(learnt(BEGUN))
        with pytest.raises(WeightsOvertaken, match="do not follow generation 1"):
            await other.save(BEGUN.left("news"))
        with pytest.raises(WeightsOvertaken):  # a higher generation does not help: it was not learnt from what is there
            await other.save(BEGUN.left("news").joined("macro"))
        assert await other.load() == learnt(BEGUN)
        with pytest.raises(WeightsOvertaken, match="generation 0 do not follow generation 1"):
            await other.save(BEGUN)

    told(server.url, story)


def test_an_executor_that_has_not_looked_replaces_nothing(server):
    async def story(one, other):
        await one.save(learnt(BEGUN))
        with pytest.raises(WeightsOvertaken):
            await other.save(BEGUN.joined("macro").left("news"))

    told(server.url, story)


def test_many_changes_of_two_executors_at_once_all_count(server):
    async def story(one, other):
        first = await LiveWeights.open(one, ["news", "technical"])
        await first.change(learnt)
        second = await LiveWeights.open(other, ["news", "technical"])

        async def learn(live: LiveWeights, score: int) -> None:
            for trade in range(10):
                await live.change(lambda weights: weights.scored({"news": score - trade}, NOON))  # noqa: B023

        await asyncio.gather(learn(first, 100), learn(second, 200))
        for live in (first, second):  # whoever was overtaken too often comes after
            await live.change(lambda weights: weights)
        kept = await one.load()
        assert kept is not None
        assert kept.agents[0].scores == 21

    told(server.url, story)


def test_a_server_that_is_down_is_told_and_the_weights_in_memory_stay_in_force():
    async def story(server: Server):
        async with RedisWeights(server.url) as store:
            live = await LiveWeights.open(store, ["news", "technical"])
            await live.change(learnt)
            server.stop()
            await live.change(learnt)
            assert live.now == learnt(learnt(BEGUN))
            assert live.trouble is not None and f"127.0.0.1:{server.port} did not answer" in live.trouble
            with pytest.raises(Unavailable, match="the weights in memory stay"):
                await store.load()

            server.start()  # and has forgotten everything
            await live.change(learnt)
            assert live.trouble is None
            assert await store.load() == live.now

    with running() as server:
        asyncio.run(story(server))


def test_something_else_under_the_key_is_refused(server):
    async def story(one, other):
        async with Redis.from_url(server.url) as redis:
            await redis.set(KEY, "a shopping list")
            with pytest.raises(BadInput, match="give the weights a key of their own"):
                await one.load()
            await redis.delete(KEY)
            await redis.hset(KEY, mapping={"generation": "7", "weights": BEGUN.to_json()})
            with pytest.raises(BadInput, match="another generation than 7"):
                await one.load()
            await redis.hset(KEY, mapping={"generation": "0", "weights": "{}"})
            with pytest.raises(BadInput, match="no agent weights"):
                await one.load()

    told(server.url, story)


def test_one_setting_says_where_weights_are_kept(server):
    async def story():
        journal = await Journal.open(MemoryStore(), SystemClock())
        assert isinstance(open_weights("journal", journal, SystemClock()), JournalWeights)
        assert isinstance(open_weights(server.url, journal, SystemClock()), RedisWeights)
        with pytest.raises(BadInput, match="redis://host:port/database"):
            open_weights("memcached://here", journal, SystemClock())
        with pytest.raises(BadInput, match="cannot be read"):
            open_weights("redis://here:port", journal, SystemClock())

    asyncio.run(story())
