"""Blocks as a node tells them: what is believed, what is asked again, and what the second witness says."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from domain.problems import Unavailable
from executor.chain.node import NodeRefused
from executor.listener import BlockReader, LogFilter
from executor.listener.bloom import bloom_of, may_hold
from executor.virtual.loop import run_virtually
from tests.executor.listener.log_chain import ADDRESSES, SWAP, V2, V3, HonestNode, LogChain


def chain_with(logs: int) -> LogChain:
    chain = LogChain(Random(3))
    chain.grow(1, logs=logs)
    return chain


def ask(question: Any) -> Any:
    async def story(clock):
        return await question

    return run_virtually(story)


def newest(reader: BlockReader) -> Any:
    async def story(clock):
        return await reader.block(await reader.head())

    return run_virtually(story)


def test_logs_that_come_late_are_asked_for_again():
    chain = chain_with(3)
    node = HonestNode(chain)
    answers = [[]]

    def late(asked):
        return answers.pop() if answers else chain.answer("eth_getLogs", [asked], chain.blocks)

    node.overrides["eth_getLogs"] = late
    reader = BlockReader(node, LogFilter(ADDRESSES))
    assert len(newest(reader).logs) == 3 and reader.asked_again == 1


def test_logs_that_a_node_keeps_hiding_are_read_from_the_receipts():
    node = HonestNode(chain_with(2), overrides={"eth_getLogs": lambda asked: []})
    reader = BlockReader(node, LogFilter(ADDRESSES))
    assert [log.log_index for log in newest(reader).logs] == [1, 4]


def test_a_log_that_is_missing_is_found_when_receipts_are_the_witness():
    chain = chain_with(3)
    whole = chain.answer("eth_getLogs", [{"blockHash": chain.head.hash}], chain.blocks)
    node = HonestNode(chain, overrides={"eth_getLogs": lambda asked: whole[:1]})
    assert len(newest(BlockReader(node, witness="bloom")).logs) == 1
    assert len(newest(BlockReader(node, witness="receipts")).logs) == 3


def test_without_receipts_the_logs_have_the_last_word():
    def refuse(*params):
        raise NodeRefused("eth_getBlockReceipts: no such method", code=-32601)

    node = HonestNode(chain_with(2), overrides={"eth_getLogs": lambda asked: [], "eth_getBlockReceipts": refuse})
    assert newest(BlockReader(node)).logs == ()


@pytest.mark.parametrize(
    ("method", "answer", "words"),
    [
        ("eth_getBlockByNumber", None, "does not have"),
        ("eth_getBlockByNumber", {"hash": "0x1", "parentHash": "0x2", "number": "seven"}, "number"),
        ("eth_getLogs", None, "no list of logs"),
        ("eth_getLogs", [{"address": "0x"}], "not whole"),
        ("eth_getBlockReceipts", [], "all receipts"),
    ],
)
def test_half_an_answer_is_no_answer(method, answer, words):
    overrides = {"eth_getLogs": lambda asked: [], method: lambda *params: answer}
    with pytest.raises(Unavailable, match=words):
        newest(BlockReader(HonestNode(chain_with(2), overrides=overrides)))


def test_logs_and_receipts_of_another_block_are_not_taken():
    chain = chain_with(2)
    other = chain.answer("eth_getLogs", [{"blockHash": chain.head.hash}], chain.blocks)
    chain.grow(1, logs=1)
    with pytest.raises(Unavailable, match="asked for those of"):
        newest(BlockReader(HonestNode(chain, overrides={"eth_getLogs": lambda asked: other})))
    hiding = {"eth_getLogs": lambda asked: [], "eth_getBlockReceipts": lambda hash: [{"logs": other}] * 2}
    with pytest.raises(Unavailable, match="another block"):
        newest(BlockReader(HonestNode(chain, overrides=hiding)))


def test_headers_are_those_that_were_asked_for():
    chain = chain_with(1)
    wrong = BlockReader(HonestNode(chain, overrides={"eth_getBlockByNumber": lambda at, full: chain.blocks[0].header()}))
    with pytest.raises(Unavailable, match="asked for 1"):
        ask(wrong.headers([1]))
    wrong = BlockReader(HonestNode(chain, overrides={"eth_getBlockByHash": lambda hash, full: chain.blocks[0].header()}))
    with pytest.raises(Unavailable, match="when asked for"):
        ask(wrong.by_hash(chain.head.hash))

    def refuse(*params):
        raise NodeRefused("limit exceeded", code=-32005)

    refusing = BlockReader(HonestNode(chain, overrides={"eth_getBlockByNumber": refuse}))
    with pytest.raises(Unavailable, match="refused"):
        ask(refusing.headers([1]))
    with pytest.raises(Unavailable, match="refused"):
        ask(refusing.head_and_final())


def test_a_range_that_is_too_much_is_halved():
    chain = LogChain(Random(5))
    chain.grow(20, logs=1)
    asked: list[int] = []

    def picky(criteria):
        blocks = int(criteria["toBlock"], 16) - int(criteria["fromBlock"], 16) + 1
        asked.append(blocks)
        if blocks > 4:
            raise NodeRefused("too many results", code=-32005)
        return chain.answer("eth_getLogs", [criteria], chain.blocks)

    reader = BlockReader(HonestNode(chain, overrides={"eth_getLogs": picky}), LogFilter(ADDRESSES))

    async def story(clock):
        return await reader.blocks(await reader.headers(range(1, 21)))

    assert sum(len(block.logs) for block in run_virtually(story)) == 20 and max(asked) == 20

    def never(criteria):
        raise NodeRefused("no", code=-32005)

    reader = BlockReader(HonestNode(chain, overrides={"eth_getLogs": never}))
    with pytest.raises(Unavailable):
        run_virtually(story)


def test_a_range_that_answers_for_another_branch_is_asked_by_hash():
    chain = LogChain(Random(5))
    chain.grow(6, logs=1)
    former = list(chain.blocks)
    chain.reorg(3, 3)
    chain.grow(1, logs=0)

    def stale(criteria):
        return chain.answer("eth_getLogs", [criteria], chain.blocks if "blockHash" in criteria else former)

    reader = BlockReader(HonestNode(chain, overrides={"eth_getLogs": stale}))

    async def story(clock):
        return await reader.blocks(await reader.headers(range(1, 8)))

    for block, truth in zip(run_virtually(story), chain.blocks[1:], strict=True):
        assert (block.hash, len(block.logs)) == (truth.hash, len(truth.logs))


def test_only_what_is_asked_for_is_told_and_more_can_be_asked_for():
    chain = LogChain(Random(9))
    chain.grow(60)
    reader = BlockReader(HonestNode(chain), LogFilter((V3,), (SWAP[V3],)))

    async def story(clock):
        return await reader.blocks(await reader.headers(range(1, 61)))

    assert {(log.address, log.topics[0]) for block in run_virtually(story) for log in block.logs} == {(V3, SWAP[V3])}
    reader.widen([V2])
    assert reader.filter.addresses == (V3, V2)


def test_the_second_witness_is_sieved_as_the_first():
    chain = LogChain(Random(11))
    chain.grow(1, logs=9)
    hiding = HonestNode(chain, overrides={"eth_getLogs": lambda asked: []})
    logs = newest(BlockReader(hiding, LogFilter((V3,), (SWAP[V3],)))).logs
    assert {(log.address, log.topics[0]) for log in logs} == {(V3, SWAP[V3])}


def test_a_block_is_fetched_once():
    chain = chain_with(1)
    node = HonestNode(chain)
    reader = BlockReader(node)
    assert newest(reader) is newest(reader)
    assert ask(reader.by_hash(chain.head.hash)).hash == chain.head.hash
    assert node.asked.count("eth_getLogs") == 1 and "eth_getBlockByHash" not in node.asked


def test_a_bloom_never_denies_what_is_there():
    bloom = bloom_of([V3, SWAP[V3]])
    assert may_hold(bloom, [V2, V3], [SWAP[V3]]) and may_hold(bloom, [], [])
    assert not may_hold(bloom, [V2], []) and not may_hold(bloom, [V3], [SWAP[V2]])
