"""The ledger from the chain alone: what any ledger must be equal to, and what heals one that is lost."""

from __future__ import annotations

from collections.abc import Sequence

from executor.ledger.store import LedgerStore
from executor.listener.follower import Follower
from executor.listener.reader import BlockReader
from executor.streams.publication import Publication
from executor.streams.stream import Received, Sent

STREAM = "rebuild"
MESSAGES_AT_ONCE = 5_000


async def rebuild(
    reader: BlockReader, store: LedgerStore, *, start_block: int = 0, finality_depth: int | None = None, final_number: int | None = None
) -> int:
    """Bring a store up to the node's newest block, from `start_block` when it is empty; returns how many messages that took.

    Raises Unavailable when the node does not answer (call again, it goes on), Broken when the store's chain is not the node's.
    """
    known = store.known_blocks()
    follower = Follower(reader, known, start_block=start_block, finality_depth=finality_depth, final_number=final_number)
    writer = _Straight(store)
    publication = Publication(writer, store.begin_session(), store.chain_id)
    messages = 0
    try:
        async for step in follower.catch_up():
            messages += await publication.tell(step)
    finally:
        writer.apply()
    return messages


class _Straight:
    """A writer that applies what it is given, many messages at a time."""

    partitions = 1

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._offset = 0
        self._waiting: list[Received] = []

    def apply(self) -> None:
        """Write what has gathered."""
        gathered, self._waiting = self._waiting, []
        if gathered:
            self._store.apply(STREAM, gathered)

    async def write(self, messages: Sequence[Sent]) -> None:
        self._waiting += [(0, offset, message) for offset, (_, _, message) in enumerate(messages, self._offset)]
        self._offset += len(messages)
        if len(self._waiting) >= MESSAGES_AT_ONCE:
            self.apply()

    async def flush(self, seconds: float) -> None:
        return None

    async def close(self) -> None:
        return None
