"""Open lots: what each profit centre still holds at the close of the day, in the order it was bought (FIFO)."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import pool_states, tokens
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.enrichment.day_numbers import tell_day_numbers
from assets.ledger import trade_ledger
from assets.partitions import Span, the_day_before
from assets.profit.book import TRADE
from assets.profit.bookkeeping import SOURCES, book_of_days, entries_of, marks_of
from assets.profit.closing import open_lot_rows
from assets.profit.holdings import unexplained_holdings, wallet_flows
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, FLAG, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "open_lots",
    row="One purchase that is not fully sold.",
    columns=columns(
        Column("center", TEXT, "Profit centre."),
        Column("token", TEXT, "Address of the token, or name of a liquidity position (position:pool:lower tick:upper tick)."),
        Column("symbol", TEXT, "Symbol of the token."),
        Column("lot", COUNT, "Position in the queue, from 0: the next sale takes from 0. Short positions are lots of negative amount."),
        Column("opened_at", TIME, "Time of the trade that opened it, UTC."),
        Column("trade_id", TEXT, "Trade that opened it."),
        Column("amount", AMOUNT, "Left, base units; negative for a short position."),
        Column("cost_micro_usd", AMOUNT, "Cost of what is left, millionths of a dollar, signed like the amount."),
        Column(
            "value_micro_usd", AMOUNT, "What is left is worth at the day's close, millionths of a dollar; its cost where no price is known."
        ),
        Column("is_priced", FLAG, "Whether the value comes from a price of that day."),
        DATE,
    ),
    key=(
        "day",
        "center",
        "token",
        "lot",
    ),
)


@daily(
    TABLE,
    deps=[*SOURCES, tokens.TABLE.name, pool_states.TABLE.name, dg.AssetDep(TABLE.name, partition_mapping=the_day_before)],
)
def open_lots(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """What each profit centre holds at the close, and its cost.

    First in, first out, in whole base units and whole millionths of a dollar. What a wallet held before the record began is not on the
    record: selling it is a short position here, a lot of negative amount. Liquidity positions are holdings like tokens, counted in
    units of liquidity and worth what they would give back; fees they have not collected are not counted.
    """
    span = inside_days(recorded_chain.recording(), Span.of(context))
    kept = book_of_days(context, warehouse, TABLE, entries_of(warehouse, recorded_chain, span), span)
    rows = open_lot_rows(TABLE, kept.closes, marks_of(warehouse, span))
    at_close = rows.filter(pl.col("day") == span.last)
    held = at_close.group_by("center").agg(pl.col("value_micro_usd").sum())
    counts = {"lots_at_close": pl.len(), "lots_without_a_price": (~pl.col("is_priced")).sum()}
    tell_day_numbers(context, rows.group_by("day").agg(**counts))
    return warehouse.write(
        TABLE,
        rows,
        context,
        inventory_usd=pictures.bars({center: float(value) / 1e6 for center, value in held.iter_rows()}, "inventory at the close, dollars"),
    )


@dg.asset_check(asset=open_lots, blocking=True)
def no_center_has_lots_it_never_bought(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain
) -> dg.AssetCheckResult:
    """From one close to the next a centre's lots change by what its wallets received and gave, to the base unit."""
    span = inside_days(recorded_chain.recording(), Span.of(context))
    entries = entries_of(warehouse, recorded_chain, span)
    flows = wallet_flows(entries.trades, entries.liquidity)
    wrong = unexplained_holdings(warehouse.read(TABLE, span.widened(before=1)), flows, span)
    return dg.AssetCheckResult(
        passed=wrong.is_empty(), metadata={"flows": flows.height, "unexplained": wrong.height, "first": str(wrong.head(3).to_dicts())}
    )


@dg.asset_check(asset=open_lots, blocking=True)
def every_trade_with_a_known_price_is_booked(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain
) -> dg.AssetCheckResult:
    """No trade stays out of the book unless neither of its tokens has a price; those are counted here."""
    span = inside_days(recorded_chain.recording(), Span.of(context))
    entries = entries_of(warehouse, recorded_chain, span)
    booked = entries.postings.filter(pl.col("kind") == TRADE)["proof"].n_unique()
    trades = warehouse.count(trade_ledger.TABLE, "true", span)
    return dg.AssetCheckResult(
        passed=booked + entries.unpriced_trades == trades,
        metadata={
            "trades": trades,
            "booked": booked,
            "without_a_price": entries.unpriced_trades,
            "liquidity_events_booked": entries.liquidity.height - entries.unpriced_liquidity,
            "liquidity_events_without_a_price": entries.unpriced_liquidity,
        },
    )
