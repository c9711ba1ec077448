"""What each client has sold within a day and holds by the desk's trading, from the journal's orders alone: a restart resets nothing.

What a client holds of a token is what its orders bought less what they sold, in base units, as the chain settled them. What it brought
along is not known to a journal and does not count; below zero is nothing. An order under way counts what it would buy as soon as it is
planned, and what it would sell only once it has. Without a key a rehearsed order counts as its plan says, as if it had been sent.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count

from executor.guards.exposure import has_ended, has_sold, leaves_at
from executor.orders import TERMINAL, Mode, Order

Whose = tuple[Mode, str]


@dataclass(frozen=True, slots=True)
class Books:
    """One client at one moment, beside the order that is looked at, base units by token: sold within a day, and held."""

    sold: Mapping[str, int] = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)


def _sums() -> defaultdict[str, int]:
    return defaultdict(int)


class ClientBooks:
    """Reads the orders that name a client, each once when it has ended. `goes_before` says whether one counts beside another."""

    def __init__(self, goes_before: Callable[[Order, Order], bool]) -> None:
        self._goes_before = goes_before
        self._read, self._seen = 0, set[str]()
        self._open: dict[str, tuple[str, bool]] = {}  # whose an order is, and whether it is durable, by its id
        self._open_of: defaultdict[str, dict[str, None]] = defaultdict(dict)
        self._sold: defaultdict[Whose, defaultdict[str, int]] = defaultdict(_sums)
        self._held: defaultdict[Whose, defaultdict[str, int]] = defaultdict(_sums)
        self._leaving: list[tuple[datetime, int, Whose, str, int]] = []
        self._numbers = count()

    def read(self, orders: Mapping[str, Order], now: datetime) -> None:
        """Take in what is new among the orders; the first time that is the whole journal."""
        durable, on_their_way = self._new(orders)
        for order_id in durable:
            self._begin(orders[order_id], is_durable=True)
        for order_id in on_their_way:
            if order_id not in self._open:
                self._begin(orders[order_id], is_durable=False)
        for order_id, (_, is_durable) in list(self._open.items()):
            order = orders.get(order_id)
            if order is None:
                self._drop(order_id)  # it was on its way and never came to be
            elif is_durable and has_ended(order) and (order.state in TERMINAL or order.deadline <= now):
                self._drop(order_id)
                self._end(order, now)
        while self._leaving and self._leaving[0][0] <= now:
            _, _, whose, token, amount = heapq.heappop(self._leaving)
            self._sold[whose][token] -= amount

    def beside(self, order: Order, orders: Mapping[str, Order]) -> Books:
        """The books of the order's client without the order itself; an order that is not signed and came later gives way."""
        client_id = order.request.client_id
        if client_id is None:
            return Books()
        whose: Whose = (order.mode, client_id)
        sold, held = defaultdict(int, self._sold.get(whose, {})), defaultdict(int, self._held.get(whose, {}))
        for order_id in self._open_of.get(client_id, ()):
            other = orders[order_id]
            if order_id == order.order_id or other.mode != order.mode or not self._goes_before(other, order):
                continue
            sold[other.request.sell] += other.request.amount_in
            held[other.request.buy] += other.routed.amount_out if other.routed else 0
        return Books(sold, {token: amount for token, amount in held.items() if amount > 0})

    def _new(self, orders: Mapping[str, Order]) -> tuple[list[str], list[str]]:
        """Ids of orders that name a client: those that became durable since the last look, and those that are on their way."""
        of_clients = getattr(orders, "of_clients", None)
        if of_clients is not None:
            durable, on_their_way = of_clients(self._read)
            self._read += len(durable)
            return durable, on_their_way
        durable = [order_id for order_id, order in orders.items() if order.request.client_id is not None and order_id not in self._seen]
        self._seen.update(durable)
        return durable, []

    def _begin(self, order: Order, *, is_durable: bool) -> None:
        client_id = order.request.client_id
        assert client_id is not None, "only orders of clients are in these books"
        self._open[order.order_id] = client_id, is_durable
        self._open_of[client_id][order.order_id] = None

    def _drop(self, order_id: str) -> None:
        client_id, _ = self._open.pop(order_id)
        del self._open_of[client_id][order_id]
        if not self._open_of[client_id]:
            del self._open_of[client_id]

    def _end(self, order: Order, now: datetime) -> None:
        if not has_sold(order) or order.request.client_id is None:
            return
        request = order.request
        whose: Whose = (order.mode, order.request.client_id)
        spent, got = _settled(order)
        self._held[whose][request.sell] -= spent
        self._held[whose][request.buy] += got
        leaves = leaves_at(order)
        if leaves > now:
            self._sold[whose][request.sell] += request.amount_in
            heapq.heappush(self._leaving, (leaves, next(self._numbers), whose, request.sell, request.amount_in))


def _settled(order: Order) -> tuple[int, int]:
    """What was sold and bought: as the chain says, else as the plan does."""
    planned = (order.routed.amount_in, order.routed.amount_out) if order.routed else (order.request.amount_in, 0)
    outcome = order.outcome
    if outcome is None:
        return planned
    return (
        planned[0] if outcome.amount_in is None else outcome.amount_in,
        planned[1] if outcome.amount_out is None else outcome.amount_out,
    )
