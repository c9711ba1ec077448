"""Closed lots: every gain and loss that was taken, walked back to the purchase and to the sale that made it."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.enrichment.day_numbers import tell_day_numbers
from assets.partitions import Span, the_day_before
from assets.profit import open_lots
from assets.profit.bookkeeping import SOURCES, book_of_days, entries_of
from assets.profit.closing import closed_lot_rows
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "closed_lots",
    row="One piece of a purchase that a later trade closed.",
    columns=columns(
        Column("center", TEXT, "Profit centre."),
        Column("token", TEXT, "Address of the token, or name of a liquidity position (position:pool:lower tick:upper tick)."),
        Column("symbol", TEXT, "Symbol of the token."),
        Column("kind", TEXT, "What closed it: trade, deposit, withdrawal, redemption (constant-product share) or collect (fees earned)."),
        Column("piece", COUNT, "Number among the pieces of the token that the same event closed, from 0."),
        Column("opened_at", TIME, "Time it was bought, or sold short, UTC."),
        Column("opened_by", TEXT, "Trade or liquidity event that opened it."),
        Column("closed_at", TIME, "Time it was closed, UTC."),
        Column("closed_by", TEXT, "Trade or liquidity event that closed it."),
        Column("amount", AMOUNT, "Closed, base units; negative for a short position, zero for income."),
        Column("cost_micro_usd", AMOUNT, "What it cost, millionths of a dollar; negative for a short position: what its sale brought."),
        Column(
            "proceeds_micro_usd",
            AMOUNT,
            "What closing it brought, millionths of a dollar; negative for a short position: what buying it back took.",
        ),
        Column("gain_micro_usd", AMOUNT, "Proceeds minus cost, millionths of a dollar."),
        DATE,
    ),
    key=(
        "day",
        "center",
        "token",
        "closed_by",
        "piece",
    ),
)


@daily(TABLE, deps=[*SOURCES, dg.AssetDep(open_lots.TABLE.name, partition_mapping=the_day_before)])
def closed_lots(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Every gain taken, walked back to purchase and sale.

    One row for each piece of a lot that was closed: what it had cost, what it brought, and the two log keys that prove both. Fees that a
    liquidity position earned are rows of their own, with no cost.
    """
    span = inside_days(recorded_chain.recording(), Span.of(context))
    kept = book_of_days(context, warehouse, open_lots.TABLE, entries_of(warehouse, recorded_chain, span), span)
    rows = closed_lot_rows(TABLE, kept.closed)
    gains = rows.group_by("kind").agg(pl.col("gain_micro_usd").sum())
    tell_day_numbers(context, rows.group_by("day").agg(realised_pnl_usd=pl.col("gain_micro_usd").sum().cast(pl.Float64) / 1e6))
    return warehouse.write(
        TABLE,
        rows,
        context,
        gains_usd=pictures.bars({kind: float(gain) / 1e6 for kind, gain in gains.iter_rows()}, "gains taken, dollars, by what took them"),
    )


@dg.asset_check(asset=closed_lots, blocking=True)
def every_gain_is_proceeds_minus_cost(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each gain is what closing brought minus what opening cost, and nothing was closed before it was opened."""
    span = Span.of(context)
    wrong = warehouse.count(TABLE, "gain_micro_usd != proceeds_micro_usd - cost_micro_usd or closed_at < opened_at", span)
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"pieces": warehouse.count(TABLE, "true", span), "wrong": wrong})
