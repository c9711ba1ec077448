"""Background tasks that must not end: one that does is told, makes the service not ready, and is started again after a pause."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain.problems import BadInput, Broken, JournalHeld, Problem
from executor.ports import Clock

LOG = logging.getLogger(__name__)
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
# Whoever ran so long is well again: the next pause is a short one.
WELL_AFTER_SECONDS = 60.0
AGAIN_SECONDS = 0.2

Work = Callable[[], Awaitable[None]]


@dataclass(slots=True)
class _Task:
    work: Work
    task: asyncio.Task[None] | None = None
    trouble: str | None = None


class Supervisor:
    """Keeps tasks running. `restarted` is told the name of each that is started again."""

    def __init__(self, clock: Clock, restarted: Callable[[str], None] = lambda name: None) -> None:
        self._clock = clock
        self._restarted = restarted
        self._tasks: dict[str, _Task] = {}

    def start(self, name: str, work: Work) -> None:
        """Run `work` until `stop`."""
        kept = self._tasks[name] = _Task(work)
        kept.task = asyncio.create_task(self._keep(name, kept), name=name)

    def troubles(self) -> list[str]:
        """What is not running at the moment, a sentence each."""
        return [kept.trouble for kept in self._tasks.values() if kept.trouble]

    async def stop(self) -> None:
        """End all tasks, the last started first, and wait for each."""
        for kept in reversed(self._tasks.values()):
            if kept.task is not None:
                # More patiently than the task itself ends its work, or that would be left behind.
                await ended(kept.task, 10 * AGAIN_SECONDS)
        self._tasks.clear()

    async def _keep(self, name: str, kept: _Task) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            begun = self._clock.monotonic()
            try:
                running = asyncio.ensure_future(kept.work())
                try:
                    # Whoever does not fail at once is taken to be well; what it does may still need time.
                    await self._watch_the_beginning(running, kept)
                    await running
                finally:
                    await ended(running)
                why = "it ended"
            except (BadInput, JournalHeld, Broken) as problem:
                # The same again would end the same: a person must look.
                kept.trouble = f"{name} has stopped for good: {problem.message}"
                LOG.error("%s", kept.trouble)
                return
            except Problem as problem:
                why = problem.message
                LOG.warning("%s stopped: %s", name, problem.message)
            except Exception as error:
                why = f"{type(error).__name__}: {error}"
                LOG.exception("%s stopped", name)
            if self._clock.monotonic() - begun >= WELL_AFTER_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            kept.trouble = f"{name} stopped ({why}); it is started again."
            await self._clock.sleep(pause)
            self._restarted(name)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _watch_the_beginning(self, running: asyncio.Future[None], kept: _Task) -> None:
        if kept.trouble is None:
            return
        await asyncio.wait([running], timeout=FIRST_PAUSE_SECONDS)
        if not running.done():
            kept.trouble = None


async def ended(task: asyncio.Future[None], again_seconds: float = AGAIN_SECONDS) -> None:
    """Cancel the task and wait until it is over. A cancellation may be swallowed on its way (`asyncio.wait_for` does, when what it waits
    for comes in the same moment), so it is repeated.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=again_seconds)
    if not task.cancelled():
        task.exception()  # it was told when it happened, or comes too late to matter
