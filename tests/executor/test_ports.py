"""The machine's own time and chance, as everything else gets them passed in."""

from __future__ import annotations

import asyncio
from datetime import UTC

from executor.ports import SystemClock, system_chance


def test_the_system_clock_goes_forward_and_knows_its_zone():
    async def story() -> None:
        clock = SystemClock()
        before = clock.monotonic()
        await clock.sleep(0.01)
        assert clock.monotonic() - before >= 0.009
        assert clock.now().tzinfo is UTC

    asyncio.run(story())


def test_nobody_can_foresee_the_systems_chance():
    assert system_chance().random() != system_chance().random()
