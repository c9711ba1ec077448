"""Agents as tasks of this process, with a queue each: the default, and what virtual time runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from executor.agents.agent import Agent, by_name
from executor.agents.host import AgentHost
from executor.agents.transports.transport import Arrival, Lost
from executor.agents.view import Views
from executor.ports import Clock


class InProcess:
    """Lines within the process."""

    def __init__(self, agents: Iterable[Agent], views: Views, clock: Clock) -> None:
        self._hosts = {name: AgentHost(agent, views, clock) for name, agent in by_name(agents).items()}
        self._queues: dict[str, asyncio.Queue[bytes | None]] = {}
        self._inbox: asyncio.Queue[Arrival | Lost] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def agents(self) -> list[str]:
        return sorted(self._hosts)

    async def start(self) -> None:
        self._queues = {name: asyncio.Queue() for name in self._hosts}
        self._tasks = [asyncio.ensure_future(self._serve(name, host)) for name, host in self._hosts.items()]

    async def send(self, agent: str, raw: bytes) -> None:
        self._queues[agent].put_nowait(raw)

    async def receive(self) -> Arrival | Lost:
        return await self._inbox.get()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, name: str, host: AgentHost) -> None:
        async def send(raw: bytes) -> None:
            self._inbox.put_nowait(Arrival(raw, name))

        await host.serve(self._queues[name].get, send)
