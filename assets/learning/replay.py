"""The recorded market at any moment of some days: the exact pools as they stood then, and what was known of prices and gas."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from assets.chain import gas_prices, liquidity_events, pool_states, pools, reference_prices, swaps
from assets.chain.market_replay import Pool, events_in_order, pools_at
from assets.partitions import Span
from assets.warehouse import Warehouse
from domain.amm.constant_product import ConstantProductPool
from domain.events import Event
from domain.market import MarketHistory, Series
from domain.problems import BadInput
from executor.routing.pool_book import BookedPool, PoolBook, Token

HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tape:
    """What the days need to be replayed: states at the close before them, hourly states within, events, prices and gas."""

    pools: pl.DataFrame
    close_before: pl.DataFrame
    hourly: pl.DataFrame
    swaps: pl.DataFrame
    liquidity_events: pl.DataFrame
    prices: pl.DataFrame
    gas: pl.DataFrame

    @classmethod
    def read(cls, warehouse: Warehouse, span: Span | None, after: int = 0) -> "Tape":
        """The tape of the run's days; `after` more days when something has to be followed past their end."""
        reach = span and span.widened(after=after)
        close_before = warehouse.read(pool_states.TABLE, span.day_before()) if span else pool_states.TABLE.empty()
        return cls(
            tradable(warehouse.read(pools.TABLE)),
            close_before.filter(pl.col("is_day_close")),
            warehouse.read(pool_states.TABLE, reach),
            warehouse.read(swaps.TABLE, reach),
            warehouse.read(liquidity_events.TABLE, reach),
            # Prices of the day before: the first features of a day look back over midnight.
            warehouse.read(reference_prices.TABLE, reach and reach.widened(before=1)),
            warehouse.read(gas_prices.TABLE, reach and reach.widened(before=1)),
        )

    def until(self, moment: datetime) -> "Tape":
        """The tape as it stood at `moment`: everything later is cut away."""
        return Tape(
            self.pools,
            self.close_before,
            self.hourly.filter(pl.col("hour") + HOUR <= moment),
            self.swaps.filter(pl.col("block_time") <= moment),
            self.liquidity_events.filter(pl.col("block_time") <= moment),
            self.prices.filter(pl.col("price_time") <= moment),
            self.gas.filter(pl.col("block_time") <= moment),
        )

    def history(self) -> MarketHistory:
        """Reference prices and gas, each by the moment it was known."""
        return market_history(self.prices, self.gas)

    def books_at(self, moments: Iterable[datetime]) -> Iterator[tuple[datetime, PoolBook]]:
        """For each moment, in order of time, the pools after every block up to then.

        A pool whose state was not known at the close before joins at the end of the first hour that tells it.
        """
        player = _Player(pools_at(self.close_before), events_in_order(self.swaps, self.liquidity_events))
        joining = self._joining(player.states)
        facts = _facts(self.pools)
        book: PoolBook | None = None
        for moment in sorted(moments):
            while joining and joining[0][0] <= moment:
                joined_at, row = joining.pop(0)
                # Everything before the pool joins has to be behind us, or its events would be applied twice.
                player.advance(joined_at)
                player.join(row)
                book = None
            if player.advance(moment) or book is None:
                book = PoolBook(_booked(facts, player.states))
            yield moment, book

    def unquotable(self) -> list[str]:
        """Labels of the pools whose ticks are not all known: they take no part, since outside what was seen they would quote anything."""
        first = pl.concat([self.close_before, self.hourly]).sort("hour", "pool").unique("pool", keep="first", maintain_order=True)
        labels = dict(self.pools.select("pool", "label").iter_rows())
        return sorted(labels.get(pool, pool) for pool, state in pools_at(first).items() if not is_quotable(state))

    def _joining(self, states: dict[str, Pool]) -> list[tuple[datetime, pl.DataFrame]]:
        strangers = self.hourly.filter(~pl.col("pool").is_in(list(states)))
        first = strangers.sort("hour", "pool").unique("pool", keep="first", maintain_order=True)
        return [(hour + HOUR, first[at]) for at, hour in enumerate(first["hour"])]


def is_quotable(pool: Pool) -> bool:
    """Whether all of the pool's liquidity is known, so that what it quotes is what it would give."""
    if isinstance(pool, ConstantProductPool):
        return True
    try:
        pool.check_ticks()
    except BadInput:
        return False
    return True


def tradable(pools_: pl.DataFrame) -> pl.DataFrame:
    """The pools whose two tokens are known: the others cannot be valued."""
    known = [pl.col(f"token{side}") != "" for side in "01"] + [pl.col(f"decimals{side}").is_not_null() for side in "01"]
    return pools_.filter(pl.all_horizontal(known)).sort("pool")


def market_history(prices: pl.DataFrame, gas: pl.DataFrame) -> MarketHistory:
    """Rows of `reference_prices` and `gas_prices` as what was known when."""
    by_token = {
        token: Series.of(rows.select(pl.col("price_time").dt.epoch("us"), "price_usd").iter_rows())
        for (token,), rows in prices.sort("token", "price_time").group_by("token", maintain_order=True)
    }
    at = pl.col("block_time").dt.epoch("us")
    fees = gas.sort("block_number").filter(pl.col("base_fee_per_gas").is_not_null()).select(at, pl.col("base_fee_per_gas").cast(pl.Float64))
    native = gas.sort("block_number").filter(pl.col("native_price_usd").is_not_null()).select(at, "native_price_usd")
    return MarketHistory(by_token, Series.of(fees.iter_rows()), Series.of(native.iter_rows()))


class _Player:
    """The states of the pools, moved along by the events up to some moment."""

    def __init__(self, states: dict[str, Pool], events: Iterator[tuple[int, int, str, Event, datetime]]) -> None:
        self.states = {pool: state for pool, state in states.items() if is_quotable(state)}
        self._events = events
        self._next = next(events, None)
        self._known_up_to: dict[str, tuple[int, int]] = {}

    def advance(self, moment: datetime) -> bool:
        """Applies every event up to then; True when a pool moved."""
        moved = False
        while self._next is not None and self._next[4] <= moment:
            block, log, pool, event, _ = self._next
            if pool in self.states and (block, log) > self._known_up_to.get(pool, (-1, -1)):
                self.states[pool] = self.states[pool].apply(event)  # type: ignore[arg-type]
                moved = True
            self._next = next(self._events, None)
        return moved

    def join(self, row: pl.DataFrame) -> None:
        """A pool's first known state: later events apply to it, those it already contains do not."""
        self.states.update({pool: state for pool, state in pools_at(row).items() if is_quotable(state)})
        self._known_up_to[row["pool"].item()] = (row["block_number"].item(), row["log_index"].item())


def _facts(pools_: pl.DataFrame) -> list[tuple[int, str, str, str, Token, Token]]:
    """Id, address, protocol, venue and tokens of each pool, in the order of addresses."""
    return [
        (
            number,
            row["pool"],
            row["protocol"],
            row["venue"],
            Token(row["token0"], row["symbol0"], row["decimals0"]),
            Token(row["token1"], row["symbol1"], row["decimals1"]),
        )
        for number, row in enumerate(pools_.iter_rows(named=True))
    ]


def _booked(facts: list[tuple[int, str, str, str, Token, Token]], states: dict[str, Pool]) -> Iterator[BookedPool]:
    for number, address, protocol, venue, token0, token1 in facts:
        if address in states:
            yield BookedPool(number, states[address], token0, token1, protocol, address, venue)
