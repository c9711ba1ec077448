"""The negotiations of one executor: its record, and the coordinator where there are agents.

What agents decide is advice. It is asked for, written down and read here; orders are sent elsewhere, past the guards.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.problems import Unavailable, UnknownNegotiation

if TYPE_CHECKING:
    from executor.agents.coordinator import Coordinator
    from executor.agents.terms import Negotiation, Question

LOG = logging.getLogger(__name__)

# What reads messages is loaded with the first question: an executor without agents starts without it.


class Negotiations:
    """Those whose record lies in a folder. Without `begin`, which makes a coordinator, they can only be read."""

    def __init__(self, folder: Path, begin: Callable[[], Awaitable[Coordinator]] | None = None) -> None:
        self._folder = folder
        self._begin = begin
        self._coordinator: Coordinator | None = None
        self._why_not = "This executor has no agents to ask, or was not started; see docs/agents.md."

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Starts and stops the coordinator, where there is one. One that cannot begin is logged, and `ask` says why."""
        if self._begin is None:
            yield
            return
        try:
            coordinator = await self._begin()
        except Unavailable as problem:
            # Quotes and orders need no advice.
            self._why_not = f"The agents are not asked: {problem.message}"
            LOG.warning("%s", self._why_not)
            yield
            return
        try:
            async with coordinator:
                self._coordinator = coordinator
                yield
        finally:
            self._coordinator = None
            await coordinator.transcript.rows.close()

    async def ask(self, question: Question) -> Negotiation:
        """What the agents advise. Raises Unavailable where there are none, and what `Coordinator.negotiate` raises."""
        if self._coordinator is None:
            raise Unavailable(self._why_not)
        return await self._coordinator.negotiate(question)

    async def document(self, trade_id: str) -> dict[str, Any]:
        """The last negotiation about a trade, with the ids of earlier ones. Raises UnknownNegotiation, Broken, JournalUnavailable."""
        return await asyncio.to_thread(self._document, trade_id)

    def _document(self, trade_id: str) -> dict[str, Any]:
        from executor.agents.reading import document_of
        from executor.agents.transcript import conversations
        from executor.agents.transcript_file import FILE, read_rows

        path = self._folder / FILE
        held = conversations(read_rows(path, trade_id)[0]) if path.is_file() else {}
        if not held:
            raise UnknownNegotiation(f"No negotiation about {trade_id} is in the record.", trade_id=trade_id)
        *earlier, last = held
        return {**document_of(held[last]), "earlier": earlier}
