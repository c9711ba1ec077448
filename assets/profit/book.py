"""The book: every profit centre's postings in the order of the chain, and the lots they leave at each day's close.

A trade is two postings, the token sold (negative) and the token bought (positive), at one value: what was sold, at the market price of its
block. Values of a trade therefore cancel, and for any sequence of postings

    gains taken + (value of open lots - their cost) = what the centre's holdings are worth + income received

What a wallet held before the record began is not on the record, so selling it is a short position against that opening balance:
the book measures what trading earned, not what holding did. A liquidity position is a holding like a token, counted in units of
liquidity: a deposit sells tokens for units, a withdrawal sells units for tokens, fees collected on top are income.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from assets.profit.lots import Closing, Lot, LotQueue
from domain.schemas import AMOUNT, COUNT, DAY, TEXT, TIME
from domain.shares import share

TRADE, DEPOSIT, WITHDRAWAL, REDEMPTION, COLLECT = "trade", "deposit", "withdrawal", "redemption", "collect"

# One line of the book. `value_micro_usd` carries the sign of the amount; of a collect it is the value of the whole amount collected.
POSTINGS = pl.Schema(
    {
        "day": DAY,
        "center": TEXT,
        "at": TIME,
        "proof": TEXT,
        "block_number": COUNT,
        "log_index": COUNT,
        "step": COUNT,
        "kind": TEXT,
        "token": TEXT,
        "symbol": TEXT,
        "amount": AMOUNT,
        "value_micro_usd": AMOUNT,
        "owed_from": TEXT,
    }
)


@dataclass(frozen=True, slots=True)
class Close:
    """The lots of one token of one centre at the close of one day."""

    day: date
    center: str
    token: str
    symbol: str
    queue: tuple[Lot, ...]


@dataclass(frozen=True, slots=True)
class Closed:
    """A closing in its place: which centre, token and posting."""

    day: date
    center: str
    token: str
    symbol: str
    kind: str
    at: datetime
    proof: str
    piece: int
    closing: Closing


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping the book gave: open lots at each close, and every piece of a lot that was closed."""

    closes: tuple[Close, ...]
    closed: tuple[Closed, ...]


def keep_book(opening: pl.DataFrame, postings: pl.DataFrame, days: Sequence[date]) -> Kept:
    """Books the postings of the days, one day after the other, on top of the opening lots (rows of open_lots)."""
    book = _Book(opening)
    of_day: dict[date, list[dict[str, Any]]] = defaultdict(list)
    for row in postings.sort("block_number", "log_index", "step", "proof").iter_rows(named=True):
        of_day[row["day"]].append(row)
    closes: list[Close] = []
    closed: list[Closed] = []
    for day in days:
        pieces: dict[tuple[str, str, str], int] = defaultdict(int)
        for row in of_day[day]:
            for token, symbol, closing in book.post(row):
                piece = pieces[row["center"], token, row["proof"]]
                pieces[row["center"], token, row["proof"]] = piece + 1
                closed.append(Closed(day, row["center"], token, symbol, row["kind"], row["at"], row["proof"], piece, closing))
        closes.extend(book.closes(day))
    return Kept(tuple(closes), tuple(closed))


class _Book:
    """Queues of lots by centre and token."""

    def __init__(self, opening: pl.DataFrame) -> None:
        lots: dict[tuple[str, str], list[Lot]] = defaultdict(list)
        self._symbols: dict[str, str] = {}
        for row in opening.sort("center", "token", "lot").iter_rows(named=True):
            lot = Lot(row["opened_at"], row["trade_id"], int(row["amount"]), int(row["cost_micro_usd"]))
            lots[row["center"], row["token"]].append(lot)
            self._symbols[row["token"]] = row["symbol"]
        self._queues = defaultdict(LotQueue, {key: LotQueue(queue) for key, queue in lots.items()})

    def post(self, row: dict[str, Any]) -> Iterator[tuple[str, str, Closing]]:
        """Books one posting; gives the token, its symbol and each piece that was closed."""
        self._symbols[row["token"]] = row["symbol"]
        amount, value = int(row["amount"]), int(row["value_micro_usd"])
        queue = self._queues[row["center"], row["token"]]
        if row["kind"] == COLLECT:
            income = self._income(row, amount, value)
            if income is None:
                return
            amount, value = income
            yield row["token"], row["symbol"], Closing(row["at"], row["proof"], 0, 0, value)
        elif row["kind"] == REDEMPTION and amount < 0 < queue.amount:
            # Units of a constant-product pool are counted by what comes out, fees included: never more of them than are held.
            amount = max(amount, -queue.amount)
        for closing in queue.move(amount, value, row["at"], row["proof"]):
            yield row["token"], row["symbol"], closing

    def _income(self, row: dict[str, Any], amount: int, value: int) -> tuple[int, int] | None:
        """What is new in a collect: the part beyond what withdrawals had already brought in."""
        owed = self._queues[row["center"], row["owed_from"]]
        known = min(amount, max(owed.amount, 0))
        owed.move(-known, 0, row["at"], row["proof"])
        if known == amount:
            return None
        return amount - known, share(value, amount - known, amount)

    def closes(self, day: date) -> Iterator[Close]:
        for (center, token), queue in sorted(self._queues.items()):
            if queue.lots:
                yield Close(day, center, token, self._symbols.get(token, token), queue.lots)
