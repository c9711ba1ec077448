"""The listener's sessions: when it looks, when it tells everything again, and when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random

import pytest

from domain.problems import Broken, Unavailable
from executor.ledger.writer import LedgerWriter
from executor.listener import BlockReader, Follower, Heads, Listener, LogFilter, follow
from executor.streams.memory import MemoryStream
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.ledger.told import empty_store
from tests.executor.listener.log_chain import ADDRESSES, CHAIN_ID, HonestNode, LogChain


class Bell:
    """A subscription that rings when told to."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.rung: asyncio.Queue[str | Exception | None] = asyncio.Queue()

    async def heads(self) -> AsyncIterator[str | None]:
        yield None
        while True:
            told = await self.rung.get()
            if isinstance(told, Exception):
                raise told
            yield told


def small_chain(blocks: int = 5) -> LogChain:
    chain = LogChain(Random(1))
    chain.grow(blocks)
    return chain


class Running:
    """A listener and a ledger on a chain."""

    def __init__(self, clock: VirtualClock, chain: LogChain, stream: MemoryStream | None = None, *, poll_seconds: float = 60.0) -> None:
        self.clock, self.chain, self.bell, self.store = clock, chain, Bell(clock), empty_store()
        self.node = HonestNode(chain)
        self.heads = Heads(clock, self.bell, poll_seconds=poll_seconds)
        stream = stream or MemoryStream()
        reader = BlockReader(self.node, LogFilter(ADDRESSES))
        self.listener = Listener(reader, self.heads, stream, self.store, clock, CHAIN_ID, start_block=1, finality_depth=50)
        self.writer = LedgerWriter(stream, self.store, clock, in_thread=False)
        self.tasks = [asyncio.ensure_future(one) for one in (self.heads.run(), self.listener.run(), self.writer.run())]

    async def stop(self) -> list[BaseException | None]:
        for task in self.tasks:
            task.cancel()
        return await asyncio.gather(*self.tasks, return_exceptions=True)


def test_a_ring_is_followed_at_once():
    async def story(clock):
        running = Running(clock, small_chain())
        await clock.sleep(1.0)
        running.chain.grow(1)
        running.bell.rung.put_nowait(running.chain.head.hash)
        await clock.sleep(0.001)
        at_once = running.store.tip_hash == running.chain.head.hash
        assert (running.listener.is_behind, running.heads.is_ringing, running.listener.told) == (False, True, (6, running.chain.head.hash))
        await running.stop()
        return at_once

    assert run_virtually(story)


def test_without_a_ring_the_chain_is_looked_at_all_the_same():
    async def story(clock):
        running = Running(clock, small_chain(), poll_seconds=2.0)
        await clock.sleep(1.0)
        running.chain.grow(1)
        await clock.sleep(2.5)
        await running.stop()
        return running.store.tip_number

    assert run_virtually(story) == 6


def test_a_subscription_that_breaks_off_is_opened_again_and_what_was_missed_is_found():
    async def story(clock):
        running = Running(clock, small_chain())
        await clock.sleep(1.0)
        running.chain.grow(3)
        running.bell.rung.put_nowait(Unavailable("broke off"))
        await clock.sleep(0.001)
        found = running.store.tip_number
        await clock.sleep(1.0)
        assert running.heads.reconnects == 1 and running.heads.is_ringing
        await running.stop()
        return found

    assert run_virtually(story) == 8


def test_a_ring_for_a_head_that_the_node_does_not_have_yet_is_looked_for_again_soon():
    async def story(clock):
        running = Running(clock, small_chain())
        await clock.sleep(1.0)
        former = list(running.chain.blocks)
        running.chain.grow(1)
        running.node.overrides["eth_getBlockByNumber"] = lambda at, full: running.chain.answer("eth_getBlockByNumber", [at, full], former)
        running.bell.rung.put_nowait(running.chain.head.hash)
        await clock.sleep(0.2)
        running.node.overrides.clear()
        await clock.sleep(0.1)
        await running.stop()
        return running.store.tip_number

    assert run_virtually(story) == 6


def test_a_node_that_does_not_answer_is_asked_again_in_the_same_session():
    async def story(clock):
        running = Running(clock, small_chain(), poll_seconds=1.0)
        await clock.sleep(0.5)

        def refuse(*params):
            raise Unavailable("no answer")

        running.node.overrides["eth_getBlockByNumber"] = refuse
        running.chain.grow(1)
        await clock.sleep(5.0)
        running.node.overrides.clear()
        await clock.sleep(2.0)
        await running.stop()
        return running.store.tip_number, running.listener.sessions

    assert run_virtually(story) == (6, 1)


class SilentStream(MemoryStream):
    """Loses everything it is given while `deaf`; cannot be opened for a while."""

    deaf = True
    refusals = 2

    async def put(self, messages):
        await super().put([] if self.deaf else messages)

    async def open_writer(self):
        if self.refusals:
            self.refusals -= 1
            raise Unavailable("not yet")
        return await super().open_writer()


def test_a_stream_that_swallows_everything_is_told_again():
    async def story(clock):
        stream = SilentStream()
        running = Running(clock, small_chain(), stream, poll_seconds=1.0)
        await clock.sleep(4.0)
        assert running.store.tip_number is None and running.listener.is_behind
        stream.deaf = False
        await clock.sleep(15.0)
        await running.stop()
        return running.store.tip_number, running.listener.sessions >= 2

    assert run_virtually(story) == (5, True)


def test_a_stream_that_stands_still_is_not_buried_under_what_is_told_again():
    async def story(clock):
        stream = SilentStream()
        running = Running(clock, small_chain(), stream, poll_seconds=1.0)
        await clock.sleep(200.0)
        sessions = running.listener.sessions
        await running.stop()
        return sessions

    assert 4 <= run_virtually(story) <= 7


def test_a_reorg_that_cannot_be_healed_ends_the_listener_and_says_why():
    async def story(clock):
        running = Running(clock, small_chain(400), poll_seconds=1.0)
        await clock.sleep(3.0)
        running.chain.reorg(300, 301)
        await clock.sleep(3.0)
        return (await running.stop())[1]

    ended = run_virtually(story)
    assert isinstance(ended, Broken) and "deeper than can be healed" in ended.message


def test_a_ledger_whose_disk_is_full_goes_on_when_it_is_not(monkeypatch: pytest.MonkeyPatch):
    async def story(clock):
        running = Running(clock, small_chain(), poll_seconds=1.0)
        apply, failures = running.store.apply, [Unavailable("full")] * 3

        def failing(stream, batch):
            if failures:
                raise failures.pop()
            return apply(stream, batch)

        monkeypatch.setattr(running.store, "apply", failing)
        await clock.sleep(3.0)
        await running.stop()
        return running.store.tip_number, running.writer.reopened, running.writer.last_written is not None

    assert run_virtually(story) == (5, 3, True)


def test_steps_can_be_followed_within_the_process():
    async def story(clock):
        chain = small_chain()
        node = HonestNode(chain)
        heads = Heads(clock, poll_seconds=1.0)
        await heads.run()  # without a subscription there is nothing to hold
        seen = []

        async def watch():
            async for step in follow(Follower(BlockReader(node), start_block=1), heads):
                seen.append(step)

        task = asyncio.ensure_future(watch())
        await clock.sleep(0.5)

        def refuse(*params):
            raise Unavailable("no answer")

        node.overrides["eth_getBlockByNumber"] = refuse
        chain.grow(2)
        await clock.sleep(2.0)
        node.overrides.clear()
        await clock.sleep(2.0)
        task.cancel()
        return len(seen)

    assert run_virtually(story) == 7
