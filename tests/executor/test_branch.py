"""The branch that is followed: blocks join by their parents, or they are not believed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import Broken, Unavailable
from executor.branch import CONTRADICTIONS_BELIEVED, Branch, header_of
from executor.chain.node import NodeRefused
from executor.virtual.chain import SimulatedChain


def chain_of(blocks: int, final_depth: int = 6) -> SimulatedChain:
    """A chain with so many blocks after the first."""
    chain = SimulatedChain(Random(1), lambda: 0, final_depth=final_depth)
    for _ in range(blocks):
        chain.mine()
    return chain


async def look(branch: Branch, chain: Any) -> None:
    """Follow what the node says now."""
    await branch.follow(await chain.batch(branch.questions()))


def run(story: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(story())


@pytest.mark.parametrize("depth", [None, 6])
@settings(deadline=None, max_examples=60)
@given(steps=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 6)), max_size=12), reach=st.integers(0, 40))
def test_for_any_growth_and_reorgs_what_is_followed_is_what_is_there(depth: int | None, steps: list, reach: int):
    async def story() -> None:
        chain = chain_of(3)
        branch = Branch(chain, depth)
        for grown, taken_back in steps:
            for _ in range(grown):
                chain.mine()
            if taken_back:
                chain.reorg(taken_back)
            await look(branch, chain)
            await branch.reach(min(reach, chain.head.number))
            assert branch.head is not None and branch.head.hash == chain.head.hash
            for number in range(min(reach, chain.head.number), chain.head.number + 1):
                assert branch.hash_at(number) == chain.blocks[number].hash
            assert branch.final_number == max(-1 if depth else 0, chain.head.number - 6)

    run(story)


def test_a_node_that_lags_takes_nothing_back():
    async def story() -> None:
        chain = chain_of(20)
        branch = Branch(chain, 6)
        await look(branch, chain)
        await branch.reach(10)
        for older in (15, 3):
            await branch.follow([chain.answer("eth_getBlockByNumber", [hex(older), False])])
            assert branch.head is not None and branch.head.number == 20
        assert branch.hash_at(21) is None and branch.hash_at(5) is None

    run(story)


def test_the_nodes_word_on_what_is_final_counts_on_our_branch_only():
    async def story() -> None:
        chain = chain_of(20)
        branch = Branch(chain, None)
        latest = chain.answer("eth_getBlockByNumber", ["latest", False])
        stranger = {**chain.answer("eth_getBlockByNumber", ["0x5", False]), "hash": "0xdead"}
        await branch.follow([latest, stranger])
        assert branch.final_number == -1
        await branch.follow([latest, None])
        assert branch.final_number == -1
        assert branch.final_tag == "finalized"
        await branch.follow([latest, chain.answer("eth_getBlockByNumber", ["finalized", False])])
        assert branch.final_number == 14

    run(story)


def test_blocks_that_do_not_join_are_not_believed():
    async def story() -> None:
        chain, other = chain_of(20), chain_of(5)
        other.reorg(4)
        for _ in range(14):
            other.mine()
        branch = Branch(chain, 6)
        await look(branch, chain)
        branch._node = other
        with pytest.raises(Unavailable, match="does not join"):
            await branch.reach(2)
        branch._node = chain
        await branch.reach(2)
        with pytest.raises(Unavailable, match="does not join"):  # the newest block of one, the rest of another
            await branch.follow([other.answer("eth_getBlockByNumber", ["latest", False])])

    run(story)


def test_a_final_block_that_changes_once_is_a_lie_and_again_and_again_is_the_truth():
    async def story() -> None:
        chain = chain_of(20)
        branch = Branch(chain, 6)
        await look(branch, chain)
        await branch.reach(2)
        chain.reorg(12)
        for _ in range(CONTRADICTIONS_BELIEVED - 1):
            with pytest.raises(Unavailable, match="another block 9 than the final one"):
                await look(branch, chain)
        with pytest.raises(Broken, match="Block 9 was final"):
            await look(branch, chain)

    run(story)


def test_a_node_that_knows_no_final_block_says_what_to_set():
    async def story() -> None:
        chain = chain_of(1)
        with pytest.raises(Unavailable, match="set a finality depth"):
            await Branch(chain, None).follow([chain.answer("eth_getBlockByNumber", ["latest", False]), NodeRefused("no such tag")])

    run(story)


def test_what_is_no_block_is_asked_for_again():
    for told in (None, {}, {"hash": "0x1"}, {"hash": "0x1", "parentHash": "0x0", "number": 5}):
        with pytest.raises(Unavailable):
            header_of(told)


def test_a_wrong_number_does_not_join():
    async def story() -> None:
        chain = chain_of(5)
        branch = Branch(chain, 6)
        await look(branch, chain)

        async def shifted(calls: Any) -> list[Any]:
            return [chain.answer("eth_getBlockByNumber", ["0x0", False]) for _ in calls]

        chain.batch = shifted  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="does not join"):
            await branch.reach(2)

    run(story)


def test_old_blocks_are_forgotten_when_there_are_many():
    async def story() -> None:
        chain = chain_of(1_200)
        branch = Branch(chain, 6)
        branch.forget_before(5)
        await look(branch, chain)
        await branch.reach(0)
        branch.forget_before(1_000)
        assert branch.hash_at(999) is None and branch.hash_at(1_000) is not None
        await branch.reach(900)
        assert branch.hash_at(900) == chain.blocks[900].hash

    run(story)
