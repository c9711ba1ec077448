"""The follower: what it tells of a chain that grows, falls back and lies, and where it stops."""

from __future__ import annotations

from random import Random

import pytest

from domain.problems import Broken, Unavailable
from executor.chain.blocks import Back, Final, Forward, Step
from executor.listener import BlockReader, Follower, LogFilter
from executor.listener.follower import DEEPEST_REORG, FAR_BEHIND
from executor.virtual.loop import run_virtually
from tests.executor.listener.log_chain import ADDRESSES, HonestNode, LogChain


def chain_of(blocks: int) -> LogChain:
    chain = LogChain(Random(blocks))
    chain.grow(blocks)
    return chain


def caught_up(follower: Follower) -> list[Step]:
    async def story(clock):
        return [step async for step in follower.catch_up()]

    return run_virtually(story)


def told(steps: list[Step]) -> list[tuple[str, int]]:
    return [(type(one).__name__, one.block_number if isinstance(one, Final) else one.block.number) for one in steps]


def test_every_block_comes_once_in_order_with_its_logs():
    chain = chain_of(20)
    follower = Follower(BlockReader(HonestNode(chain), LogFilter(ADDRESSES)), start_block=1)
    steps = caught_up(follower)
    chain.grow(3)
    steps += caught_up(follower)
    assert told(steps) == [("Forward", at) for at in range(1, 24)]
    logs = [(log.block_hash, log.log_index) for step in steps if isinstance(step, Forward) for log in step.block.logs]
    assert logs == [(block.hash, int(log["logIndex"], 16)) for block in chain.blocks[1:] for log in block.logs]
    assert caught_up(follower) == []


@pytest.mark.parametrize("depth", [1, 5, FAR_BEHIND + 40])
@pytest.mark.parametrize("growth", [1, 2, FAR_BEHIND + 60])
def test_a_reorg_goes_back_newest_first_and_forward_on_the_other_branch(depth, growth):
    chain = chain_of(100)
    follower = Follower(BlockReader(HonestNode(chain)), start_block=1)
    caught_up(follower)
    chain.reorg(depth, growth)
    steps = caught_up(follower)
    ancestor = 100 - depth
    backs = [("Back", at) for at in range(100, ancestor, -1)]
    assert told(steps) == backs + [("Forward", at) for at in range(ancestor + 1, ancestor + 1 + growth)]
    assert follower.tip is not None and follower.tip.hash == chain.head.hash


def test_a_head_that_was_passed_already_says_nothing():
    chain = chain_of(10)
    follower = Follower(BlockReader(HonestNode(chain)), start_block=1)
    caught_up(follower)
    chain.cut(4)  # a node that lags, or one that took blocks back and has no others yet
    assert caught_up(follower) == []
    chain.grow(1)
    assert told(caught_up(follower)) == [("Back", at) for at in (10, 9, 8, 7)] + [("Forward", 7)]


def test_after_a_restart_it_goes_on_from_what_is_known():
    chain = chain_of(50)
    follower = Follower(BlockReader(HonestNode(chain)), start_block=1)
    known = [step.block for step in caught_up(follower) if isinstance(step, Forward)]
    chain.reorg(3, 30)
    again = Follower(BlockReader(HonestNode(chain)), known, start_block=1)
    assert told(caught_up(again)) == [("Back", at) for at in (50, 49, 48)] + [("Forward", at) for at in range(48, 78)]


def test_a_chain_that_replaced_all_we_have_is_told_from_where_we_began():
    for growth in (5, 60):
        chain = chain_of(8)
        follower = Follower(BlockReader(HonestNode(chain)), start_block=4)
        caught_up(follower)
        chain.reorg(7, growth)
        steps = told(caught_up(follower))
        assert steps == [("Back", at) for at in (8, 7, 6, 5, 4)] + [("Forward", at) for at in range(4, growth + 2)]


@pytest.mark.parametrize("growth", [1, 300])
def test_a_reorg_that_is_too_deep_stops_and_says_so(growth):
    chain = chain_of(DEEPEST_REORG + 100)
    follower = Follower(BlockReader(HonestNode(chain)), start_block=1)
    caught_up(follower)
    chain.reorg(DEEPEST_REORG + 1, growth)
    with pytest.raises(Broken, match="deeper than can be healed"):
        caught_up(follower)


def test_the_deepest_reorg_that_is_promised_is_healed():
    chain = chain_of(3 * DEEPEST_REORG)
    follower = Follower(BlockReader(HonestNode(chain)), start_block=1)
    caught_up(follower)
    chain.reorg(DEEPEST_REORG, DEEPEST_REORG + 1)
    assert len([step for step in caught_up(follower) if isinstance(step, Back)]) == DEEPEST_REORG


def test_with_little_known_a_reorg_below_it_stops_too():
    for growth in (2, 60):
        chain = chain_of(60)
        follower = Follower(BlockReader(HonestNode(chain)), start_block=1)
        known = [step.block for step in caught_up(follower) if isinstance(step, Forward)][-3:]
        chain.reorg(10, growth)
        with pytest.raises(Broken, match="rebuild the ledger"):
            caught_up(Follower(BlockReader(HonestNode(chain)), known, start_block=1))


def test_finality_by_depth_and_by_the_nodes_word():
    chain = chain_of(30)
    by_depth = Follower(BlockReader(HonestNode(chain)), start_block=1, finality_depth=10)
    assert told(caught_up(by_depth))[-1] == ("Final", 20)
    by_word = Follower(BlockReader(HonestNode(chain)), start_block=1)
    assert ("Final", 0) not in told(caught_up(by_word)), "the node calls nothing final yet"
    chain.final = 12
    assert told(caught_up(by_word)) == [("Final", 12)] and caught_up(by_word) == []
    chain.reorg(20, 25)
    with pytest.raises(Broken, match="block 12 was final"):
        caught_up(by_word)


def test_before_its_first_block_nothing_is_told():
    assert caught_up(Follower(BlockReader(HonestNode(chain_of(3))), start_block=10)) == []


def test_a_node_that_fails_midway_leaves_the_old_branch_in_place():
    chain = chain_of(10)
    node = HonestNode(chain)
    follower = Follower(BlockReader(node, LogFilter(ADDRESSES)), start_block=1)
    caught_up(follower)
    chain.cut(3)
    chain.grow(4, logs=1)

    def refuse(*params):
        raise Unavailable("no answer")

    node.overrides["eth_getLogs"] = refuse
    with pytest.raises(Unavailable):
        caught_up(follower)
    assert follower.tip is not None and follower.tip.number == 10 and follower.has(follower.tip.hash)
    node.overrides.clear()
    assert told(caught_up(follower))[:3] == [("Back", at) for at in (10, 9, 8)]
