"""Lots: what was bought first is sold first, in integers, so that no millionth of a dollar is lost.

A queue holds one token of one profit centre. Selling more than it holds opens a short position: a lot of negative amount whose
negative cost is what the sale brought in, closed by later purchases in the same order. For any sequence of moves

    gains taken = cost left in the queue - values moved in        (to the unit)

so gains taken plus the open lots' value over their cost is always what the lots are worth minus what was paid for them. Which lot is
sold first (`method`) decides when a gain is taken, never how much is earned.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from domain.shares import share, split


@dataclass(frozen=True, slots=True)
class Lot:
    """One purchase that is not fully sold; amount in base units and cost in millionths of a dollar carry the same sign."""

    opened_at: datetime
    opened_by: str
    amount: int
    cost_micro_usd: int


@dataclass(frozen=True, slots=True)
class Closing:
    """A piece of a lot that a later trade closed: long pieces have positive amount, cost and proceeds, short ones negative."""

    opened_at: datetime
    opened_by: str
    amount: int
    cost_micro_usd: int
    proceeds_micro_usd: int

    @property
    def gain_micro_usd(self) -> int:
        return self.proceeds_micro_usd - self.cost_micro_usd


class Change(NamedTuple):
    """What a move did to one lot: `before` is the lot that was closed (`is_rest`: in part) or, for an opening, merged into."""

    before: Lot | None
    is_opening: bool
    is_rest: bool = False


class Method(StrEnum):
    """Which lot a sale takes: the oldest, the newest, or a part of all, which are then one lot at their average cost."""

    FIFO = "fifo"
    LIFO = "lifo"
    AVERAGE = "average"


class LotQueue:
    """The open lots of one token, oldest first; all are long or all are short. By average cost there is one, named after its first."""

    def __init__(self, lots: Iterable[Lot] = (), method: Method = Method.FIFO) -> None:
        self._lots = deque[Lot]()
        self._is_average = method is Method.AVERAGE
        self._end = -1 if method is Method.LIFO else 0  # where the next sale takes from
        self._changes: list[Change] = []
        for lot in lots:
            self._open(lot)

    @property
    def lots(self) -> tuple[Lot, ...]:
        return tuple(self._lots)

    @property
    def amount(self) -> int:
        """Net position, base units."""
        return sum(lot.amount for lot in self._lots)

    @property
    def cost_micro_usd(self) -> int:
        return sum(lot.cost_micro_usd for lot in self._lots)

    def move(self, amount: int, value_micro_usd: int, at: datetime, by: str) -> list[Closing]:
        """Books a purchase (positive amount and value) or a sale (both negative); returns the pieces it closed, in their order.

        A value without an amount, such as a trade that brought nothing, is a gain or loss at once.
        """
        closed: list[Closing] = []
        self._changes = []
        while amount and self._lots and (self._lots[0].amount > 0) != (amount > 0):
            lot = self._lots[self._end]
            size = min(abs(lot.amount), abs(amount))
            signed = size if lot.amount > 0 else -size
            cost = share(lot.cost_micro_usd, size, abs(lot.amount))
            value = share(value_micro_usd, size, abs(amount))
            closed.append(Closing(lot.opened_at, lot.opened_by, signed, cost, -value))
            self._keep_rest(lot, lot.amount - signed, lot.cost_micro_usd - cost)
            amount, value_micro_usd = amount + signed, value_micro_usd - value
        if amount:
            self._open(Lot(at, by, amount, value_micro_usd))
        elif value_micro_usd:
            closed.append(Closing(at, by, 0, value_micro_usd, 0))
        return closed

    @property
    def changes(self) -> tuple[Change, ...]:
        """What the last move did, for `take_back`."""
        return tuple(self._changes)

    def take_back(self, changes: Sequence[Change]) -> None:
        """Undoes a move whose changes these were; every later one must have been taken back before."""
        for before, is_opening, is_rest in reversed(changes):
            if is_opening:
                self._lots.pop()
            elif is_rest:
                self._lots.pop() if self._end else self._lots.popleft()
            if before is None:
                continue
            if is_opening or self._end:
                self._lots.append(before)
            else:
                self._lots.appendleft(before)

    def value_of_lots(self, value_micro_usd: int) -> list[int]:
        """The value of the whole position, split over its lots by amount so that the parts add up to it."""
        return split(value_micro_usd, [abs(lot.amount) for lot in self._lots])

    def _keep_rest(self, lot: Lot, amount: int, cost_micro_usd: int) -> None:
        self._changes.append(Change(lot, is_opening=False, is_rest=bool(amount)))
        if amount:
            self._lots[self._end] = Lot(lot.opened_at, lot.opened_by, amount, cost_micro_usd)
        elif self._end:
            self._lots.pop()
        else:
            self._lots.popleft()

    def _open(self, lot: Lot) -> None:
        held = self._lots.pop() if self._is_average and self._lots else None
        if held is not None:
            lot = Lot(held.opened_at, held.opened_by, held.amount + lot.amount, held.cost_micro_usd + lot.cost_micro_usd)
        self._changes.append(Change(held, is_opening=True))
        self._lots.append(lot)
