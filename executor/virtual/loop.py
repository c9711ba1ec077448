"""An event loop whose time jumps to the next timer instead of passing: a day of waiting takes as long as its work.

It has no sockets and no threads, so the order of everything is that of the program, and the same program runs the same each time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn, TypeVar

from domain.problems import Broken

T = TypeVar("T")
BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualLoop(asyncio.BaseEventLoop):
    """Runs tasks as any loop does; `time()` is seconds of virtual time since it was made."""

    def __init__(self) -> None:
        super().__init__()
        self._seconds = 0.0
        self._selector = self  # what BaseEventLoop asks for events: here, time itself
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._seconds

    def select(self, timeout: float | None) -> list[Any]:
        """No event ever comes from outside: waiting is a jump to the next timer."""
        if timeout is None:
            raise Broken("Everybody waits and nobody will ever come: a task waits for something that nothing does.")
        if timeout > 0:
            # A little further than asked, or rounding leaves the timer a hair away for ever.
            self._seconds += timeout + 1e-9
        return []

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody else could have called."""

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: Any, context: Any = None) -> NoReturn:
        raise Broken("Virtual time has no threads: use what works without them, such as MemoryStore.")

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> NoReturn:
        raise Broken("Virtual time has no threads: use what works without them, such as MemoryStore.")


class VirtualClock:
    """The time of a virtual loop, as a time of day that begins at `beginning`."""

    def __init__(self, loop: VirtualLoop, beginning: datetime = BEGINNING) -> None:
        self._loop = loop
        self._beginning = beginning

    def now(self) -> datetime:
        return self._beginning + timedelta(seconds=self._loop.time())

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def run_virtually(story: Callable[[VirtualClock], Coroutine[Any, Any, T]]) -> T:
    """Run a story from beginning to end in virtual time; what is still running at its end is cancelled."""
    loop = VirtualLoop()
    try:
        asyncio.set_event_loop(loop)
        result = loop.run_until_complete(story(VirtualClock(loop)))
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        if left:
            loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        return result
    finally:
        asyncio.set_event_loop(None)
        loop.close()
