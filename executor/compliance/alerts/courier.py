"""The courier: carries violations from the journal to one channel, in order, at least once each, and never holds up an order.

What was told stands in the journal as `alert_sent`, with the entry up to which it was: the journal is the queue, so there is no second
file that could disagree with it, a restart goes on where the last alert ended, and what waits takes no memory however long the other
side is away. A crash between the sending and its entry sends once more, with the same key as far as nothing came since.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from domain.problems import BadInput, Problem, Unavailable
from executor.compliance.alerts.channel import Channel
from executor.compliance.alerts.message import message_about
from executor.journal import Journal, Sealed
from executor.orders import VIOLATION, Entry
from executor.ports import Chance, Clock

LOG = logging.getLogger(__name__)
SENT, GIVEN_UP = "alert_sent", "alert_given_up"
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 300.0
# Between two messages of one channel: what comes meanwhile goes into the next one, so a flood of orders is no flood of alerts.
GAP_SECONDS = 1.0
# So many rows are looked through at a time; orders go on in between.
ROWS_AT_ONCE = 2_000
MOST_IN_A_MESSAGE = 500
# How long a look waits for a wake before it looks by itself.
LOOK_SECONDS = 5.0


class Courier:
    """One channel's. `failed` is told the name of a channel each time that it does not take an alert."""

    def __init__(self, channel: Channel, clock: Clock, chance: Chance, failed: Callable[[str], None] = lambda name: None) -> None:
        self.channel = channel
        self._clock, self._chance, self._failed = clock, chance, failed
        self._read = 0
        self._pending: list[Sealed] = []
        self._news = asyncio.Event()

    def wake(self) -> None:
        """There may be something new in the journal. Costs nothing."""
        self._news.set()

    async def run(self, journal: Journal) -> None:
        """Carries until cancelled."""
        self._pending = []
        try:
            await self._find_where_it_ended(journal)
            while True:
                self._news.clear()
                await self._gather(journal)
                if not self._pending:
                    await self._wait()
                    continue
                await self._carry(journal)
                await self._clock.sleep(GAP_SECONDS)
        finally:
            await self.channel.close()

    async def _wait(self) -> None:
        waiting = asyncio.ensure_future(self._news.wait())
        pause = asyncio.ensure_future(self._clock.sleep(LOOK_SECONDS))
        try:
            await asyncio.wait([waiting, pause], return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            pause.cancel()

    async def _find_where_it_ended(self, journal: Journal) -> None:
        """The last entry that this channel was told about, read from the journal's own end."""
        end, self._read = journal.head[0] + 1, 0  # nothing was told yet: from the beginning
        for stop in range(end, 0, -ROWS_AT_ONCE):
            for row in reversed(journal.between(max(stop - ROWS_AT_ONCE, 0), stop)):
                if row.about[0] in (SENT, GIVEN_UP) and (facts := row.entry.facts).get("channel") == self.channel.name:
                    self._read = int(facts["through_seq"]) + 1
                    return
            await self._clock.sleep(0)

    async def _gather(self, journal: Journal) -> None:
        while self._read <= journal.head[0] and len(self._pending) < MOST_IN_A_MESSAGE:
            rows = journal.between(self._read, self._read + ROWS_AT_ONCE)
            for row in rows:
                self._read = row.seq + 1
                if row.about[0] == VIOLATION and f"alert:{self.channel.name}" in row.entry.facts["on_breach"]:
                    self._pending.append(row)
                    if len(self._pending) == MOST_IN_A_MESSAGE:
                        break
            await self._clock.sleep(0)

    async def _carry(self, journal: Journal) -> None:
        """Tells what is pending, however long it takes, and writes down that it did."""
        rows, pause = self._pending, FIRST_PAUSE_SECONDS
        message = message_about(rows, journal.name)
        while True:
            try:
                await self.channel.send(message)
            except BadInput as problem:
                LOG.error("an alert is given up: %s", problem.message)
                self._failed(self.channel.name)
                kind = GIVEN_UP
                break
            except Unavailable as problem:
                LOG.warning("%s It is tried again.", problem.message)
                self._failed(self.channel.name)
            except Exception:
                # Whatever a library does, orders go on and the alert is not lost.
                LOG.exception("an alert was not taken; it is tried again")
                self._failed(self.channel.name)
            else:
                kind = SENT
                break
            # Not in step with others whom the same server sent away.
            await self._clock.sleep(pause * self._chance.uniform(0.5, 1.0))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
        await self._write(journal, kind, rows, message.key)
        self._pending = []

    async def _write(self, journal: Journal, kind: str, rows: Sequence[Sealed], key: str) -> None:
        facts = {"channel": self.channel.name, "through_seq": rows[-1].seq, "count": len(rows), "key": key}
        try:
            await journal.append(Entry(kind, None, self._clock.now(), facts))
        except Problem as problem:
            # It was told, so this process does not tell it again; the next one will.
            LOG.warning("not in the journal (%s): %s %s", problem.message, kind, facts)
