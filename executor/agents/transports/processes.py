"""Agents in processes of their own, over pipes: one that crashes or is killed takes nobody with it, and is started again.

A frame is its length as four bytes, the greatest first, and so many bytes. `python -m executor.agents.process` is the other end.
"""

from __future__ import annotations

import asyncio
import logging
import struct
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from domain.problems import Unavailable
from executor.agents.messages import LARGEST
from executor.agents.transports.transport import Arrival, Lost
from executor.ports import Clock

LOG = logging.getLogger(__name__)
LENGTH = struct.Struct(">I")
RESTART_SECONDS = 0.5


class Processes:
    """A process for each agent. `commands` says how each is started; see `agent_command`."""

    def __init__(self, commands: Mapping[str, Sequence[str]], clock: Clock, *, restart_seconds: float = RESTART_SECONDS) -> None:
        self._commands = dict(commands)
        self._clock = clock
        self._restart_seconds = restart_seconds
        self._inbox: asyncio.Queue[Arrival | Lost] = asyncio.Queue()
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def agents(self) -> list[str]:
        return sorted(self._commands)

    def pid(self, agent: str) -> int | None:
        """The agent's process; None while it is down."""
        return self._running[agent].pid if agent in self._running else None

    async def start(self) -> None:
        for agent in self.agents:
            await self._begin(agent)
            self._keepers.append(asyncio.ensure_future(self._keep(agent)))

    async def send(self, agent: str, raw: bytes) -> None:
        process = self._running.get(agent)
        if process is None or process.stdin is None:
            raise Unavailable(f"The process of {agent} is down; it is being started again.", agent=agent)
        try:
            process.stdin.write(LENGTH.pack(len(raw)) + raw)
            await process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise Unavailable(f"The process of {agent} does not read ({error}).", agent=agent) from error

    async def receive(self) -> Arrival | Lost:
        return await self._inbox.get()

    async def close(self) -> None:
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        for process in self._running.values():
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self._running.clear()

    async def _begin(self, agent: str) -> None:
        pipe = asyncio.subprocess.PIPE
        self._running[agent] = await asyncio.create_subprocess_exec(*self._commands[agent], stdin=pipe, stdout=pipe)

    async def _keep(self, agent: str) -> None:
        """Pass on what it says; when it ends, say so and start it again."""
        while True:
            process = self._running[agent]
            assert process.stdout is not None
            await self._listen(agent, process.stdout)
            self._running.pop(agent)
            with suppress(ProcessLookupError):
                process.kill()  # one whose frames make no sense may still run
            code = await process.wait()
            LOG.warning("the process of %s ended (%s)", agent, code, extra={"agent": agent})
            self._inbox.put_nowait(Lost(agent))
            await self._clock.sleep(self._restart_seconds)
            await self._begin(agent)

    async def _listen(self, agent: str, line: asyncio.StreamReader) -> None:
        while (raw := await read_frame(line)) is not None:
            self._inbox.put_nowait(Arrival(raw, agent))


async def read_frame(line: asyncio.StreamReader) -> bytes | None:
    """The next frame; None when the line ended, broke off within one, or a frame says it is longer than any message."""
    try:
        (length,) = LENGTH.unpack(await line.readexactly(LENGTH.size))
        return await line.readexactly(length) if length <= LARGEST else None
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def agent_command(agent: str, recording: Path) -> list[str]:
    """Starts the agent of that name, or at `package.module:ATTRIBUTE`, with the views of a recording."""
    return [sys.executable, "-m", "executor.agents.process", agent, str(recording)]
