"""A node as bad as real ones get: it lags, answers from another branch, has no receipt of what landed, forgets what it was sent.

It never makes anything up: no block, transaction or receipt that was not there at some time. Drawn from a seed, so a lie comes again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from domain.problems import Unavailable
from executor.chain.node import Call, NodeRefused, number, quantity
from executor.ports import Chance, Clock
from executor.virtual.chain import SimulatedBlock, SimulatedChain

_BY_HASH = ("eth_getTransactionReceipt", "eth_getTransactionByHash")


@dataclass(slots=True)
class Lies:
    """How often it lies, as probabilities for each question; all zero is an honest node."""

    latency_seconds: float = 0.0  # each way, at most
    silence: float = 0.0  # no answer; half the times after it did what was asked
    lag: float = 0.0  # answers as some blocks ago
    other_branch: float = 0.0  # answers from before the last reorg
    old_counts: float = 0.0  # counts fewer transactions than there are
    no_receipts: float = 0.0  # this share of all transactions is never found by its hash
    late_receipts: int = 0  # receipts appear so many blocks late
    no_logs: float = 0.0  # tells no logs where there are some
    swallows: float = 0.0  # takes a transaction and forgets it
    complains: float = 0.0  # takes a transaction and answers with an error


class LyingNode:
    """A node over the simulated chain, with latency in virtual time."""

    def __init__(self, chain: SimulatedChain, clock: Clock, chance: Chance, lies: Lies) -> None:
        self.lies = lies
        self._chain = chain
        self._clock = clock
        self._chance = chance

    async def call(self, method: str, *params: Any) -> Any:
        answer = (await self.batch([(method, params)]))[0]
        if isinstance(answer, NodeRefused):
            raise answer
        return answer

    async def batch(self, calls: Sequence[Call]) -> list[Any]:
        await self._travel()
        is_silent = self._happens(self.lies.silence)
        if is_silent and self._happens(0.5):
            raise Unavailable("The node did not answer; ask again.")
        blocks = self._view()
        answers = [self._answer(method, params, blocks) for method, params in calls]
        await self._travel()
        if is_silent:
            raise Unavailable("The node did not answer in time; ask again.")
        return answers

    def _answer(self, method: str, params: Sequence[Any], blocks: Sequence[SimulatedBlock]) -> Any:
        if method == "eth_sendRawTransaction":
            return self._sent(params)
        answer = self._chain.answer_or_refusal(method, params, blocks)
        if answer is None or isinstance(answer, NodeRefused):
            return answer
        if method in _BY_HASH and self._is_hidden(params[0], answer, blocks):
            return None
        if method == "eth_getTransactionCount" and self._happens(self.lies.old_counts):
            return quantity(max(0, number(answer, "count") - self._chance.randint(1, 3)))
        if method == "eth_getLogs" and self._happens(self.lies.no_logs):
            return []
        return answer

    def _sent(self, params: Sequence[Any]) -> Any:
        if self._happens(self.lies.swallows):
            return "0x" + "0" * 64
        answer = self._chain.answer_or_refusal("eth_sendRawTransaction", params)
        if self._happens(self.lies.complains):
            return NodeRefused("eth_sendRawTransaction: internal error", code=-32603)
        return answer

    def _is_hidden(self, tx_hash: str, answer: Any, blocks: Sequence[SimulatedBlock]) -> bool:
        if int(tx_hash[-8:], 16) < self.lies.no_receipts * 2**32:
            return True
        landed = answer.get("blockNumber")
        return landed is not None and blocks[-1].number - int(landed, 16) < self.lies.late_receipts

    def _view(self) -> Sequence[SimulatedBlock]:
        if self._chain.former and self._happens(self.lies.other_branch):
            return self._chain.former
        if self._happens(self.lies.lag) and len(self._chain.blocks) > 4:
            return self._chain.blocks[: -self._chance.randint(1, 3)]
        return self._chain.blocks

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._chance.random() < probability

    async def _travel(self) -> None:
        if self.lies.latency_seconds:
            await self._clock.sleep(self._chance.uniform(0, self.lies.latency_seconds))
