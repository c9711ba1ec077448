"""Three witnesses: what ends an order is in the blocks, and amounts are booked when receipt and logs agree."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from domain.problems import Unavailable
from executor.branch import Branch
from executor.chain.node import NodeRefused
from executor.orders import Attempt, Order, Outcome, State, entry_of, intent_entry
from executor.virtual.chain import GWEI, ROUTER, SimulatedChain
from executor.virtual.loop import VirtualClock, run_virtually
from executor.virtual.transactions import CheapSigner, Swap
from executor.witnesses import Witnesses
from tests.executor.desk.stand_ins import ACCOUNT, BUY, SELL, Believes, MarketGas, OneSwap, request


class Court:
    """A chain, an order of ours that was signed on it, and the witnesses."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.chain = SimulatedChain(Random(1), lambda: int(clock.now().timestamp()), final_depth=6)
        self.silent: set[str] = set()
        self.witnesses = Witnesses(self, ACCOUNT, Branch(self, 6))

    async def call(self, method: str, *params: Any) -> Any:
        return (await self.batch([(method, params)]))[0]

    async def batch(self, calls: Any) -> list[Any]:
        answers = await self.chain.batch(calls)
        return [None if method in self.silent else answer for (method, _), answer in zip(calls, answers, strict=True)]

    async def order(self, nonce: int = 0) -> Order:
        """Signed, and sent."""
        wanted, now = request(), self.clock.now()
        order = Order.begun(intent_entry(wanted, "live", ACCOUNT, now))
        routed = await OneSwap(self.chain).plan(wanted, ACCOUNT, int(order.deadline.timestamp()))
        rehearsed = await Believes(MarketGas(self.chain)).rehearse(wanted, routed, ACCOUNT)
        raw, tx_hash = self.sign(nonce, ROUTER, routed.call_data)
        self.chain.send(raw)
        attempt = Attempt("swap", nonce, tx_hash, raw, 120_000, 3 * GWEI, GWEI, now)
        for kind, value in ((State.ROUTED, routed), (State.SIMULATED, rehearsed), (State.SIGNED, attempt)):
            order = order.after(entry_of(kind, "one", now, value))
        return order

    @staticmethod
    def sign(nonce: int, to: str, data: str) -> tuple[str, str]:
        fees = {"gas": 120_000, "maxFeePerGas": 3 * GWEI, "maxPriorityFeePerGas": GWEI}
        return CheapSigner(ACCOUNT).sign({"chainId": 31337, "nonce": nonce, "to": to, "data": data, "value": 0, **fees})

    def mine(self, count: int) -> None:
        for _ in range(count):
            self.chain.mine()

    async def end(self, order: Order) -> tuple[bool, Any]:
        """Whether it is final by what, after one round of questions."""
        testimony = await self.witnesses.hear([order])
        consumed = await self.witnesses.consumer_of(order, testimony)
        return consumed is not None and await self.witnesses.is_final(order, consumed, testimony), consumed


def in_court(story: Callable[[Court], Coroutine[Any, Any, None]]) -> None:
    async def told(clock: VirtualClock) -> None:
        await story(Court(clock))

    run_virtually(told)


def test_a_receipt_alone_ends_nothing():
    async def story(court: Court) -> None:
        order = await court.order()
        assert await court.end(order) == (False, None)
        court.mine(1)
        is_final, consumed = await court.end(order)
        assert not is_final and consumed.tx_hash == order.attempts[0].tx_hash
        court.mine(6)
        court.silent.add("eth_getBlockByHash")
        assert not (await court.end(order))[0]  # nobody has seen it in a block's body
        court.silent.clear()
        assert (await court.end(order))[0]

    in_court(story)


def test_without_any_receipt_the_blocks_tell():
    async def story(court: Court) -> None:
        court.silent.add("eth_getTransactionReceipt")
        order = await court.order()
        court.mine(7)
        is_final, consumed = await court.end(order)
        assert is_final and (consumed.tx_hash, consumed.block_number) == (order.attempts[0].tx_hash, 1)
        outcome = await court.witnesses.outcome(order, consumed)
        assert outcome is not None and (outcome.status, outcome.amount_out, outcome.gas_used) == (1, 2_000, 90_000)

    in_court(story)


def test_without_any_receipt_at_all_the_logs_tell_that_it_worked():
    async def story(court: Court) -> None:
        court.silent |= {"eth_getTransactionReceipt", "eth_getBlockReceipts"}
        order = await court.order()
        court.mine(7)
        _, consumed = await court.end(order)
        outcome = await court.witnesses.outcome(order, consumed)
        assert outcome == Outcome(consumed.tx_hash, consumed.block_number, consumed.block_hash, 1, 1_000, 2_000)

    in_court(story)


def test_nothing_is_booked_while_receipt_and_logs_disagree():
    async def story(court: Court) -> None:
        order = await court.order()
        court.mine(7)
        _, consumed = await court.end(order)
        logs = court.chain._logs
        court.chain._logs = lambda wanted, blocks: []  # type: ignore[method-assign]
        assert await court.witnesses.outcome(order, consumed) is None
        court.silent |= {"eth_getTransactionReceipt", "eth_getBlockReceipts"}
        assert await court.witnesses.outcome(order, consumed) is None
        court.silent.add("eth_getLogs")
        with pytest.raises(Unavailable, match="logs"):
            await court.witnesses.outcome(order, consumed)
        court.chain._logs = logs  # type: ignore[method-assign]

    in_court(story)


def test_a_reverted_swap_moved_nothing():
    async def story(court: Court) -> None:
        order = await court.order()
        await court.clock.sleep(500)
        court.mine(7)
        _, consumed = await court.end(order)
        outcome = await court.witnesses.outcome(order, consumed)
        assert outcome is not None and (outcome.status, outcome.amount_in, outcome.amount_out) == (0, 0, 0)

    in_court(story)


def test_what_used_the_nonce_long_before_it_was_signed_is_found():
    async def story(court: Court) -> None:
        raw, tx_hash = court.sign(0, ACCOUNT, "0x")
        court.chain.send(raw)
        court.mine(300)
        order = await court.order(nonce=1)
        attempt = Attempt("swap", 0, "0xours", "0x", 1, 1, 1, court.clock.now())
        order = replace(order, attempts=(attempt,))
        for _ in range(10):
            is_final, consumed = await court.end(order)
            if consumed is not None:
                break
        assert is_final and consumed.tx_hash == tx_hash and consumed.block_number == 1

    in_court(story)


def test_a_receipt_of_a_lost_branch_is_not_believed():
    async def story(court: Court) -> None:
        order = await court.order()
        court.mine(1)
        receipt = court.chain.answer("eth_getTransactionReceipt", [order.attempts[0].tx_hash])
        court.chain.reorg(1, forgotten=1.0)
        court.chain._receipt = lambda *_: receipt  # type: ignore[method-assign]
        assert await court.end(order) == (False, None)

    in_court(story)


def test_a_node_that_does_not_count_is_asked_again():
    async def story(court: Court) -> None:
        order = await court.order()

        def refuse(*_: Any) -> Any:
            raise NodeRefused("missing trie node")

        court.chain._count = refuse  # type: ignore[method-assign]
        with pytest.raises(Unavailable, match="missing trie node"):
            await court.end(order)

    in_court(story)


def test_what_is_read_once_is_forgotten_when_it_gets_much():
    async def story(court: Court) -> None:
        order = await court.order()
        court.mine(7)
        await court.end(order)
        court.witnesses._used_in |= {str(number): {} for number in range(2_000)}
        await court.witnesses.hear([order])
        assert court.witnesses._used_in == {}

    in_court(story)


def test_amounts_count_what_came_back_too():
    async def story(court: Court) -> None:
        order = await court.order()
        swap = Swap(SELL, SELL, 1_000, 300, 2**40, "one")  # sells a thousand and gets three hundred of it back
        court.chain.pool.clear()
        raw, tx_hash = court.sign(0, ROUTER, swap.call_data)
        court.chain.send(raw)
        court.mine(7)
        _, consumed = await court.end(order)
        assert consumed.tx_hash == tx_hash
        outcome = await court.witnesses.outcome(order, consumed)
        assert outcome is not None and (outcome.amount_in, outcome.amount_out) == (700, 0)
        assert order.request.buy == BUY

    in_court(story)
