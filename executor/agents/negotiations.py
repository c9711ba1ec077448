"""The negotiations of one executor: its record, and the coordinator where there are agents.

What agents decide is advice. It is asked for, written down and read here; orders are sent elsewhere, past the guards.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from domain.problems import NegotiationConflict, Unavailable, UnknownNegotiation
from executor.ports import Clock, SystemClock
from executor.supervision import Supervisor

if TYPE_CHECKING:
    from executor.agents.coordinator import Coordinator
    from executor.agents.settlement import Outcome
    from executor.agents.terms import Negotiation, Question
    from executor.agents.transcript import Row

LOG = logging.getLogger(__name__)

# What reads messages is loaded with the first question: an executor without agents starts without it.


class Negotiations:
    """Those whose record lies in a folder. Without `begin`, which makes a coordinator, they can only be read.

    `tasks` run as long as the agents may be asked, by name.
    """

    def __init__(
        self,
        folder: Path,
        begin: Callable[[], Awaitable[Coordinator]] | None = None,
        *,
        tasks: Mapping[str, Callable[[], Awaitable[None]]] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._folder = folder
        self._begin = begin
        self._supervisor = Supervisor(clock or SystemClock())
        self._tasks = dict(tasks or {})
        self._coordinator: Coordinator | None = None
        self._why_not = "This executor has no agents to ask, or was not started; start it with --agents, see docs/agents.md."
        self._at_work: dict[str, asyncio.Task[Any]] = {}

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
                for name, work in self._tasks.items():
                    self._supervisor.start(name, work)
                self._coordinator = coordinator
                try:
                    yield
                finally:
                    while self._at_work:
                        await asyncio.wait(list(self._at_work.values()))
                    await self._supervisor.stop()
        finally:
            self._coordinator = None
            await coordinator.transcript.rows.close()

    async def ask(self, question: Question) -> Negotiation:
        """What the agents advise. Raises Unavailable where there are none, and what `Coordinator.negotiate` raises."""
        return await self._asked().negotiate(question)

    async def ask_once(self, question: Question) -> tuple[dict[str, Any], bool]:
        """The negotiation about a trade as a document, and whether it is new: a trade that was asked about keeps its decision.

        Raises NegotiationConflict when it was asked about in another way, and what `ask` raises.
        """
        return await self._one_by_one(question.trade_id, lambda: self._ask_once(question))

    async def settle(self, trade_id: str, outcome: Outcome) -> tuple[dict[str, Any], bool]:
        """The negotiation with its credits, and whether they are new. The agents' weights move with the first outcome, and only then.

        Raises UnknownNegotiation, NegotiationConflict for an outcome that differs from the one recorded, BadInput for one that cannot be,
        Broken when the record does not follow, Unavailable without agents, JournalUnavailable when nothing could be written.
        """
        return await self._one_by_one(trade_id, lambda: self._settle(trade_id, outcome))

    async def document(self, trade_id: str) -> dict[str, Any]:
        """The last negotiation about a trade, with the ids of earlier ones. Raises UnknownNegotiation, Broken, JournalUnavailable."""
        from executor.agents.reading import document_of

        *earlier, last = (await self._held(trade_id)).values()
        return {**document_of(last), "earlier": [rows[0].conversation_id for rows in earlier]}

    async def _one_by_one(self, trade_id: str, work: Callable[[], Coroutine[Any, Any, tuple[dict[str, Any], bool]]]) -> Any:
        """One thing at a time for each trade, and to its end: whoever asked may hang up meanwhile."""
        while (before := self._at_work.get(trade_id)) is not None:
            await asyncio.wait([before])
        task = self._at_work[trade_id] = asyncio.ensure_future(work())
        task.add_done_callback(lambda _: self._at_work.pop(trade_id))
        return await asyncio.shield(task)

    async def _ask_once(self, question: Question) -> tuple[dict[str, Any], bool]:
        try:
            known = await self.document(question.trade_id)
        except UnknownNegotiation:
            known = None
        if known is None or known["decision"] is None:
            await self.ask(question)
            return await self.document(question.trade_id), True
        told = {name: known["call"][name] for name in ("base", "quote", "amount_in", "actions")}
        asked = dict(base=question.base, quote=question.quote, amount_in=str(question.amount_in), actions=list(question.actions))
        if differing := [name for name in told if told[name] != asked[name]]:
            raise NegotiationConflict(
                f"Trade {question.trade_id} was asked about with another {' and '.join(differing)}; use a new id for a new question.",
                trade_id=question.trade_id,
                differing=differing,
            )
        return known, False

    async def _settle(self, trade_id: str, outcome: Outcome) -> tuple[dict[str, Any], bool]:
        from executor.agents.settling import settle

        known = await self.document(trade_id)
        if (credited := known["credited"]) is not None:
            if not outcome.is_same(credited["outcome"]):
                raise NegotiationConflict(
                    f"Another outcome of trade {trade_id} was recorded, and its agents are paid; GET tells which.", trade_id=trade_id
                )
            return known, False
        rows = (await self._held(trade_id))[known["conversation_id"]]
        await settle(self._asked(), rows, outcome)
        return await self.document(trade_id), True

    def _asked(self) -> Coordinator:
        if self._coordinator is None:
            raise Unavailable(self._why_not)
        return self._coordinator

    async def _held(self, trade_id: str) -> dict[str, list[Row]]:
        """The rows about a trade by conversation, at least one."""
        return await asyncio.to_thread(self._read, trade_id)

    def _read(self, trade_id: str) -> dict[str, list[Row]]:
        from executor.agents.transcript import conversations
        from executor.agents.transcript_file import FILE, read_rows

        path = self._folder / FILE
        held = conversations(read_rows(path, trade_id)[0]) if path.is_file() else {}
        if not held:
            raise UnknownNegotiation(f"No negotiation about {trade_id} is in the record.", trade_id=trade_id)
        return held
