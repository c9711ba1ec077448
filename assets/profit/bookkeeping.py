"""Where the book gets its entries: the ledger's trades, and what wallets of named profit centres did besides.

Liquidity and other transactions of everybody else stay out: an unassigned wallet's positions mostly began before the record did.
"""

from __future__ import annotations

from dataclasses import dataclass

import dagster as dg
import polars as pl

from assets.chain import liquidity_events, pool_states, pools, reference_prices, tokens, transactions
from assets.chain.recorded_chain import RecordedChain
from assets.enrichment.market_prices import market_prices
from assets.ledger import trade_ledger
from assets.ledger.profit_centers import UNASSIGNED, load_profit_centers
from assets.partitions import Span
from assets.profit.book import Kept, keep_book
from assets.profit.closing import Marks
from assets.profit.postings import liquidity_postings, trade_postings, valued_liquidity, valued_trades
from assets.warehouse import Warehouse
from domain.schemas import Table

# What the book is kept from; the assets that keep it depend on these.
SOURCES = tuple(table.TABLE.name for table in (trade_ledger, liquidity_events, transactions, pools, reference_prices))


@dataclass(frozen=True, slots=True)
class Entries:
    """What is booked for some days: valued trades, valued liquidity events, and the postings of both."""

    trades: pl.DataFrame
    liquidity: pl.DataFrame

    @property
    def postings(self) -> pl.DataFrame:
        return pl.concat([trade_postings(self.trades), liquidity_postings(self.liquidity)])

    @property
    def unpriced_trades(self) -> int:
        """Trades that cannot be booked, because neither of their tokens has a price."""
        return self.trades["value_micro_usd"].null_count()

    @property
    def unpriced_liquidity(self) -> int:
        """Liquidity events that cannot be booked, because a token that moved has no price."""
        return self.liquidity.filter(pl.col("value0").is_null() | pl.col("value1").is_null()).height


def entries_of(warehouse: Warehouse, recorded_chain: RecordedChain, span: Span) -> Entries:
    """The days' entries, valued at the reference prices of their blocks."""
    prices, known_pools = market_prices(warehouse, recorded_chain, span), warehouse.read(pools.TABLE)
    senders = transactions_of_centers(warehouse, span).select("tx_hash", "center")
    moved = warehouse.read(liquidity_events.TABLE, span).join(senders, on="tx_hash")
    return Entries(valued_trades(warehouse.read(trade_ledger.TABLE, span), prices), valued_liquidity(moved, known_pools, prices))


def transactions_of_centers(warehouse: Warehouse, span: Span) -> pl.DataFrame:
    """The transactions that wallets of named profit centres signed, with `center`."""
    centers = load_profit_centers()
    signed = warehouse.read(transactions.TABLE, span).with_columns(center=centers.of_wallets(pl.col("from_address")))
    return signed.filter(pl.col("center") != UNASSIGNED)


def marks_of(warehouse: Warehouse, span: Span) -> Marks:
    """What tokens and positions were worth at the closes of the days."""
    return Marks(
        warehouse.read(reference_prices.TABLE, span),
        warehouse.read(tokens.TABLE),
        warehouse.read(pool_states.TABLE, span),
        warehouse.read(pools.TABLE),
    )


def book_of_days(context: dg.AssetExecutionContext, warehouse: Warehouse, lots: Table, entries: Entries, span: Span) -> Kept:
    """The days' book, on top of the lots that the day before left; `lots` is the table open_lots.

    Raises Failure when there were trades before the first day whose lots were never carried here.
    """
    eve = span.day_before()
    opening = warehouse.read(lots, eve)
    if opening.is_empty() and _traded_before(warehouse, span) and not _was_closed(context, lots, eve):
        raise dg.Failure(
            f"The lots of {eve.first} are not there, but trades before {span.first} are: materialise open_lots of that day first."
        )
    return keep_book(opening, entries.postings, span.dates())


def _traded_before(warehouse: Warehouse, span: Span) -> bool:
    earlier = warehouse.scan(trade_ledger.TABLE).filter(pl.col("day") < span.first)
    return bool(earlier.select(pl.len()).collect().item())


def _was_closed(context: dg.AssetExecutionContext, lots: Table, eve: Span) -> bool:
    """Whether the day before was materialised: a day may close with no lots at all."""
    return eve.first.isoformat() in context.instance.get_materialized_partitions(dg.AssetKey(lots.name))
