"""Three witnesses of what became of a nonce: the receipts, the account's count, and the blocks themselves.

None is believed alone. A node that has no receipt proves nothing, and neither does one that has it: what ends an order is a
transaction in the body of a final block on the branch that the newest block leads back to, when the count at the final block agrees.
The logs of that block must tell the same as the receipt before amounts are booked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.problems import Unavailable
from executor.branch import AT_ONCE, Branch, header_of
from executor.chain.node import Node, NodeRefused, number
from executor.nonces import Counts
from executor.orders import Order, Outcome, Seen

# keccak-256 of Transfer(address,address,uint256)
TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
# How many blocks are read in one go when a nonce was consumed and no receipt says by what.
BLOCKS_A_LOOK = 256


@dataclass(frozen=True, slots=True)
class Consumed:
    """The transaction that used a nonce, and where it stands on our branch."""

    tx_hash: str
    block_number: int
    block_hash: str
    status: int | None = None


@dataclass(frozen=True, slots=True)
class Testimony:
    """What the witnesses said in one round about one account."""

    counts: Counts
    final_count: int | None  # None when nothing asked for it: no nonce of ours is used at the newest block
    receipts: Mapping[str, Mapping[str, Any]]


class Witnesses:
    """Asks one node about the transactions of one account."""

    def __init__(self, node: Node, account: str, branch: Branch) -> None:
        self._node = node
        self.account = account
        self.branch = branch
        self._used_in: dict[str, dict[int, str]] = {}  # by block hash: nonce of the account to transaction
        self._since: dict[str, int] = {}  # by order: where to begin reading blocks

    async def hear(self, orders: Sequence[Order]) -> Testimony:
        """One round of questions. Raises Unavailable when an answer is missing or the blocks do not join."""
        attempts = [attempt.tx_hash for order in orders for attempt in order.attempts]
        blocks = self.branch.questions()
        counts = [("eth_getTransactionCount", (self.account, tag)) for tag in ("latest", "pending")]
        answers = await self._node.batch([*blocks, *counts, *(("eth_getTransactionReceipt", (one,)) for one in attempts)])
        await self.branch.follow(answers[: len(blocks)])
        for order in orders:
            if order.seen is not None and order.seen.block_number <= self._head_number:
                await self.branch.reach(order.seen.block_number)
        latest, pending = (_count(answer) for answer in answers[len(blocks) : len(blocks) + 2])
        told = zip(attempts, answers[len(blocks) + 2 :], strict=True)
        receipts = {tx_hash: receipt for tx_hash, receipt in told if isinstance(receipt, dict)}
        used = any(order.nonce is not None and order.nonce < latest for order in orders)
        final_count = await self._final_count() if used else None
        self._forget(orders)
        return Testimony(Counts(latest, pending), final_count, receipts)

    async def consumer_of(self, order: Order, testimony: Testimony) -> Consumed | None:
        """Which transaction of our branch used the order's nonce; None when none did or none could be found yet."""
        for attempt in order.attempts:
            receipt = testimony.receipts.get(attempt.tx_hash)
            if receipt is None:
                continue
            block_number, block_hash = number(receipt.get("blockNumber"), "receipt block"), str(receipt.get("blockHash")).lower()
            if block_number <= self._head_number:
                await self.branch.reach(block_number)
                if self.branch.hash_at(block_number) == block_hash:
                    return Consumed(attempt.tx_hash, block_number, block_hash, number(receipt.get("status"), "receipt status"))
        if order.nonce is None or order.nonce >= testimony.counts.latest:
            return None
        return await self._read_blocks(order, order.nonce)

    async def is_final(self, order: Order, consumed: Consumed, testimony: Testimony) -> bool:
        """Whether this is how the nonce ended: all witnesses agree, and the block is final."""
        if consumed.block_number > self.branch.final_number or order.nonce is None:
            return False
        if testimony.final_count is None or testimony.final_count <= order.nonce:
            return False
        await self._read([consumed.block_number])
        return self._used_in.get(consumed.block_hash, {}).get(order.nonce) == consumed.tx_hash

    def was_taken_back(self, seen: Seen) -> bool:
        """Whether the block where a transaction was seen is not on our branch any more."""
        return self.branch.hash_at(seen.block_number) != seen.block_hash

    async def outcome(self, order: Order, consumed: Consumed) -> Outcome | None:
        """What the final swap did; None while receipt and logs disagree or say nothing: ask again then."""
        tokens = [order.request.sell, order.request.buy]
        answers = await self._node.batch(
            [
                ("eth_getTransactionReceipt", (consumed.tx_hash,)),
                ("eth_getLogs", ({"blockHash": consumed.block_hash, "address": tokens},)),
            ]
        )
        receipt, logs = answers
        if isinstance(logs, NodeRefused) or not isinstance(logs, list):
            raise Unavailable("The node does not tell the logs of a block; ask again.", block_hash=consumed.block_hash)
        logs = [log for log in logs if str(log.get("transactionHash")).lower() == consumed.tx_hash]
        if not isinstance(receipt, dict) or str(receipt.get("blockHash")).lower() != consumed.block_hash:
            receipt = await self._receipt_of_block(consumed)
        if receipt is None:
            # A reverted transaction leaves no logs, so where there are logs it did not revert.
            sold, bought = _moved(logs, order, self.account)
            return Outcome(consumed.tx_hash, consumed.block_number, consumed.block_hash, 1, sold, bought) if logs else None
        ours = [log for log in receipt.get("logs", ()) if str(log.get("address")).lower() in tokens]
        if _keys(ours) != _keys(logs):
            return None
        sold, bought = _moved(logs, order, self.account)
        return Outcome(
            consumed.tx_hash,
            consumed.block_number,
            consumed.block_hash,
            number(receipt.get("status"), "receipt status"),
            sold,
            bought,
            number(receipt.get("gasUsed"), "gas used"),
            number(receipt.get("effectiveGasPrice"), "effective gas price"),
        )

    @property
    def _head_number(self) -> int:
        return self.branch.head.number if self.branch.head else -1

    async def _final_count(self) -> int | None:
        if self.branch.final_number < 0:
            return None
        answer = (await self._node.batch([("eth_getTransactionCount", (self.account, self.branch.final_tag))]))[0]
        return _count(answer)

    async def _receipt_of_block(self, consumed: Consumed) -> Mapping[str, Any] | None:
        """The receipt out of all those of the block: another index of the node than the one by transaction."""
        answer = (await self._node.batch([("eth_getBlockReceipts", (consumed.block_hash,))]))[0]
        found = answer if isinstance(answer, list) else []
        return next((one for one in found if str(one.get("transactionHash")).lower() == consumed.tx_hash), None)

    async def _read_blocks(self, order: Order, nonce: int) -> Consumed | None:
        """Look through the blocks themselves, from before the order was signed; further back each time nothing is found."""
        since = self._since.get(order.order_id)
        if since is None:
            planned = min(one.block_number for one in (order.routed, order.rehearsed) if one is not None)
            since = min(planned, self._head_number)
        await self.branch.reach(since)
        numbers = [one for one in range(since, self._head_number + 1) if self._unread(one)][:BLOCKS_A_LOOK]
        await self._read(numbers)
        for block_number in range(self._head_number, since - 1, -1):
            block_hash = self.branch.hash_at(block_number)
            tx_hash = self._used_in.get(block_hash or "", {}).get(nonce)
            if tx_hash is not None and block_hash is not None:
                return Consumed(tx_hash, block_number, block_hash)
        if len(numbers) < BLOCKS_A_LOOK:
            self._since[order.order_id] = max(0, since - AT_ONCE)
        return None

    def _unread(self, block_number: int) -> bool:
        return self.branch.hash_at(block_number) not in self._used_in

    async def _read(self, numbers: Sequence[int]) -> None:
        """Read the bodies of these blocks of our branch, by hash, once each."""
        wanted = [self.branch.hash_at(one) for one in numbers if self._unread(one)]
        for at in range(0, len(wanted), 16):
            some = wanted[at : at + 16]
            answers = await self._node.batch([("eth_getBlockByHash", (block_hash, True)) for block_hash in some])
            for block_hash, block in zip(some, answers, strict=True):
                if block_hash is None or not isinstance(block, dict) or header_of(block).hash != block_hash:
                    continue  # read again next time
                self._used_in[block_hash] = {
                    number(one.get("nonce"), "nonce"): str(one.get("hash")).lower()
                    for one in block.get("transactions", ())
                    if str(one.get("from")).lower() == self.account
                }

    def _forget(self, orders: Sequence[Order]) -> None:
        """What no open order needs any more."""
        going = {order.order_id for order in orders}
        self._since = {order_id: since for order_id, since in self._since.items() if order_id in going}
        if not self._since:
            self.branch.forget_before(self.branch.final_number - BLOCKS_A_LOOK)
            if len(self._used_in) > 4 * BLOCKS_A_LOOK:
                self._used_in.clear()


def _count(answer: Any) -> int:
    if isinstance(answer, NodeRefused):
        raise Unavailable(f"The node does not count the account's transactions ({answer.message}); ask again, or use one that does.")
    return number(answer, "transaction count")


def _keys(logs: Sequence[Mapping[str, Any]]) -> set[tuple[Any, ...]]:
    return {(number(one.get("logIndex"), "log index"), str(one.get("data")), tuple(one.get("topics", ()))) for one in logs}


def _moved(logs: Sequence[Mapping[str, Any]], order: Order, account: str) -> tuple[int, int]:
    """How much of the sold token left the account and how much of the bought one came, base units."""

    def gained(token: str) -> int:
        total = 0
        for log in logs:
            topics = log.get("topics", ())
            if str(log.get("address")).lower() == token and len(topics) == 3 and topics[0] == TRANSFER:
                amount, sender, receiver = int(log["data"], 16), "0x" + topics[1][-40:].lower(), "0x" + topics[2][-40:].lower()
                total += amount * ((receiver == account) - (sender == account))
        return total

    return -gained(order.request.sell), gained(order.request.buy)
