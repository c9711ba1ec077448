"""A journal in memory: its rows outlive a crash of the executor that wrote them, as a disk's would.

Tests and virtual time use it. It can be slow, full, or forget to answer after it wrote, as a database across a network may.
"""

from __future__ import annotations

from collections.abc import Sequence

from domain.problems import JournalHeld, JournalUnavailable
from executor.journal.sealing import Sealed
from executor.ports import Clock


class MemoryStore:
    """Rows in a list. Open a new `Journal` on the same store after a crash; the old one can then write no more.

    A commit takes `latency_seconds` of the clock's time; its rows are durable at half of it.
    """

    def __init__(self, clock: Clock | None = None, *, latency_seconds: float = 0.0) -> None:
        self.rows: list[Sealed] = []
        self.commits = 0
        self.full = False
        self.forgets_to_answer = False
        self._clock = clock
        self._latency = latency_seconds

    async def load(self, after: int = -1) -> list[Sealed]:
        return [row for row in self.rows if row.seq > after]

    async def commit(self, rows: Sequence[Sealed]) -> None:
        await self._half_the_latency()
        if self.full:
            raise JournalUnavailable("The journal was not written: no space is left; free some and ask again.", rows=len(rows))
        if rows[0].seq != len(self.rows) or (self.rows and rows[0].previous != self.rows[-1].hash):
            raise JournalHeld("Another executor wrote to this journal since; stop this one.", seq=rows[0].seq)
        self.rows.extend(rows)
        self.commits += 1
        if self.forgets_to_answer:
            raise JournalUnavailable("The journal did not answer; ask again.", rows=len(rows))
        await self._half_the_latency()

    async def close(self) -> None:
        """Nothing to let go of."""

    async def _half_the_latency(self) -> None:
        if self._clock is not None and self._latency:
            await self._clock.sleep(self._latency / 2)
