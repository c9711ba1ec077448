"""The chain as its blocks join: from the newest back by parent hashes, and how far of it is final.

A node behind a load balancer may answer from another branch than a moment ago. A block counts as ours only when the newest block
leads back to it, so answers of two branches are never mixed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from domain.problems import Broken, Unavailable
from executor.chain.node import Node, NodeRefused, number, quantity

# Blocks asked for at once when the chain is followed back.
AT_ONCE = 64
# So often in a row the node must tell that a final block is another one before a person is called.
CONTRADICTIONS_BELIEVED = 16


@dataclass(frozen=True, slots=True)
class Header:
    """A block's number, hash and parent."""

    number: int
    hash: str
    parent_hash: str


class Branch:
    """The branch the node follows. `finality_depth` None takes the node's word for what is final."""

    def __init__(self, node: Node, finality_depth: int | None = None) -> None:
        self._node = node
        self._depth = finality_depth
        self._headers: dict[int, Header] = {}
        self.head: Header | None = None
        self.final_number = -1
        self._contradictions = 0

    @property
    def final_tag(self) -> str:
        """How to ask a node about the final state."""
        return "finalized" if self._depth is None else quantity(max(self.final_number, 0))

    def questions(self) -> list[tuple[str, tuple[Any, ...]]]:
        """What to ask the node for `follow`."""
        tags = ["latest"] if self._depth is not None else ["latest", "finalized"]
        return [("eth_getBlockByNumber", (tag, False)) for tag in tags]

    async def follow(self, answers: list[Any]) -> None:
        """Take the answers to `questions` into account.

        Raises Unavailable when the answers do not join, Broken when the chain took back a block that was final and stays with it.
        """
        for answer in answers:
            if isinstance(answer, NodeRefused):
                raise Unavailable(
                    f"The node does not tell its blocks ({answer.message}); where it knows no final block, set a finality depth."
                ) from answer
        await self._adopt(header_of(answers[0]))
        assert self.head is not None
        if self._depth is not None:
            self.final_number = max(self.final_number, self.head.number - self._depth)
        elif answers[1] is not None:
            final = header_of(answers[1])
            # From a node that lags the final block may be old, and from one that is ahead unknown; neither makes anything final.
            if self.final_number < final.number <= self.head.number:
                await self.reach(final.number)
                if self._headers[final.number].hash == final.hash:
                    self.final_number = final.number

    async def reach(self, block_number: int) -> None:
        """Follow the chain back to this block, so that `hash_at` knows it. Raises Unavailable when the blocks do not join."""
        lowest = min(self._headers)
        while lowest > max(block_number, 0):
            wanted = range(lowest - 1, max(block_number, lowest - 1 - AT_ONCE, 0) - 1, -1)
            child = self._headers[lowest]
            for header in await self._fetched(wanted):
                if header.hash != child.parent_hash:
                    raise _not_joined(header.number)
                self._headers[header.number] = child = header
            lowest = child.number

    def hash_at(self, block_number: int) -> str | None:
        """The hash of this block; None beyond the newest, and before what was followed so far."""
        header = self._headers.get(block_number)
        return header.hash if header else None

    def forget_before(self, block_number: int) -> None:
        """Nobody asks for older blocks any more."""
        if self.head is not None and len(self._headers) > 16 * AT_ONCE:
            for old in [one for one in self._headers if one < min(block_number, self.final_number, self.head.number)]:
                del self._headers[old]

    async def _adopt(self, head: Header) -> None:
        """Make this the newest block, unless it is an older one of the same branch: then the node lags."""
        if self.hash_at(head.number) == head.hash:
            return
        if not self._headers:
            self._headers, self.head = {head.number: head}, head
            return
        lowest, joined, step = min(self._headers), [head], 1
        if head.number < lowest:
            return  # older than all we followed: the node lags
        while joined[-1].number > lowest and self.hash_at(joined[-1].number - 1) != joined[-1].parent_hash:
            child = joined[-1]
            above = child.number - 1 - max(self._headers)
            step = min(AT_ONCE, max(above, step * 2))
            for header in await self._fetched(range(child.number - 1, max(child.number - 1 - step, lowest - 1), -1)):
                if header.hash != joined[-1].parent_hash:
                    raise _not_joined(header.number)
                joined.append(header)
                if self.hash_at(header.number - 1) == header.parent_hash:
                    break
        fork = joined[-1].number - 1
        if fork < min(self.final_number, max(self._headers)):
            raise self._contradiction(fork + 1)
        self._contradictions = 0
        self._headers = {one: header for one, header in self._headers.items() if one <= fork}
        self._headers |= {header.number: header for header in joined}
        self.head = head

    def _contradiction(self, block_number: int) -> Broken | Unavailable:
        """The node tells another block than the final one: once it may be a machine left behind, again and again it is the chain."""
        self._contradictions += 1
        if self._contradictions < CONTRADICTIONS_BELIEVED:
            return Unavailable(f"The node tells another block {block_number} than the final one; ask again.", block_number=block_number)
        return Broken(
            f"Block {block_number} was final and the node keeps telling another one; orders that ended there may have ended otherwise. "
            "Look at the node, and set a greater finality depth.",
            block_number=block_number,
        )

    async def _fetched(self, numbers: range) -> list[Header]:
        answers = await self._node.batch([("eth_getBlockByNumber", (quantity(one), False)) for one in numbers])
        headers = []
        for wanted, answer in zip(numbers, answers, strict=True):
            header = header_of(answer)
            if header.number != wanted:
                raise _not_joined(wanted)
            headers.append(header)
        return headers


def header_of(answer: Any) -> Header:
    """A block as the node told it. Raises Unavailable when it told none."""
    told = answer if isinstance(answer, dict) else {}
    block_hash, parent_hash = told.get("hash"), told.get("parentHash")
    if not isinstance(block_hash, str) or not isinstance(parent_hash, str):
        raise Unavailable("The node does not tell a block that it must have; ask again.")
    return Header(number(told.get("number"), "block number"), block_hash.lower(), parent_hash.lower())


def _not_joined(block_number: int) -> Unavailable:
    return Unavailable(f"Block {block_number} does not join those around it; the chain is changing, ask again.", block_number=block_number)
