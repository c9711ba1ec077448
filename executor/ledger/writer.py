"""Keeps the ledger up with a stream: reads what arrived, writes it with its position, and begins anew when the stream breaks off."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

from domain.problems import Unavailable
from executor.ledger.rows import Applied
from executor.ledger.store import LedgerStore
from executor.ports import Clock
from executor.streams.stream import Reader, Stream

MOST_AT_ONCE = 10_000
WAIT_SECONDS = 1.0
AGAIN_AFTER_SECONDS = 0.25

Written = Callable[[Applied], None]


class LedgerWriter:
    """Run it as a task; `written` is called after each commit.

    `batches`, `messages`, `reopened` count, `last_written` is the time of the last commit. `in_thread` False writes on the event
    loop itself, for a loop whose time is virtual.
    """

    def __init__(self, stream: Stream, store: LedgerStore, clock: Clock, *, in_thread: bool = True, written: Written | None = None) -> None:
        self.store = store
        self.batches = 0
        self.messages = 0
        self.reopened = 0
        self.last_written: datetime | None = None
        self._stream = stream
        self._clock = clock
        self._in_thread = in_thread
        self._written = written

    async def run(self) -> None:
        """Until it is cancelled. Raises Broken when the chain took back what was final."""
        while True:
            try:
                reader = await self._stream.open_reader(self.store.positions(self._stream.name))
                try:
                    while True:
                        await self.write_next(reader)
                finally:
                    await reader.close()
            except Unavailable as reason:
                self.reopened += 1
                logging.getLogger(__name__).warning("the ledger reads its stream again: %s", reason.message)
                await self._clock.sleep(AGAIN_AFTER_SECONDS)

    async def write_next(self, reader: Reader) -> Applied:
        """Read once and write what came. Raises Unavailable when the stream or the disk did not take part."""
        batch = await reader.read(MOST_AT_ONCE, WAIT_SECONDS)
        if not batch:
            return Applied()
        if self._in_thread:
            applied = await asyncio.to_thread(self.store.apply, self._stream.name, batch)
        else:
            applied = self.store.apply(self._stream.name, batch)
        self.batches += 1
        self.messages += len(batch)
        self.last_written = self._clock.now()
        for partition in applied.rewind:
            await reader.rewind(partition)
        reader.release({at: offset for at, offset in (applied.positions or {}).items() if at not in applied.rewind})
        if self._written is not None:
            self._written(applied)
        return applied
