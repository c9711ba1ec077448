"""Walks a chain by its parent hashes: forward where it grew, back where a reorg took blocks away, never past what is final.

The node's answers are only looked at through hashes: a new block must name a block we know as its parent, or its ancestors are fetched
until one does. A head that we have already passed says nothing: a node that lags looks the same as one whose chain was cut, and
the next block tells which.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from domain.problems import Broken
from executor.chain.blocks import Back, Block, Final, Forward, Step
from executor.listener.reader import BLOCKS_AT_ONCE, BlockReader, Header

DEEPEST_REORG = 256
# Further behind than this, blocks are fetched by height and many at once instead of along their parent hashes.
FAR_BEHIND = 16


class Known(Protocol):
    """A block that is known already, by its number and hashes."""

    @property
    def number(self) -> int: ...
    @property
    def hash(self) -> str: ...
    @property
    def parent_hash(self) -> str: ...


class Follower:
    """Follows one chain from the blocks that are known, oldest first, or from `start_block` where none is.

    `finality_depth` None takes the node's word for what is final, N takes the block N below the newest. `final_number` is what is known
    to be final. After an error, or when a step could not be dealt with, throw it away and make another from what is durable.
    """

    def __init__(
        self,
        reader: BlockReader,
        known: Sequence[Known] = (),
        *,
        start_block: int = 0,
        finality_depth: int | None = None,
        final_number: int | None = None,
    ) -> None:
        self.reader = reader
        self.final_number = final_number
        self._start = start_block
        self._finality_depth = finality_depth
        self._chain: list[Block] = [Block(one.number, one.hash, one.parent_hash, 0, 0) for one in known]
        self._heights = {block.hash: block.number for block in self._chain}

    @property
    def tip(self) -> Block | None:
        """The newest block that was told."""
        return self._chain[-1] if self._chain else None

    async def catch_up(self) -> AsyncIterator[Step]:
        """All steps from here to the node's newest block; none when nothing is new.

        Raises Unavailable when the node did not answer or contradicted itself: nothing is lost, call again. Raises Broken when the chain
        took back more than can be healed.
        """
        while True:
            head, final = await self._head_and_final()
            if head.number < self._start:
                return
            reached = head.hash in self._heights
            if not reached:
                async for step in self._towards(head):
                    yield step
            if (step := self._finalised(final)) is not None:
                yield step
            if reached or head.hash in self._heights:
                return

    def has(self, hash: str) -> bool:
        """Whether that block is one of those told."""
        return hash in self._heights

    async def _head_and_final(self) -> tuple[Header, Header | None]:
        if self._finality_depth is None:
            return await self.reader.head_and_final()
        return await self.reader.head(), None

    async def _towards(self, head: Header) -> AsyncIterator[Step]:
        if not self._chain or head.number - self._chain[-1].number > FAR_BEHIND:
            async for step in self._by_height(head):
                yield step
        else:
            branch, ancestor = await self._branch_of(head)
            # Fetched before anything is taken back, so that a node that stops answering does not leave us without either branch.
            blocks = [await self.reader.block(header) for header in branch]
            for step in self._back_to(ancestor):
                yield step
            for block in blocks:
                yield self._forward(block)

    async def _by_height(self, head: Header) -> AsyncIterator[Step]:
        """One stretch of blocks by their heights."""
        first = self._chain[-1].number + 1 if self._chain else self._start
        headers = await self.reader.headers(range(first, min(first + BLOCKS_AT_ONCE, head.number + 1)))
        if self._chain and headers[0].parent_hash != self._chain[-1].hash:
            ancestor = await self._highest_still_there()
            for step in self._back_to(ancestor):
                yield step
            return
        whole = 1
        while whole < len(headers) and headers[whole].parent_hash == headers[whole - 1].hash:
            whole += 1  # what does not link was answered across a reorg
        for block in await self.reader.blocks(headers[:whole]):
            yield self._forward(block)

    async def _branch_of(self, head: Header) -> tuple[list[Header], int]:
        """The blocks up to `head` that are not known, oldest first, and the height of the known one they stand on."""
        branch = [head]
        while branch[-1].parent_hash not in self._heights:
            oldest = branch[-1]
            if oldest.number == self._start == self._chain[0].number:
                return branch[::-1], self._start - 1  # all we have was replaced, and it began where we were told to begin
            if oldest.number <= self._chain[0].number or len(branch) > DEEPEST_REORG + FAR_BEHIND:
                raise self._too_deep(self._chain[-1].number - oldest.number + 1)
            parent = await self.reader.by_hash(oldest.parent_hash)
            branch.append(parent)
        return branch[::-1], self._heights[branch[-1].parent_hash]

    async def _highest_still_there(self) -> int:
        """The height of the newest known block that the node still has at its height."""
        numbers = [block.number for block in self._chain]
        for block, header in zip(reversed(self._chain), reversed(await self.reader.headers(numbers)), strict=True):
            if block.hash == header.hash:
                return block.number
        if self._chain[0].number == self._start:
            return self._start - 1
        raise self._too_deep(len(self._chain))

    def _back_to(self, number: int) -> list[Step]:
        """Forget the blocks above, newest first."""
        steps: list[Step] = []
        depth = self._chain[-1].number - number
        if depth > DEEPEST_REORG or (depth > 0 and self.final_number is not None and number < self.final_number):
            raise self._too_deep(depth)
        while self._chain and self._chain[-1].number > number:
            gone = self._chain.pop()
            del self._heights[gone.hash]
            steps.append(Back(gone))
        return steps

    def _forward(self, block: Block) -> Step:
        # The logs are the step's own; to know the chain, its hashes are enough.
        self._chain.append(Block(block.number, block.hash, block.parent_hash, block.timestamp, block.base_fee))
        self._heights[block.hash] = block.number
        if len(self._chain) > 2 * DEEPEST_REORG:
            for old in self._chain[: -DEEPEST_REORG - 1]:
                del self._heights[old.hash]
            self._chain = self._chain[-DEEPEST_REORG - 1 :]
        return Forward(block)

    def _finalised(self, told: Header | None) -> Step | None:
        """The step that says so, when it is news and a block of ours; one that is not ours yet will be told again."""
        final = told
        if self._finality_depth is not None:
            final = self._chain[-1 - self._finality_depth] if len(self._chain) > self._finality_depth else None
        if final is None or final.hash not in self._heights or (self.final_number is not None and final.number <= self.final_number):
            return None
        self.final_number = final.number
        return Final(final.number, final.hash)

    def _too_deep(self, depth: int) -> Broken:
        final = f", block {self.final_number} was final" if self.final_number is not None else ""
        return Broken(
            f"The chain took back {depth} blocks or more, deeper than can be healed (at most {DEEPEST_REORG}{final}). Compare the node with"
            " others; if it is right, rebuild the ledger from the chain.",
            depth=depth,
            deepest=DEEPEST_REORG,
            final_number=self.final_number,
        )
