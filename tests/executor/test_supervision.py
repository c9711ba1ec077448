"""Background tasks: told when they stop, started again after a pause, and ended in order."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from domain.problems import JournalHeld, Unavailable
from executor.supervision import LONGEST_PAUSE_SECONDS, Supervisor
from executor.virtual.loop import VirtualClock, run_virtually


def test_a_task_that_stops_is_told_started_again_and_well_again() -> None:
    async def story(clock: VirtualClock) -> None:
        runs: list[float] = []
        restarts: list[str] = []

        async def works() -> None:
            runs.append(clock.monotonic())
            if len(runs) == 1:
                raise Unavailable("The node does not answer.")
            await clock.sleep(1e9)

        supervisor = Supervisor(clock, restarts.append)
        supervisor.start("the mirror", works)
        await clock.sleep(0.1)
        assert supervisor.troubles() == ["the mirror stopped (The node does not answer.); it is started again."]
        await clock.sleep(2)
        assert supervisor.troubles() == []
        assert restarts == ["the mirror"]
        await supervisor.stop()

    run_virtually(story)


def test_the_pauses_grow_and_shrink_again_once_it_was_well() -> None:
    async def story(clock: VirtualClock) -> None:
        begun: list[float] = []

        async def fails() -> None:
            begun.append(clock.monotonic())
            if len(begun) == 12:
                await clock.sleep(100)
            raise ValueError("broken")

        supervisor = Supervisor(clock)
        supervisor.start("it", fails)
        await clock.sleep(600)
        await supervisor.stop()
        pauses = [round(after - before, 1) for before, after in pairwise(begun)]
        assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
        assert max(pauses[:11]) == LONGEST_PAUSE_SECONDS
        assert pauses[11] == 100.5

    run_virtually(story)


def test_a_task_that_must_not_go_on_stays_stopped() -> None:
    async def story(clock: VirtualClock) -> None:
        runs: list[int] = []

        async def held() -> None:
            runs.append(1)
            raise JournalHeld("Another executor took the journal.")

        supervisor = Supervisor(clock)
        supervisor.start("the desk", held)
        await clock.sleep(1000)
        assert runs == [1]
        assert supervisor.troubles() == ["the desk has stopped for good: Another executor took the journal."]
        await supervisor.stop()

    run_virtually(story)


def test_a_task_that_ends_is_as_good_as_one_that_fails() -> None:
    async def story(clock: VirtualClock) -> None:
        async def ends() -> None:
            return

        supervisor = Supervisor(clock)
        supervisor.start("it", ends)
        await clock.sleep(0.1)
        assert supervisor.troubles() == ["it stopped (it ended); it is started again."]
        await supervisor.stop()

    run_virtually(story)


def test_stopping_ends_the_last_started_first_and_waits() -> None:
    async def story(clock: VirtualClock) -> list[str]:
        ended: list[str] = []

        def work(name: str):
            async def run() -> None:
                try:
                    await asyncio.Event().wait()
                finally:
                    ended.append(name)

            return run

        supervisor = Supervisor(clock)
        for name in ("desk", "mirror", "ledger"):
            supervisor.start(name, work(name))
        await clock.sleep(1)
        await supervisor.stop()
        return ended

    assert run_virtually(story) == ["ledger", "mirror", "desk"]


def test_a_task_that_swallows_its_cancellation_is_ended_all_the_same() -> None:
    async def story(clock: VirtualClock) -> int:
        swallowed = 0

        async def stubborn() -> None:
            nonlocal swallowed
            while True:
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    swallowed += 1
                    if swallowed > 2:
                        raise

        supervisor = Supervisor(clock)
        supervisor.start("it", stubborn)
        await clock.sleep(1)
        await supervisor.stop()
        return swallowed

    assert run_virtually(story) == 3
