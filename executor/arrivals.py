"""When blocks were first heard of, so that what happens to them later can be timed from there."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

from executor.ports import Clock

if TYPE_CHECKING:
    from executor.chain.subscription import Subscription

KEPT_ARRIVALS = 256


class Arrivals:
    """When each of the newest blocks was first heard of, by its hash."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: OrderedDict[str, float] = OrderedDict()
        self._told: str | None = None

    def note(self, block_hash: str) -> None:
        """The block is here; only the first time counts."""
        self._at.setdefault(block_hash, self._clock.monotonic())
        if len(self._at) > KEPT_ARRIVALS:
            self._at.popitem(last=False)

    def age(self, block_hash: str | None) -> float | None:
        """Seconds since the block came; None when that is not known, or was asked before."""
        if block_hash is None or block_hash == self._told or block_hash not in self._at:
            return None
        self._told = block_hash
        return self._clock.monotonic() - self._at[block_hash]

    def noting(self, subscription: Subscription) -> Subscription:
        """The subscription, and every head that it rings for noted."""
        return _Noting(subscription, self.note)


class _Noting:
    def __init__(self, subscription: Subscription, note: Callable[[str], None]) -> None:
        self._subscription, self._note = subscription, note

    async def heads(self) -> AsyncIterator[str | None]:
        async for newest in self._subscription.heads():
            if newest is not None:
                self._note(newest)
            yield newest
