"""Runs one agent on a line: calls come in, answers go out. The same lines serve every transport."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from domain.negotiation import Call, Proposal
from domain.problems import MessageRejected, Problem
from executor.agents.agent import Agent
from executor.agents.messages import LONGEST_TEXT, Cancel, Failure, Message, Refuse, decode, encode
from executor.agents.view import Views
from executor.ports import Clock

LOG = logging.getLogger(__name__)
Receive = Callable[[], Awaitable[bytes | None]]
Send = Callable[[bytes], Awaitable[None]]


class AgentHost:
    """An agent, what it is shown, and its calls that are under way."""

    def __init__(self, agent: Agent, views: Views, clock: Clock) -> None:
        self.agent = agent
        self._views, self._clock = views, clock
        self._thinking: dict[str, asyncio.Task[None]] = {}

    async def serve(self, receive: Receive, send: Send) -> None:
        """Answer until the line ends (None). A call that is over or cancelled is forgotten."""
        try:
            while (raw := await receive()) is not None:
                self._take(raw, send)
        finally:
            for task in self._thinking.values():
                task.cancel()

    def _take(self, raw: bytes, send: Send) -> None:
        try:
            message = decode(raw)
        except MessageRejected as problem:
            LOG.warning("%s ignores a message: %s", self.agent.name, problem.message)
            return
        about = message.conversation_id
        if isinstance(message.body, Cancel) and about in self._thinking:
            self._thinking.pop(about).cancel()
        if isinstance(message.body, Call) and about not in self._thinking and message.deadline_ns > self._now_ns():
            task = self._thinking[about] = asyncio.ensure_future(self._answer(message, message.body, send))
            task.add_done_callback(lambda _: self._thinking.pop(about, None))

    async def _answer(self, message: Message, call: Call, send: Send) -> None:
        body = await self._think(call)
        await send(encode(message.answer(self.agent.name, 0, self._now_ns(), body)))

    async def _think(self, call: Call) -> Proposal | Refuse | Failure:
        try:
            return await self.agent.propose(call, await self._views.at(call.as_of_ns // 1_000))
        except Problem as problem:
            return Refuse(problem.message[:LONGEST_TEXT])
        except Exception as error:
            # An agent's fault is its own: the others decide, and the record says what broke.
            LOG.exception("%s broke over trade %s", self.agent.name, call.trade_id)
            return Failure(f"{type(error).__name__}: {error}"[:LONGEST_TEXT])

    def _now_ns(self) -> int:
        return now_ns(self._clock)


def now_ns(clock: Clock) -> int:
    """The time of day in nanoseconds since 1970."""
    from domain.market import microseconds

    return microseconds(clock.now()) * 1_000
