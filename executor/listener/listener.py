"""From the chain to the stream, without holes: what is durable in the ledger is where every session begins.

A session ends when the stream lost something, when the ledger noticed a hole, or when it does not come up to what was told. The next
one tells everything again from the newest block up to which the ledger has it all; what it has already, it skips.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

from domain.problems import Unavailable
from executor.chain.blocks import Final, Forward
from executor.ledger.rows import Block
from executor.listener.follower import Follower
from executor.listener.heads import Heads
from executor.listener.reader import BlockReader
from executor.ports import Clock
from executor.streams.publication import Publication
from executor.streams.stream import Stream

AGAIN_AFTER_SECONDS = 0.25
LONGEST_AGAIN_SECONDS = 10.0
STALL_SECONDS = 5.0
LONGEST_STALL_SECONDS = 60.0
NODE_LAG_SECONDS = 0.05
LOOKS_AT_A_LAGGING_NODE = 20


class Durable(Protocol):
    """What the other end of the stream has safely; a LedgerStore is one."""

    tip_hash: str | None
    lost_in: int | None
    final_number: int | None
    progress: int

    def begin_session(self) -> int:
        """The number of a new session, greater than all before."""
        ...

    def known_blocks(self) -> Sequence[Block]:
        """The newest blocks up to which nothing is missing, oldest first."""
        ...

    def refresh(self) -> None:
        """Look again, when another process writes it."""
        ...


class Listener:
    """Publishes a chain to a stream; run it as a task.

    `sessions`, `blocks`, `reorged` and `messages` count, `told` is the newest block that was told, `is_behind` whether the ledger has
    not come up to it yet.
    """

    def __init__(
        self,
        reader: BlockReader,
        heads: Heads,
        stream: Stream,
        durable: Durable,
        clock: Clock,
        chain_id: int,
        *,
        start_block: int = 0,
        finality_depth: int | None = None,
        stall_seconds: float = STALL_SECONDS,
    ) -> None:
        self.sessions = 0
        self.blocks = 0
        self.reorged = 0
        self.messages = 0
        self.told: tuple[int, str] | None = None
        self._reader = reader
        self._heads = heads
        self._stream = stream
        self._durable = durable
        self._clock = clock
        self._chain_id = chain_id
        self._start_block = start_block
        self._finality_depth = finality_depth
        self._stall_seconds = stall_seconds
        self._looks = 0

    @property
    def is_behind(self) -> bool:
        """Whether something that was told is not durable yet."""
        return self.told is not None and self.told[1] != self._durable.tip_hash

    async def run(self) -> None:
        """Until it is cancelled. Raises Broken when the chain took back more than can be healed."""
        pause, patience = AGAIN_AFTER_SECONDS, self._stall_seconds
        while True:
            before = self.blocks
            try:
                await self._session(patience)
            except Unavailable as reason:
                # A stream that is only slow would be buried under what it is told again.
                patience = min(2 * patience, LONGEST_STALL_SECONDS) if reason.facts.get("stalled") else self._stall_seconds
                logging.getLogger(__name__).warning("a new session of the listener begins: %s", reason.message)
            pause = AGAIN_AFTER_SECONDS if self.blocks > before else min(2 * pause, LONGEST_AGAIN_SECONDS)
            await self._clock.sleep(pause)

    async def _session(self, patience: float) -> None:
        """Tell steps until something is lost, or for so many seconds does not arrive.

        Raises Unavailable then, and when the stream cannot be reached.
        """
        writer = await self._stream.open_writer()
        try:
            self._durable.refresh()
            session = self._durable.begin_session()
            self.sessions += 1
            follower = Follower(
                self._reader,
                self._durable.known_blocks(),
                start_block=self._start_block,
                finality_depth=self._finality_depth,
                final_number=self._durable.final_number,
            )
            publication = Publication(writer, session, self._chain_id)
            watch = _Watch(self._clock, self._durable, session, patience)
            while True:
                bell = self._heads.bell()
                try:
                    await self._tell(follower, publication)
                except Unavailable as reason:
                    if not reason.facts.get("of_node"):
                        raise
                    logging.getLogger(__name__).warning("the node is asked again: %s", reason.message)
                await self._heads.wait(bell, self._soon(follower))
                watch.look(self.told)
                await writer.write(())
        finally:
            await writer.close()

    async def _tell(self, follower: Follower, publication: Publication) -> None:
        steps = follower.catch_up()
        while True:
            try:
                step = await anext(steps, None)
            except Unavailable as reason:
                raise Unavailable(reason.message, **{**reason.facts, "of_node": True}) from reason
            if step is None:
                return
            self.messages += await publication.tell(step)
            if isinstance(step, Forward):
                self.blocks += 1
            elif not isinstance(step, Final):
                self.reorged += 1
            if follower.tip is not None:
                self.told = (follower.tip.number, follower.tip.hash)

    def _soon(self, follower: Follower) -> float | None:
        """How soon to look again: the bell may ring for a head that the node we ask has not heard of."""
        newest = self._heads.newest
        if newest is None or follower.has(newest):
            self._looks = 0
            return None
        self._looks += 1
        return NODE_LAG_SECONDS if self._looks <= LOOKS_AT_A_LAGGING_NODE else None


class _Watch:
    """Notices that what was told does not arrive."""

    def __init__(self, clock: Clock, durable: Durable, session: int, stall_seconds: float) -> None:
        self._clock = clock
        self._durable = durable
        self._session = session
        self._stall_seconds = stall_seconds
        self._stands_at: int | None = None
        self._since: float | None = None

    def look(self, told: tuple[int, str] | None) -> None:
        """Raises Unavailable when the ledger lost something, or takes nothing in although something is missing."""
        self._durable.refresh()
        if self._durable.lost_in == self._session:
            raise Unavailable("The ledger misses messages of this session; telling them again.", session=self._session)
        progress, now = self._durable.progress, self._clock.monotonic()
        if told is None or told[1] == self._durable.tip_hash or progress != self._stands_at or self._since is None:
            self._stands_at, self._since = progress, now
        elif now - self._since > self._stall_seconds:
            words = f"The ledger has taken in nothing for {self._stall_seconds:.0f} s and misses block {told[0]}; telling it again."
            raise Unavailable(words, stalled=True)
