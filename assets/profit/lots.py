"""Lots: what was bought first is sold first, in integers, so that no millionth of a dollar is lost.

A queue holds one token of one profit centre. Selling more than it holds opens a short position: a lot of negative amount whose
negative cost is what the sale brought in, closed by later purchases in the same order. For any sequence of moves

    gains taken = cost left in the queue - values moved in        (to the unit)

so gains taken plus the open lots' value over their cost is always what the lots are worth minus what was paid for them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

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


class LotQueue:
    """The open lots of one token, oldest first; all are long or all are short."""

    def __init__(self, lots: Iterable[Lot] = ()) -> None:
        self._lots = deque(lots)

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
        """Books a purchase (positive amount and value) or a sale (both negative); returns the pieces it closed, oldest first.

        A value without an amount, such as a trade that brought nothing, is a gain or loss at once.
        """
        closed: list[Closing] = []
        while amount and self._lots and (self._lots[0].amount > 0) != (amount > 0):
            oldest = self._lots[0]
            size = min(abs(oldest.amount), abs(amount))
            signed = size if oldest.amount > 0 else -size
            cost = share(oldest.cost_micro_usd, size, abs(oldest.amount))
            value = share(value_micro_usd, size, abs(amount))
            closed.append(Closing(oldest.opened_at, oldest.opened_by, signed, cost, -value))
            self._keep_rest(oldest, oldest.amount - signed, oldest.cost_micro_usd - cost)
            amount, value_micro_usd = amount + signed, value_micro_usd - value
        if amount:
            self._lots.append(Lot(at, by, amount, value_micro_usd))
        elif value_micro_usd:
            closed.append(Closing(at, by, 0, value_micro_usd, 0))
        return closed

    def value_of_lots(self, value_micro_usd: int) -> list[int]:
        """The value of the whole position, split over its lots by amount so that the parts add up to it."""
        return split(value_micro_usd, [abs(lot.amount) for lot in self._lots])

    def _keep_rest(self, lot: Lot, amount: int, cost_micro_usd: int) -> None:
        if amount:
            self._lots[0] = replace(lot, amount=amount, cost_micro_usd=cost_micro_usd)
        else:
            self._lots.popleft()
