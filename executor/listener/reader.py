"""Blocks with their logs, as a node tells them and as they can be true.

A block is asked for by its hash and so are its logs: one whose logs belong to another block, or come short of what the header promises,
is asked for again and, in the last resort, read from the receipts. Nothing is taken from the block's number alone.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from domain.problems import Unavailable
from executor.chain.blocks import Block, Log
from executor.chain.node import Node, NodeRefused, number, quantity
from executor.listener.bloom import may_hold

Witness = Literal["bloom", "receipts"]
HEADERS_AT_ONCE = 100
BLOCKS_AT_ONCE = 500
KEPT_BLOCKS = 600


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which logs are asked for: of these addresses, announcing one of these topics. Nothing named means all. Lowercase 0x text."""

    addresses: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()

    def params(self) -> dict[str, Any]:
        """As JSON-RPC writes it."""
        told: dict[str, Any] = {"address": list(self.addresses)} if self.addresses else {}
        return told | ({"topics": [list(self.topics)]} if self.topics else {})

    def wants(self, log: Log) -> bool:
        """Whether the log is one of those asked for."""
        of_topic = not self.topics or (bool(log.topics) and log.topics[0] in self.topics)
        return of_topic and (not self.addresses or log.address in self.addresses)


@dataclass(frozen=True, slots=True)
class Header:
    """A block before its logs are known. `bloom` is None where the node tells none, or one that cannot say no."""

    number: int
    hash: str
    parent_hash: str
    timestamp: int
    base_fee: int
    bloom: int | None
    transactions: int

    def with_logs(self, logs: Sequence[Log]) -> Block:
        """The block with these logs."""
        return Block(self.number, self.hash, self.parent_hash, self.timestamp, self.base_fee, tuple(logs))


class BlockReader:
    """Reads blocks from a node; several followers may share one, which remembers the newest blocks by their hash.

    `witness` "receipts" compares every block's logs with its receipts, "bloom" only those of a block that says it has some of ours
    and shows none. `asked_again` counts the times that a node's first answer was not enough.
    """

    def __init__(self, node: Node, logs: LogFilter | None = None, *, witness: Witness = "bloom") -> None:
        self.node = node
        self.filter = logs or LogFilter()
        self.asked_again = 0
        self._witness = witness
        self._kept: OrderedDict[str, Block] = OrderedDict()

    def widen(self, addresses: Iterable[str]) -> None:
        """Ask for the logs of these contracts too, from the next block on."""
        more = dict.fromkeys((*self.filter.addresses, *addresses))
        self.filter = LogFilter(tuple(more), self.filter.topics)
        self._kept.clear()

    async def head(self) -> Header:
        """The newest block. Raises Unavailable."""
        return _header(await self.node.call("eth_getBlockByNumber", "latest", False), "the newest block")

    async def head_and_final(self) -> tuple[Header, Header | None]:
        """The newest block, and the newest one that the node calls final. Raises Unavailable."""
        questions = [("eth_getBlockByNumber", (tag, False)) for tag in ("latest", "finalized")]
        latest, final = await self.node.batch(questions)
        if isinstance(latest, NodeRefused):
            raise _again(latest)
        # A chain that is younger than its finality has no such block.
        return _header(latest, "the newest block"), None if final is None or isinstance(final, NodeRefused) else _header(final, "finalized")

    async def headers(self, numbers: Sequence[int]) -> list[Header]:
        """The blocks that the node has at these heights now. Raises Unavailable."""
        found: list[Header] = []
        for start in range(0, len(numbers), HEADERS_AT_ONCE):
            part = numbers[start : start + HEADERS_AT_ONCE]
            told = await self.node.batch([("eth_getBlockByNumber", (quantity(at), False)) for at in part])
            for at, answer in zip(part, told, strict=True):
                if isinstance(answer, NodeRefused):
                    raise _again(answer)
                header = _header(answer, f"block {at}")
                if header.number != at:
                    raise Unavailable(f"The node answered block {header.number} when asked for {at}; ask again.", field="number")
                found.append(header)
        return found

    async def by_hash(self, hash: str) -> Header:
        """The block of that hash. Raises Unavailable when the node does not have it."""
        kept = self._kept.get(hash)
        if kept is not None:
            return Header(kept.number, kept.hash, kept.parent_hash, kept.timestamp, kept.base_fee, None, 0)
        header = _header(await self.node.call("eth_getBlockByHash", hash, False), f"the block {hash}")
        if header.hash != hash:
            raise Unavailable(f"The node answered the block {header.hash} when asked for {hash}; ask again.", field="hash")
        return header

    async def block(self, header: Header) -> Block:
        """A block with its logs. Raises Unavailable until they are surely the block's own and all of them."""
        kept = self._kept.get(header.hash)
        if kept is None:
            kept = header.with_logs(await self._logs(header))
            self._keep(kept)
        return kept

    async def blocks(self, headers: Sequence[Header]) -> list[Block]:
        """Many blocks at once, for a back-fill: their logs by range, checked against the headers. Raises Unavailable."""
        wanted = [header for header in headers if header.hash not in self._kept]
        by_hash: dict[str, list[Log]] = {header.hash: [] for header in wanted}
        of_others: set[int] = set()
        if wanted:
            for log in await self._logs_between(wanted[0].number, wanted[-1].number):
                if log.block_hash in by_hash:
                    by_hash[log.block_hash].append(log)
                else:
                    of_others.add(log.block_number)
        blocks = []
        for header in headers:
            logs = sorted(by_hash.get(header.hash, ()), key=lambda log: log.log_index)
            # By range a node may answer for another branch than the headers are of; then the block is asked for by its hash.
            sure = header.hash in by_hash and header.number not in of_others and self._witness == "bloom"
            sure = sure and (bool(logs) or not self._promises(header))
            blocks.append(header.with_logs(logs) if sure else await self.block(header))
        return blocks

    async def _logs(self, header: Header) -> list[Log]:
        logs = await self._logs_by_hash(header.hash)
        if not logs and self._promises(header):
            self.asked_again += 1
            logs = await self._logs_by_hash(header.hash)
        if self._witness == "receipts" or (not logs and self._promises(header)):
            witnessed = await self._logs_of_receipts(header)
            if witnessed is not None and {log.log_index for log in witnessed} - {log.log_index for log in logs}:
                self.asked_again += 1
                logs = witnessed
        return sorted(logs, key=lambda log: log.log_index)

    def _promises(self, header: Header) -> bool:
        return header.bloom is not None and may_hold(header.bloom, self.filter.addresses, self.filter.topics)

    async def _logs_by_hash(self, hash: str) -> list[Log]:
        told = await self.node.call("eth_getLogs", {"blockHash": hash, **self.filter.params()})
        logs = _logs(told)
        strange = [log for log in logs if log.block_hash != hash]
        if strange:
            raise Unavailable(f"The node answered logs of {strange[0].block_hash} when asked for those of {hash}; ask again.", field="logs")
        return logs

    async def _logs_between(self, first: int, last: int) -> list[Log]:
        """By range; a range that is too much for the node is halved."""
        asked = {"fromBlock": quantity(first), "toBlock": quantity(last), **self.filter.params()}
        try:
            return _logs(await self.node.call("eth_getLogs", asked))
        except NodeRefused as refusal:
            if first == last:
                raise _again(refusal) from refusal
        middle = (first + last) // 2
        return [*await self._logs_between(first, middle), *await self._logs_between(middle + 1, last)]

    async def _logs_of_receipts(self, header: Header) -> list[Log] | None:
        """The logs by the second witness; None where the node does not answer for receipts of a block."""
        try:
            told = await self.node.call("eth_getBlockReceipts", header.hash)
        except NodeRefused:
            return None
        if not isinstance(told, list) or len(told) < header.transactions:
            raise Unavailable(f"The node has not all receipts of block {header.number} yet; ask again.", field="receipts")
        logs = [log for receipt in told for log in _logs(receipt.get("logs")) if self.filter.wants(log)]
        if any(log.block_hash != header.hash for log in logs):
            raise Unavailable(f"The node answered receipts of another block than {header.hash}; ask again.", field="receipts")
        return logs

    def _keep(self, block: Block) -> None:
        self._kept[block.hash] = block
        if len(self._kept) > KEPT_BLOCKS:
            self._kept.popitem(last=False)


def _header(told: Any, what: str) -> Header:
    if not isinstance(told, dict) or not told.get("hash") or not told.get("parentHash"):
        raise Unavailable(f"The node does not have {what}; ask again.", field="block")
    bloom = int(told["logsBloom"], 16) if told.get("logsBloom") not in (None, "0x") else 0
    transactions = told.get("transactions")
    return Header(
        number(told.get("number"), "number"),
        told["hash"].lower(),
        told["parentHash"].lower(),
        number(told.get("timestamp"), "timestamp"),
        number(told.get("baseFeePerGas") or "0x0", "baseFeePerGas"),
        bloom or None,  # some chains tell an empty filter whatever the block holds
        len(transactions) if isinstance(transactions, list) else 0,
    )


def _logs(told: Any) -> list[Log]:
    if not isinstance(told, list):
        raise Unavailable("The node answered no list of logs; ask again.", field="logs")
    try:
        return [
            Log(
                one["address"].lower(),
                tuple([topic.lower() for topic in one["topics"]]),
                bytes.fromhex(one["data"][2:]),
                int(one["blockNumber"], 16),
                one["blockHash"].lower(),
                one["transactionHash"].lower(),
                int(one["transactionIndex"], 16),
                int(one["logIndex"], 16),
            )
            for one in told
            if not one.get("removed")
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Unavailable(f"The node answered a log that is not whole ({error!r:.80}); ask again.", field="logs") from error


def _again(refusal: NodeRefused) -> Unavailable:
    return Unavailable(f"The node refused what it should answer ({refusal.message}); ask again.", **refusal.facts)
