"""Time and chance come in through here, so that the whole service can also run in virtual time from a seed.

Nothing else in the executor asks the machine what time it is, waits, or draws a random number (`make check` holds us to it).
The other doors are protocols beside what they open: the chain is a `Node`, the disk is a journal's `Store`, the broker is a `Stream`.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from datetime import UTC, datetime
from typing import Protocol

Chance = random.Random


class Clock(Protocol):
    """What time it is, and how to wait."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, from an arbitrary start."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Come back after so many seconds."""
        ...


class SystemClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def system_chance() -> Chance:
    """Chance that nobody can foresee."""
    return random.Random(secrets.randbits(256))
