"""What the desk has sold and lost lately, from its orders alone: the same after a restart as before.

An order counts from the moment it is accepted until 24 hours after its deadline, the last moment at which it could trade: so no 24
hours on the chain see more than the limit. What sold nothing counts nothing: refused, given up, replaced, reverted.
"""

from __future__ import annotations

import heapq
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count

from executor.guards.limits import market_of
from executor.orders import TERMINAL, Mode, Order, State

DAY = timedelta(hours=24)
# The orders of a long journal are looked through from the newest back; after so many in a row that are too old, the rest is older.
PATIENCE = 256
# Ids that count no more are dropped so often; going through a busy day's takes milliseconds.
TIDY_EVERY = timedelta(minutes=10)
# The longest window in which rejects are counted.
REJECTS_KEPT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Exposure:
    """What counts at one moment, in one mode. `sold` is base units by token, `sold_in` the same by market and token."""

    sold: Mapping[str, int] = field(default_factory=dict)
    sold_in: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    open_orders: int = 0


@dataclass(slots=True)
class _Sold:
    """What was sold and has ended: running sums, and when each part leaves them."""

    by_token: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    by_market: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    leaving: list[tuple[datetime, int, str, str, int]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Loss:
    """What an order got less than was planned (base units of the bought token), and wei that were paid for nothing.

    `at` is when it was signed last: the same after a restart, and before anything that its end makes somebody do.
    """

    at: datetime
    token: str
    shortfall: int
    wasted_wei: int


class Ledger:
    """Reads orders as they end, each once, and keeps the sums of the last day."""

    def __init__(self) -> None:
        self._open: dict[str, None] = {}
        self._ended: dict[str, datetime] = {}  # ids that were counted, and when they may be forgotten
        self._sold: defaultdict[Mode, _Sold] = defaultdict(_Sold)
        self._losses: defaultdict[Mode, deque[Loss]] = defaultdict(deque)
        self._rejects: defaultdict[Mode, deque[datetime]] = defaultdict(deque)
        self._passed: set[str] = set()
        self._tidy_at = datetime.min.replace(tzinfo=UTC)
        self._numbers = count()

    def passed(self, order: Order) -> None:
        """The order was let through for good and will be signed: it counts before all that has not come so far."""
        self._passed.add(order.order_id)

    def read(self, orders: Mapping[str, Order], now: datetime) -> None:
        """Take in what is new among the orders."""
        unfinished = getattr(orders, "unfinished", None)
        if unfinished is not None and not self._open and not self._ended:
            self._open.update((order.order_id, None) for order in unfinished())
        self._find_new(orders, now)
        for order_id in [one for one in self._open if one not in orders]:
            self._open.pop(order_id)  # it was on its way and never came to be
            self._passed.discard(order_id)
        for order_id in list(self._open):
            order = orders[order_id]
            # Without a key an order ends once it is rehearsed, and may still be refused while that is being written.
            if has_ended(order) and (order.state in TERMINAL or order.deadline <= now):
                self._open.pop(order_id)
                self._passed.discard(order_id)
                self._end(order, now)
        self._forget(now)

    def exposure(self, order: Order, orders: Mapping[str, Order]) -> Exposure:
        """What counts beside this order. One that is not signed and was accepted later gives way, so that two don't stop each other."""
        ended = self._sold[order.mode]
        sold = defaultdict(int, ended.by_token)
        sold_in: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
        for (market, token), amount in ended.by_market.items():
            sold_in[market][token] += amount
        open_orders = 0
        for order_id in self._open:
            other = orders[order_id]
            if order_id == order.order_id or other.mode != order.mode or not self.goes_before(other, order):
                continue
            open_orders += not has_ended(other)
            request = other.request
            sold[request.sell] += request.amount_in
            sold_in[market_of(request.sell, request.buy)][request.sell] += request.amount_in
        return Exposure(sold, sold_in, open_orders)

    def losses(self, mode: Mode, since: datetime) -> list[Loss]:
        """What was lost after that moment."""
        return [loss for loss in self._losses[mode] if loss.at > since]

    def rejects(self, mode: Mode, since: datetime) -> int:
        """How many orders were refused or reverted after that moment, the refusals of the kill switch left out."""
        return sum(1 for at in self._rejects[mode] if at > since)

    def goes_before(self, other: Order, order: Order) -> bool:
        """Whether `other` counts when `order` is looked at: it was let through for good, or was accepted earlier."""
        if other.attempts or other.order_id in self._passed:
            return True
        return (other.accepted_at, other.order_id) < (order.accepted_at, order.order_id)

    def _find_new(self, orders: Mapping[str, Order], now: datetime) -> None:
        in_a_row = 0
        for order_id in reversed(list(orders)):
            if order_id in self._open or order_id in self._ended:
                in_a_row += 1
            else:
                order = orders[order_id]
                if has_ended(order) and leaves_at(order) <= now:
                    in_a_row += 1
                else:
                    self._open[order_id] = None
                    in_a_row = 0
            if in_a_row > PATIENCE:
                return

    def _end(self, order: Order, now: datetime) -> None:
        leaves = leaves_at(order)
        if leaves <= now:
            return
        self._ended[order.order_id] = leaves
        if has_sold(order):
            request, sold = order.request, self._sold[order.mode]
            market = market_of(request.sell, request.buy)
            sold.by_token[request.sell] += request.amount_in
            sold.by_market[market, request.sell] += request.amount_in
            heapq.heappush(sold.leaving, (leaves, next(self._numbers), market, request.sell, request.amount_in))
        if (loss := _loss(order)) is not None:
            self._losses[order.mode].append(loss)
        if _was_rejected(order):
            self._rejects[order.mode].append(order.accepted_at)

    def _forget(self, now: datetime) -> None:
        for sold in self._sold.values():
            while sold.leaving and sold.leaving[0][0] <= now:
                _, _, market, token, amount = heapq.heappop(sold.leaving)
                sold.by_token[token] -= amount
                sold.by_market[market, token] -= amount
        for losses in self._losses.values():
            while losses and losses[0].at <= now - DAY:
                losses.popleft()
        for rejects in self._rejects.values():
            while rejects and rejects[0] <= now - REJECTS_KEPT:
                rejects.popleft()
        if now >= self._tidy_at:
            self._ended = {order_id: leaves for order_id, leaves in self._ended.items() if leaves > now}
            self._tidy_at = now + TIDY_EVERY


def leaves_at(order: Order) -> datetime:
    """When an order that has ended counts no more."""
    return max(order.accepted_at, order.deadline) + DAY


def has_ended(order: Order) -> bool:
    """Whether nothing more happens to it."""
    return order.is_terminal


def has_sold(order: Order) -> bool:
    """Whether it sold what it asked for; without a key, whether it would have."""
    if order.mode != "live":
        return order.state is State.SIMULATED
    return order.state is State.FINAL and (order.outcome is None or order.outcome.status != 0)


def _was_rejected(order: Order) -> bool:
    if order.state is State.REFUSED:
        # What a client may not do says nothing about the desk: nobody stops it by asking for what is forbidden.
        return order.violation is None and (order.refusal or {}).get("rule") != "kill_switch"
    return order.state is State.FINAL and order.outcome is not None and order.outcome.status == 0


def _loss(order: Order) -> Loss | None:
    outcome, routed = order.outcome, order.routed
    if outcome is None:
        return None
    shortfall = 0
    if order.state is State.FINAL and outcome.status != 0 and routed is not None and outcome.amount_out is not None:
        shortfall = max(routed.amount_out - outcome.amount_out, 0)
    wasted = 0
    if outcome.status == 0 or order.state is State.ABANDONED:
        wasted = (outcome.gas_used or 0) * (outcome.effective_gas_price or 0)
    at = order.attempts[-1].signed_at if order.attempts else order.accepted_at
    return Loss(at, order.request.buy, shortfall, wasted) if shortfall or wasted else None
