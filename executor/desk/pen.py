"""The desk's pen: whatever happens to an order is written down through it, by one writer at a time for each order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from executor.journal import Journal
from executor.journal.orders_by_id import OrdersById
from executor.orders import Entry, Order
from executor.ports import Clock

Listener = Callable[[Entry], None]


class Pen:
    """Writes to the journal and tells a listener (metrics, streams) what is durable."""

    def __init__(self, journal: Journal, clock: Clock, heard: Listener | None = None) -> None:
        self.journal = journal
        self.clock = clock
        self._heard = heard
        self._holds: dict[str, _Hold] = {}
        self._on_their_way: dict[str, Order] = {}

    @property
    def orders(self) -> Mapping[str, Order]:
        """All orders as far as they are durable."""
        return self.journal.orders

    def with_those_on_their_way(self) -> Mapping[str, Order]:
        """All orders, and those being prepared as they will be written: two at once must not pass a limit that one of them fills."""
        return _Together(self._on_their_way, self.journal.orders)

    def expect(self, order: Order) -> None:
        """The order is being prepared and looks like this at the moment."""
        self._on_their_way[order.order_id] = order

    def expect_no_more(self, order_id: str) -> None:
        """Nothing about the order is on its way any more."""
        self._on_their_way.pop(order_id, None)

    def now(self) -> datetime:
        """The time of day, UTC."""
        return self.clock.now()

    async def write(self, *entries: Entry) -> None:
        """Durable on return. Raises JournalUnavailable when nothing was written, JournalHeld, Broken."""
        await self.journal.append(*entries)
        if self._heard is not None:
            for entry in entries:
                self._heard(entry)

    def is_held(self, order_id: str) -> bool:
        """Whether somebody is about to write about the order."""
        return order_id in self._holds

    @asynccontextmanager
    async def holding(self, order_id: str) -> AsyncIterator[None]:
        """Nobody else writes about this order meanwhile."""
        hold = self._holds.setdefault(order_id, _Hold())
        hold.users += 1
        try:
            async with hold.lock:
                yield
        finally:
            hold.users -= 1
            if not hold.users:
                del self._holds[order_id]


@dataclass(slots=True)
class _Hold:
    """Who writes about an order, and how many want to."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    users: int = 0


class _Together(Mapping[str, Order]):
    """Orders on their way before those that are durable."""

    def __init__(self, first: Mapping[str, Order], then: Mapping[str, Order]) -> None:
        self._first, self._then = first, then

    def __getitem__(self, order_id: str) -> Order:
        found = self._first.get(order_id)
        return self._then[order_id] if found is None else found

    def __iter__(self) -> Iterator[str]:
        yield from self._then
        yield from (order_id for order_id in self._first if order_id not in self._then)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def of_clients(self, since: int) -> tuple[list[str], list[str]]:
        """Ids of the durable orders that name a client, from that place on, and of those that are on their way."""
        durable, _ = self._then.of_clients(since) if isinstance(self._then, OrdersById) else ([], [])
        return durable, [order_id for order_id, order in self._first.items() if order.request.client_id is not None]

    def unfinished(self) -> list[Order]:
        """Those of which something may still happen, without looking at all of a long journal."""
        durable = self._then.unfinished() if isinstance(self._then, OrdersById) else self._then.values()
        found = {order.order_id: order for order in (*durable, *self._first.values())}
        return [order for order in found.values() if not order.is_terminal]
