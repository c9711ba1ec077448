"""The day's close: what the open lots are worth, from the last prices and pool states of that day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from assets.profit.book import Close, Closed
from assets.profit.lots import LotQueue
from assets.profit.positions import amounts_of, is_owed, is_position, micro_usd_of, pool_of
from domain.schemas import Table


class Marks:
    """What tokens and positions are worth at the close of each day.

    A token is worth its last reference price of the day, a position what it would give back, without the fees it has not collected.
    What has no price that day has no value here: it is kept at its cost.
    """

    def __init__(self, prices: pl.DataFrame, tokens: pl.DataFrame, states: pl.DataFrame, pools: pl.DataFrame) -> None:
        # The table keeps prices from beyond its first and last day with those days: they are no closing prices.
        own = prices.filter(pl.col("price_time").dt.date() == pl.col("day"))
        last = own.sort("price_time").group_by("day", "token").agg(pl.col("price_usd").last())
        self._prices = {(day, token): price for day, token, price in last.iter_rows()}
        self._decimals = dict(tokens.select("token", "decimals").iter_rows())
        self._states = {(row["day"], row["pool"]): row for row in states.filter(pl.col("is_day_close")).iter_rows(named=True)}
        self._tokens = {pool: (token0, token1) for pool, token0, token1 in pools.select("pool", "token0", "token1").iter_rows()}

    def value(self, day: date, token: str, amount: int) -> int | None:
        """The amount's value in millionths of a dollar; None when it cannot be known."""
        if is_owed(token):
            return 0
        if is_position(token):
            return self._position_value(day, token, amount)
        price = self._prices.get((day, token))
        return None if price is None or token not in self._decimals else micro_usd_of(amount, self._decimals[token], price)

    def _position_value(self, day: date, position: str, units: int) -> int | None:
        pool = pool_of(position)
        state = self._states.get((day, pool))
        if state is None:
            return None
        parts = [
            self.value(day, token, amount)
            for token, amount in zip(self._tokens[pool], amounts_of(position, units, state), strict=True)
            if amount
        ]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None


def open_lot_rows(table: Table, closes: Iterable[Close], marks: Marks) -> pl.DataFrame:
    """Rows of open_lots: the value of a position is spread over its lots so that they add up to it."""
    rows: list[tuple[Any, ...]] = []
    for close in closes:
        queue = LotQueue(close.queue)
        value = marks.value(close.day, close.token, queue.amount)
        values = [lot.cost_micro_usd for lot in queue.lots] if value is None else queue.value_of_lots(value)
        for place, (lot, worth) in enumerate(zip(queue.lots, values, strict=True)):
            whose = (close.center, close.token, close.symbol, place)
            amounts = (Decimal(lot.amount), Decimal(lot.cost_micro_usd), Decimal(worth))
            rows.append((*whose, lot.opened_at, lot.opened_by, *amounts, value is not None, close.day))
    return pl.DataFrame(rows, schema=table.schema, orient="row")


def closed_lot_rows(table: Table, closed: Iterable[Closed]) -> pl.DataFrame:
    """Rows of closed_lots."""
    rows = [
        (
            each.center,
            each.token,
            each.symbol,
            each.kind,
            each.piece,
            each.closing.opened_at,
            each.closing.opened_by,
            each.at,
            each.proof,
            Decimal(each.closing.amount),
            Decimal(each.closing.cost_micro_usd),
            Decimal(each.closing.proceeds_micro_usd),
            Decimal(each.closing.gain_micro_usd),
            each.day,
        )
        for each in closed
    ]
    return pl.DataFrame(rows, schema=table.schema, orient="row")
