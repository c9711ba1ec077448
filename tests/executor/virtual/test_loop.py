"""Virtual time: what waits is reached at once, in order, and nothing comes from outside."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

import pytest

from domain.problems import Broken
from executor.virtual.loop import BEGINNING, VirtualClock, run_virtually


def test_a_day_of_waiting_takes_no_time():
    async def story(clock: VirtualClock) -> float:
        await clock.sleep(86_400)
        assert clock.now() - BEGINNING >= timedelta(days=1)
        return clock.monotonic()

    begun = time.monotonic()
    assert run_virtually(story) == pytest.approx(86_400)
    assert time.monotonic() - begun < 5


def test_whoever_waits_less_comes_first():
    async def story(clock: VirtualClock) -> list[int]:
        came: list[int] = []

        async def come(seconds: int) -> None:
            await clock.sleep(seconds)
            came.append(seconds)

        await asyncio.gather(*(come(seconds) for seconds in (30, 10, 20)))
        return came

    assert run_virtually(story) == [10, 20, 30]


def test_a_timeout_works_as_in_real_time():
    async def story(clock: VirtualClock) -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return clock.monotonic()

    assert run_virtually(story) == pytest.approx(5)


def test_waiting_for_what_nobody_does_is_said():
    async def story(clock: VirtualClock) -> None:
        await asyncio.Event().wait()

    with pytest.raises(Broken, match="nobody will ever come"):
        run_virtually(story)


def test_there_are_no_threads():
    async def story(clock: VirtualClock) -> None:
        await asyncio.to_thread(print)

    with pytest.raises(Broken, match="no threads"):
        run_virtually(story)

    async def call(clock: VirtualClock) -> None:
        asyncio.get_running_loop().call_soon_threadsafe(print)

    with pytest.raises(Broken, match="no threads"):
        run_virtually(call)


def test_what_still_runs_at_the_end_is_ended():
    ended: list[str] = []

    async def forever(clock: VirtualClock) -> None:
        try:
            while True:
                await clock.sleep(1)
        finally:
            ended.append("yes")

    async def story(clock: VirtualClock) -> None:
        task = asyncio.create_task(forever(clock))
        await clock.sleep(10)
        assert not task.done()

    run_virtually(story)
    assert ended == ["yes"]
