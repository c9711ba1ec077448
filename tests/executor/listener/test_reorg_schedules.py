"""For any schedule of reorgs, lies, gaps, duplicates and restarts, the ledger ends equal to one rebuilt from the chain.

GREKKO_REORG_SCHEDULES sets how many schedules are tried (300 by default), GREKKO_REORG_SEED the first seed.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from executor.ledger.store import LedgerStore
from executor.ledger.writer import LedgerWriter
from executor.listener import BlockReader, Heads, Listener, LogFilter, rebuild
from executor.ports import Chance
from executor.streams.memory import MemoryStream
from executor.virtual.loop import VirtualClock, run_virtually
from tests.executor.listener.log_chain import ADDRESSES, CHAIN_ID, POOLS, HonestNode, LogChain, LyingNode, RandomBell
from tests.untraced import untraced

SCHEDULES = int(os.environ.get("GREKKO_REORG_SCHEDULES", "300"))
FIRST_SEED = int(os.environ.get("GREKKO_REORG_SEED", "1"))
PARTS = 8
FINALITY = 100
DEEPEST = 90


class LossyStream(MemoryStream):
    """A stream that drops messages and delivers some again."""

    def __init__(self, chance: Chance, losses: float) -> None:
        super().__init__()
        self.chance, self.losses = chance, losses
        self.recent: list[bytes] = []

    async def put(self, messages: Sequence[bytes]) -> None:
        told: list[bytes] = []
        for message in messages:
            self.recent = [*self.recent[-30:], message]
            if self.chance.random() >= self.losses:
                told.append(message)
            if self.chance.random() < self.losses:
                told += self.recent[-self.chance.randrange(1, 30) :]
        await super().put(told)


class Run:
    """One process' worth of listener and ledger, which can die and come back."""

    def __init__(self, clock: VirtualClock, chain: LogChain, chance: Chance, store: LedgerStore, losses: float) -> None:
        node = LyingNode(chain, chance, lies=chance.choice((0.0, 0.05, 0.3)))
        self.node, self.store = node, store
        reader = BlockReader(node, LogFilter(ADDRESSES))
        heads = Heads(clock, RandomBell(clock, chain, chance) if chance.random() < 0.8 else None)
        stream = LossyStream(chance, losses)
        listener = Listener(reader, heads, stream, store, clock, CHAIN_ID, start_block=1, finality_depth=FINALITY)
        writer = LedgerWriter(stream, store, clock, in_thread=False)
        self.listener, self.stream = listener, stream
        self.tasks = [asyncio.ensure_future(one) for one in (heads.run(), listener.run(), writer.run())]

    async def die(self) -> None:
        for task in self.tasks:
            task.cancel()
        ended = await asyncio.gather(*self.tasks, return_exceptions=True)
        assert all(one is None or isinstance(one, asyncio.CancelledError) for one in ended), ended


async def schedule(clock: VirtualClock, seed: int) -> tuple[LedgerStore, LogChain]:
    """A few dozen things happen to a chain and to whoever listens to it, then everything comes to rest."""
    chance = Random(seed)
    chain = LogChain(chance)
    store = LedgerStore(":memory:", CHAIN_ID, POOLS)
    losses = chance.choice((0.0, 0.0, 0.01, 0.05))
    chain.grow(chance.choice((0, 3, 40)))
    run = Run(clock, chain, chance, store, losses)
    for _ in range(chance.randrange(4, 14)):
        before = list(chain.blocks)
        match chance.randrange(8):
            case 0 | 1 | 2:
                chain.grow(chance.choice((1, 1, 2, 5, 30)))
            case 3 | 4:
                depth = min(chance.choice((1, 1, 2, 3, 8, 21, 64, DEEPEST)), within_finality(chain))
                chain.reorg(depth, chance.choice((1, depth, depth + 1, depth + 20)))
            case 5:  # the node has forgotten its newest blocks and has no others yet
                chain.cut(min(chance.choice((1, 4)), within_finality(chain)))
            case 6:
                await run.die()
                run = Run(clock, chain, chance, store, losses)
        run.node.former = before
        await clock.sleep(chance.choice((0.0, 0.05, 0.3, 2.5, 9.0)))
    run.node.lies = run.stream.losses = 0.0
    # Longer than it ever was: what is final stays so on a chain that became shorter, and a rebuild cannot know that.
    chain.grow(chain.highest - chain.head.number + chance.choice((1, FINALITY + 5)))
    for _ in range(40):
        await clock.sleep(3.0)
        final = chain.head.number - FINALITY if chain.head.number > FINALITY else None
        if store.tip_hash == chain.head.hash and store.final_number == final:
            break
    await run.die()
    return store, chain


def within_finality(chain: LogChain) -> int:
    """How deep a reorg may go without taking back what anybody may have called final."""
    return min(len(chain.blocks) - 1, chain.head.number - (chain.highest - FINALITY))


async def rebuilt(chain: LogChain) -> LedgerStore:
    store = LedgerStore(":memory:", CHAIN_ID, POOLS)
    await rebuild(BlockReader(HonestNode(chain), LogFilter(ADDRESSES)), store, start_block=1, finality_depth=FINALITY)
    return store


@pytest.mark.parametrize("part", range(PARTS))
def test_any_schedule_ends_with_the_ledger_that_the_chain_alone_gives(part, caplog: pytest.LogCaptureFixture):
    async def story(clock: VirtualClock, seed: int) -> None:
        store, chain = await schedule(clock, seed)
        expected = await rebuilt(chain)
        assert store.tip_hash == chain.head.hash, f"seed {seed}: the ledger is not at the head"
        assert store.digest("instant") == expected.digest("instant"), f"seed {seed}: the instant views differ"
        assert store.final_number == expected.final_number, f"seed {seed}: finality differs"
        assert store.digest("finalised") == expected.digest("finalised"), f"seed {seed}: the finalised views differ"
        check_the_changes(store, seed)
        store.close()
        expected.close()

    caplog.set_level(logging.ERROR, "executor")
    first, *others = range(FIRST_SEED + part, FIRST_SEED + SCHEDULES, PARTS)
    run_virtually(lambda clock: story(clock, first))
    with untraced():
        for seed in others:
            run_virtually(lambda clock, seed=seed: story(clock, seed))


def check_the_changes(store: LedgerStore, seed: int) -> None:
    """Whoever followed the changes from the beginning has the instant view, row for row."""
    held: dict[str, int] = {}
    after = 0
    while changes := store.changes(after, 100):
        for change in changes:
            held[change.block.hash] = held.get(change.block.hash, 0) + change.change
            assert held[change.block.hash] in (0, 1), f"seed {seed}: {change} came twice"
        after = changes[-1].seq
    assert {hash for hash, count in held.items() if count} == {trade.block_hash for trade in store.trades()}, f"seed {seed}"


def test_the_same_seed_is_the_same_story(tmp_path: Path):
    async def digest(clock: VirtualClock) -> tuple[str, float]:
        store, _ = await schedule(clock, 11)
        return store.digest(), clock.monotonic()

    assert run_virtually(digest) == run_virtually(digest)
