"""When to look at the chain: at once when its bell rings, and every few seconds in case it does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from domain.problems import Unavailable
from executor.chain.blocks import Step
from executor.chain.subscription import Subscription
from executor.listener.follower import Follower
from executor.ports import Clock

POLL_SECONDS = 2.0
RECONNECT_SECONDS = 0.2
LONGEST_RECONNECT_SECONDS = 10.0


class Heads:
    """Wakes whoever follows the chain. Without a subscription, or while it is broken, it polls.

    `rings` and `reconnects` count; `is_ringing` says whether the subscription stands, `newest` the hash of the head it rang for last.
    """

    def __init__(self, clock: Clock, subscription: Subscription | None = None, *, poll_seconds: float = POLL_SECONDS) -> None:
        self.rings = 0
        self.reconnects = 0
        self.is_ringing = False
        self.newest: str | None = None
        self._clock = clock
        self._subscription = subscription
        self._poll_seconds = poll_seconds
        self._rung = asyncio.Event()

    async def run(self) -> None:
        """Hold the subscription until cancelled; run it as a task beside those who wait."""
        if self._subscription is None:
            return
        pause = RECONNECT_SECONDS
        while True:
            try:
                async for newest in self._subscription.heads():
                    self.newest, self.is_ringing = newest, True
                    pause = RECONNECT_SECONDS
                    self.rings += 1
                    self.ring()
            except Unavailable as reason:
                logging.getLogger(__name__).warning("polling the chain until the subscription is back: %s", reason.message)
            self.is_ringing = False
            self.reconnects += 1
            self.ring()  # something may have been missed just now
            await self._clock.sleep(pause)
            pause = min(2 * pause, LONGEST_RECONNECT_SECONDS)

    def ring(self) -> None:
        """Wake everybody now."""
        rung, self._rung = self._rung, asyncio.Event()
        rung.set()

    def bell(self) -> asyncio.Event:
        """The next ring. Take it before looking at the chain, so that a block that comes meanwhile is not slept through."""
        return self._rung

    async def wait(self, bell: asyncio.Event, at_most_seconds: float | None = None) -> None:
        """Until that ring, or until it is time to look anyway."""
        seconds = self._poll_seconds if at_most_seconds is None else at_most_seconds
        ringing = asyncio.ensure_future(bell.wait())
        waiting = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await asyncio.wait((ringing, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (ringing, waiting):
                task.cancel()
            # Not suppressed one by one: a cancellation of ours that comes just now must not be lost.
            await asyncio.gather(ringing, waiting, return_exceptions=True)


async def follow(follower: Follower, heads: Heads) -> AsyncIterator[Step]:
    """Every step of a chain for as long as it is asked for, in this process; a node that does not answer is asked again.

    Raises Broken when the chain took back more than can be healed.
    """
    while True:
        bell = heads.bell()
        try:
            async for step in follower.catch_up():
                yield step
        except Unavailable as reason:
            logging.getLogger(__name__).warning("the node is asked again: %s", reason.message)
        await heads.wait(bell)
