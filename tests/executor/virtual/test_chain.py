"""The simulated chain behaves as a node's users know it, real bytes included, and its lies are lies about what was."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from domain.problems import Unavailable
from executor.chain.node import NodeRefused
from executor.journal import MemoryStore
from executor.virtual.chain import GWEI, ROUTER, SimulatedChain
from executor.virtual.loop import VirtualClock, run_virtually
from executor.virtual.lying_node import Lies, LyingNode
from executor.virtual.mortal import Life, MortalNode, MortalStore
from executor.virtual.transactions import CheapSigner, Swap
from tests.executor.crash.keys import RealSigner
from tests.executor.desk.stand_ins import ACCOUNT, BUY, SELL

SWAP = Swap(SELL, BUY, 10, 20, 2**40, "one").call_data


def signed(nonce: int, *, fee: int = 3 * GWEI, tip: int = GWEI, to: str = ROUTER, data: str = SWAP, signer: Any = None) -> str:
    """Raw bytes of a transaction."""
    fees = {"type": 2, "gas": 120_000, "maxFeePerGas": fee, "maxPriorityFeePerGas": tip}
    return (signer or CheapSigner(ACCOUNT)).sign({"chainId": 31337, "nonce": nonce, "to": to, "data": data, "value": 0, **fees})[0]


@pytest.fixture
def chain() -> SimulatedChain:
    return SimulatedChain(Random(1), lambda: 1_000)


def test_real_bytes_are_read_as_a_node_reads_them(chain: SimulatedChain):
    signer = RealSigner(b"\x11" * 32)
    raw = signed(0, signer=signer)
    chain.send(raw)
    transaction = chain.pool[signer.address, 0]
    assert (transaction.to, transaction.data, transaction.max_fee_per_gas) == (ROUTER, SWAP, 3 * GWEI)
    chain.mine()
    assert chain.swaps_of("one") == 1
    for wrong in ("0x02ffff", "0x7f00", "0xzz", signed(0, signer=signer).replace("0x02", "0x01", 1)):
        with pytest.raises(NodeRefused, match="invalid transaction"):
            chain.send(wrong)
    chain.chain_id = 1
    with pytest.raises(NodeRefused, match="chain id"):
        chain.send(raw)


def test_the_pool_refuses_in_the_words_of_real_nodes(chain: SimulatedChain):
    chain.send(signed(0))
    with pytest.raises(NodeRefused, match="already known"):
        chain.send(signed(0))
    with pytest.raises(NodeRefused, match="underpriced"):
        chain.send(signed(0, fee=4 * GWEI))
    chain.send(signed(0, fee=4 * GWEI, tip=2 * GWEI))
    chain.send(signed(2))
    chain.mine()
    assert (chain.count(ACCOUNT), len(chain.pool)) == (1, 1)  # the third waits for the second
    with pytest.raises(NodeRefused, match="nonce too low"):
        chain.send(signed(0))


def test_a_transaction_that_pays_too_little_waits_and_one_too_late_reverts(chain: SimulatedChain):
    chain.send(signed(0, data=Swap(SELL, BUY, 10, 20, 999, "late").call_data))
    chain.base_fee = 10 * GWEI
    chain.mine()
    assert chain.count(ACCOUNT) == 0
    chain.base_fee = GWEI
    chain.mine()
    assert chain.count(ACCOUNT) == 1 and chain.swaps_of("late") == 0
    chain.chance.random = lambda: 0.0  # type: ignore[method-assign]
    chain.send(signed(1))
    chain.mine(ignored=0.5)
    assert chain.count(ACCOUNT) == 1


def test_a_reorg_takes_blocks_back_and_may_bring_the_other_transaction(chain: SimulatedChain):
    chain.send(signed(0))
    chain.send(signed(0, fee=4 * GWEI, tip=2 * GWEI, to=ACCOUNT, data="0x"))
    chain.mine()
    before = chain.head.hash
    assert chain.swaps_of("one") == 0
    chain.reorg(1, forgotten=1.0)
    assert chain.head.number == 2 and chain.head.hash != before and chain.count(ACCOUNT) == 0
    landed = set()
    for seed in range(30):
        other = SimulatedChain(Random(seed), lambda: 1_000)
        other.send(signed(0))
        other.send(signed(0, fee=4 * GWEI, tip=2 * GWEI, to=ACCOUNT, data="0x"))
        other.mine()
        other.reorg(1, forgotten=0.0, flipped=1.0)
        other.mine()
        consumer = other.consumer(ACCOUNT, 0)
        landed.add(consumer.data if consumer else None)
    assert {"0x", SWAP} <= landed


def test_it_answers_what_a_node_is_asked(chain: SimulatedChain):
    raw = signed(0)
    tx_hash = chain.send(raw)
    ask = chain.answer
    assert ask("eth_getTransactionCount", [ACCOUNT, "pending"]) == "0x1"
    assert ask("eth_getTransactionByHash", [tx_hash])["blockNumber"] is None
    assert ask("eth_getTransactionByHash", ["0x0"]) is None
    for _ in range(70):
        chain.mine()
    assert ask("eth_getTransactionByHash", [tx_hash])["blockNumber"] == "0x1"
    assert ask("eth_blockNumber", []) == "0x46"
    assert ask("eth_getBlockByNumber", ["finalized", False])["number"] == "0x6"
    assert ask("eth_getBlockByNumber", ["0xff", False]) is None
    assert ask("eth_getBlockByHash", ["0x0", False]) is None
    assert ask("eth_getTransactionCount", [ACCOUNT, "0x0"]) == "0x0"
    block = ask("eth_getBlockByNumber", ["0x1", True])
    assert block["transactions"][0]["hash"] == tx_hash
    assert ask("eth_getBlockReceipts", [block["hash"]])[0]["status"] == "0x1"
    assert ask("eth_getBlockReceipts", ["0x0"]) is None
    assert len(ask("eth_getLogs", [{"fromBlock": "0x0", "toBlock": "latest", "address": BUY}])) == 1
    assert len(ask("eth_getLogs", [{"fromBlock": "0x0"}])) == 2
    assert ask("eth_getLogs", [{"fromBlock": "0xff"}]) == []
    assert ask("eth_feeHistory", ["0x2", "latest", [50]])["reward"] == [["0x3b9aca00"], ["0x3b9aca00"]]
    assert ask("eth_feeHistory", ["0x2", "latest"])["oldestBlock"] == "0x45"
    assert [ask(method, []) for method in ("eth_maxPriorityFeePerGas", "eth_estimateGas", "eth_call")] == ["0x3b9aca00", "0x186a0", "0x"]
    for method, params in (("eth_sign", []), ("eth_getLogs", [{"blockHash": "0x0"}]), ("eth_getTransactionCount", [ACCOUNT, "0xff"])):
        with pytest.raises(NodeRefused):
            ask(method, params)
    assert asyncio.run(chain.call("eth_chainId")) == "0x7a69"


def lied(lies: Lies, *calls: tuple[str, list[Any]], blocks: int = 5) -> list[Any]:
    """What a node with these lies answers, after one transaction in the first of so many blocks."""

    async def story(clock: VirtualClock) -> list[Any]:
        chain = SimulatedChain(Random(1), lambda: 1_000)
        chain.send(signed(0))
        for _ in range(blocks):
            chain.mine()
        return await LyingNode(chain, clock, Random(4), lies).batch(calls)

    return run_virtually(story)


def test_every_lie_is_told():
    receipt = ("eth_getTransactionReceipt", [SimulatedChain(Random(1), lambda: 0).send(signed(0))])
    assert lied(Lies(), receipt)[0]["blockNumber"] == "0x1"
    assert lied(Lies(no_receipts=1.0), receipt) == [None]
    assert lied(Lies(late_receipts=3), receipt, blocks=3) == [None]
    assert lied(Lies(late_receipts=3), receipt)[0]["blockNumber"] == "0x1"
    assert int(lied(Lies(lag=1.0), ("eth_blockNumber", []))[0], 16) < 5
    assert lied(Lies(old_counts=1.0), ("eth_getTransactionCount", [ACCOUNT, "latest"])) == ["0x0"]
    assert lied(Lies(no_logs=1.0), ("eth_getLogs", [{"fromBlock": "0x0"}])) == [[]]
    assert lied(Lies(swallows=1.0), ("eth_sendRawTransaction", [signed(1)])) == ["0x" + "0" * 64]
    assert isinstance(lied(Lies(complains=1.0), ("eth_sendRawTransaction", [signed(1)]))[0], NodeRefused)
    assert isinstance(lied(Lies(), ("eth_sendRawTransaction", [signed(0)]))[0], NodeRefused)
    with pytest.raises(Unavailable):
        lied(Lies(silence=1.0, latency_seconds=1.0), ("eth_blockNumber", []))


def test_a_node_left_behind_tells_the_former_branch():
    async def story(clock: VirtualClock) -> None:
        chain = SimulatedChain(Random(1), lambda: 1_000)
        chain.mine()
        former = chain.head.hash
        chain.reorg(1)
        node = LyingNode(chain, clock, Random(1), Lies(other_branch=1.0))
        assert (await node.call("eth_getBlockByNumber", "latest", False))["hash"] == former
        with pytest.raises(NodeRefused):
            await node.call("eth_sign")

    run_virtually(story)


def test_the_dead_are_not_heard_of_again():
    async def story(clock: VirtualClock) -> None:
        chain, life = SimulatedChain(Random(1), lambda: 1_000), Life(dies_at=2)
        node, store = MortalNode(chain, life), MortalStore(MemoryStore(), life)
        sending = asyncio.create_task(node.call("eth_sendRawTransaction", signed(0)))
        await life.is_over.wait()
        assert life.passed == ["before sending", "after sending"] and len(chain.pool) == 1
        for deed in (node.call("eth_chainId"), node.batch([]), store.load(), store.close(), store.commit([])):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(10):
                    await deed
        assert not sending.done()

    run_virtually(story)


def test_a_refused_sending_is_a_transition_too():
    async def story(clock: VirtualClock) -> None:
        life = Life()
        node = MortalNode(SimulatedChain(Random(1), lambda: 1_000), life)
        with pytest.raises(NodeRefused):
            await node.call("eth_sendRawTransaction", "0x")
        assert life.passed == ["before sending", "after sending"]

    run_virtually(story)
