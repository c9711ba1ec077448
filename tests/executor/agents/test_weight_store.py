"""Weights survive a restart, nobody undoes another's learning, and a store that is down stops nobody."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from domain.agent_weights import AgentWeights
from domain.problems import BadInput, Unavailable, WeightsOvertaken
from executor.agents.weight_store import AGENT_WEIGHTS, JournalWeights, LiveWeights, overtaken
from executor.journal import Journal, MemoryStore
from executor.ports import SystemClock

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
CLOCK = SystemClock()
BEGUN = AgentWeights.equal(["news", "technical"])


def learnt(weights: AgentWeights) -> AgentWeights:
    return weights.scored({"news": -5, "technical": 5}, NOON)


class MemoryWeights:
    """A store that two executors can share, that can be down, and that can forget to answer after it kept something."""

    def __init__(self, shared: list[AgentWeights] | None = None) -> None:
        self.kept = [] if shared is None else shared
        self.is_down = self.forgets_to_answer = False
        self._known: AgentWeights | None = None

    async def load(self) -> AgentWeights | None:
        await self._answer()
        self._known = self.kept[-1] if self.kept else None
        return self._known

    async def save(self, weights: AgentWeights) -> None:
        await self._answer()
        last = self.kept[-1] if self.kept else None
        if last != self._known and last != weights:
            raise overtaken(weights.generation, last.generation if last else None)
        self.kept.append(weights)
        if self.forgets_to_answer:
            raise Unavailable("The store forgot to answer.")
        self._known = weights

    async def _answer(self) -> None:
        await asyncio.sleep(0)
        if self.is_down:
            raise Unavailable("The store is down.")


def test_weights_in_the_journal_are_there_after_a_restart_and_the_last_entry_counts():
    async def story():
        store = MemoryStore()
        journal = await Journal.open(store, CLOCK)
        weights = JournalWeights(journal, CLOCK)
        assert await weights.load() is None
        await weights.save(BEGUN)
        await weights.save(learnt(BEGUN))
        await weights.save(learnt(BEGUN))  # once is enough
        await journal.close()

        again = await Journal.open(store, CLOCK)
        assert await JournalWeights(again, CLOCK).load() == learnt(BEGUN)
        assert [row.about for row in again.entries()[1:]] == [(AGENT_WEIGHTS, None)] * 2
        assert again.orders.unfinished() == []

    asyncio.run(story())


def test_the_journal_refuses_weights_older_than_its_own():
    async def story():
        weights = JournalWeights(await Journal.open(MemoryStore(), CLOCK), CLOCK)
        await weights.save(learnt(BEGUN))
        with pytest.raises(WeightsOvertaken, match="generation 0 do not follow generation 1"):
            await weights.save(BEGUN)
        assert await weights.load() == learnt(BEGUN)

    asyncio.run(story())


def test_a_desk_that_opens_again_goes_on_where_it_was_and_new_agents_join_cold():
    async def story():
        store = MemoryWeights()
        live = await LiveWeights.open(store, ["technical", "news"])
        await live.change(learnt)

        again = await LiveWeights.open(MemoryWeights(store.kept), ["technical", "news", "macro"])
        assert again.now == learnt(BEGUN).joined("macro")
        assert store.kept[-1] == again.now

    asyncio.run(story())


def test_while_the_store_is_down_weights_learn_on_in_memory_and_are_saved_when_it_is_back(caplog):
    async def story():
        store = MemoryWeights()
        live = await LiveWeights.open(store, ["news", "technical"])
        store.is_down = True
        for _ in range(3):
            await live.change(learnt)
        assert live.now == learnt(learnt(learnt(BEGUN)))
        assert live.to_json()["unsaved"] == 3
        assert live.trouble == "The store is down."

        store.is_down = False
        await live.change(lambda weights: weights)
        assert store.kept == [live.now]
        assert live.to_json()["unsaved"] == 0
        assert live.trouble is None

    asyncio.run(story())
    assert caplog.text.count("in memory only: The store is down.") == 1


def test_a_desk_starts_at_equal_weights_when_the_store_is_down_and_takes_over_the_kept_ones_later():
    async def story():
        kept = [learnt(learnt(BEGUN))]
        store = MemoryWeights(kept)
        store.is_down = True
        live = await LiveWeights.open(store, ["news", "technical"])
        assert live.now == BEGUN
        assert live.trouble == "The store is down."

        store.is_down = False
        await live.change(learnt)
        assert live.now == store.kept[-1] == learnt(learnt(learnt(BEGUN)))

    asyncio.run(story())


def test_two_executors_on_one_store_learn_from_each_other_and_lose_nothing():
    async def story():
        kept: list[AgentWeights] = [BEGUN]
        one, other = [await LiveWeights.open(MemoryWeights(kept), ["news", "technical"]) for _ in range(2)]
        scored = [lambda weights, each=each: weights.scored({"news": each}, NOON) for each in range(4)]
        await asyncio.gather(*(live.change(score) for live, score in zip((one, other, one, other), scored, strict=True)))

        assert kept[-1].agents[0].scores == 4
        assert [weights.generation for weights in kept] == sorted({weights.generation for weights in kept})

    asyncio.run(story())


def test_a_change_whose_saving_was_not_answered_is_not_made_twice():
    async def story():
        store = MemoryWeights([BEGUN])
        live = await LiveWeights.open(store, ["news", "technical"])
        store.forgets_to_answer = True
        await live.change(learnt)
        store.forgets_to_answer = False
        await live.change(learnt)

        assert live.now == store.kept[-1] == learnt(learnt(BEGUN))

    asyncio.run(story())


def test_a_change_that_does_not_fit_the_weights_of_another_executor_is_left_out(caplog):
    async def story():
        kept: list[AgentWeights] = [BEGUN]
        live = await LiveWeights.open(MemoryWeights(kept), ["news", "technical"])
        kept.append(BEGUN.left("news"))

        def only_with_news(weights: AgentWeights) -> AgentWeights:
            weights.ppm(["news"])
            return learnt(weights)

        await live.change(only_with_news)
        assert live.now == kept[-1] == BEGUN.left("news")

    asyncio.run(story())
    assert "does not fit those of the store: No agent is called news" in caplog.text


def test_a_change_that_is_refused_changes_nothing():
    async def story():
        live = await LiveWeights.open(MemoryWeights(), ["news"])
        with pytest.raises(BadInput):
            await live.change(lambda weights: weights.scored({"news": 0.5}, NOON))  # type: ignore[dict-item]
        assert live.now == AgentWeights.equal(["news"])

    asyncio.run(story())


def test_whoever_is_always_overtaken_says_so_and_goes_on_in_memory():
    class Busy(MemoryWeights):
        async def save(self, weights: AgentWeights) -> None:
            raise overtaken(weights.generation, 99)

    async def story():
        live = await LiveWeights.open(Busy([BEGUN]), ["news", "technical"])
        assert await live.change(learnt) == learnt(BEGUN)
        assert live.trouble == "other executors save weights faster than this one"
        assert live.to_json()["agents"]["news"]["ppm"] == learnt(BEGUN).ppm()["news"]

    asyncio.run(story())
