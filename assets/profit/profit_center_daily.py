"""Profit centres by day: realised and unrealised P&L, fees, gas and turnover, exact to a millionth of a dollar."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import gas_prices, pools, reference_prices, transactions
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.enrichment.day_numbers import tell_day_numbers
from assets.ledger import trade_ledger
from assets.ledger.profit_centers import center_names
from assets.partitions import Span, the_day_and_the_one_before
from assets.profit import closed_lots, open_lots
from assets.profit.accounts import daily_accounts, gas_of_trades, gas_without_trades, unbalanced_days
from assets.profit.bookkeeping import entries_of, transactions_of_centers
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, RATIO, TEXT, Column, Table, columns

TABLE = Table(
    "profit_center_daily",
    row="One profit centre on one day.",
    columns=columns(
        Column("center", TEXT, "Profit centre."),
        Column("trades", COUNT, "Trades that day."),
        Column("realised_pnl_micro_usd", AMOUNT, "Gains taken by selling, FIFO, before fees and gas, millionths of a dollar."),
        Column(
            "unrealised_pnl_micro_usd", AMOUNT, "Change of the open lots' value against cost at the day's close, millionths of a dollar."
        ),
        Column(
            "edge_micro_usd",
            AMOUNT,
            "Bought minus sold at the market's prices of that moment: the part of the P&L that does not come from holding, before gas,"
            " millionths of a dollar.",
        ),
        Column("gas_micro_usd", AMOUNT, "Gas paid, millionths of a dollar."),
        Column(
            "pool_fees_micro_usd",
            AMOUNT,
            "Fees paid to pools, contained in the amounts; shown, not subtracted again, millionths of a dollar.",
        ),
        Column("net_pnl_micro_usd", AMOUNT, "Realised plus change in unrealised, minus gas, millionths of a dollar."),
        Column("turnover_micro_usd", AMOUNT, "Value sold over all trades, millionths of a dollar."),
        Column("realised_pnl_usd", RATIO, "Gains taken by selling, FIFO, before fees and gas, dollars."),
        Column("unrealised_pnl_usd", RATIO, "Change of the open lots' value against cost at the day's close, dollars."),
        Column("edge_usd", RATIO, "Bought minus sold at the market's prices of that moment, before gas, dollars."),
        Column("gas_usd", RATIO, "Gas paid, dollars."),
        Column("pool_fees_usd", RATIO, "Fees paid to pools, contained in the amounts; shown, not subtracted again, dollars."),
        Column("net_pnl_usd", RATIO, "Realised plus change in unrealised, minus gas, dollars."),
        Column("turnover_usd", RATIO, "Value sold over all trades, dollars."),
        Column("inventory_usd", RATIO, "Value of the open lots at the day's close, dollars."),
        DATE,
    ),
    key=(
        "day",
        "center",
    ),
)


@daily(
    TABLE,
    deps=[
        trade_ledger.TABLE.name,
        transactions.TABLE.name,
        gas_prices.TABLE.name,
        pools.TABLE.name,
        reference_prices.TABLE.name,
        closed_lots.closed_lots,
        dg.AssetDep(open_lots.TABLE.name, partition_mapping=the_day_and_the_one_before),
    ],
)
def profit_center_daily(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """What each profit centre earned that day, exactly.

    Net P&L is gains taken, plus the change of what the open lots are worth above their cost, minus gas. Fees paid to pools are contained
    in the amounts: they are shown, not subtracted again. The edge tells how much of it trading brought at once, at the market's prices; the
    rest came from holding while prices moved. Gas is that of the centre's trades, and for named centres that of their
    other transactions too, reverted ones included. Idle days have a row. Every number is a whole count of millionths of a dollar.
    """
    span = inside_days(recorded_chain.recording(), Span.of(context))
    trades = entries_of(warehouse, recorded_chain, span).trades
    other_gas = gas_without_trades(transactions_of_centers(warehouse, span), trades, warehouse.read(gas_prices.TABLE, span))
    rows = daily_accounts(
        span.dates(),
        center_names(),
        trades,
        warehouse.read(pools.TABLE),
        warehouse.read(closed_lots.TABLE, span),
        warehouse.read(open_lots.TABLE, span.widened(before=1)),
        pl.concat([gas_of_trades(trades), other_gas]),
    )
    earned = {
        center: float(net) / 1e6
        for center, net in rows.group_by("center").agg(pl.col("net_pnl_micro_usd").sum()).sort("center").iter_rows()
    }
    by_center = pl.format("pnl_usd_{}", pl.col("center").str.to_lowercase().str.replace_all("-", "_"))
    tell_day_numbers(context, rows.select("day", "net_pnl_usd", name=by_center).pivot("name", index="day", values="net_pnl_usd"))
    return warehouse.write(TABLE, rows.select(TABLE.names), context, pnl_usd=pictures.bars(earned, "net P&L, dollars"))


@dg.asset_check(asset=profit_center_daily, blocking=True)
def pnl_conserves(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Realised plus unrealised P&L is the change of what each centre's holdings are worth, to the millionth of a dollar."""
    span = Span.of(context)
    rows, lots = warehouse.read(TABLE, span), warehouse.read(open_lots.TABLE, span and span.widened(before=1))
    wrong = unbalanced_days(rows, lots)
    return dg.AssetCheckResult(passed=wrong.is_empty(), metadata={"center_days": rows.height, "unbalanced": wrong.height})


@dg.asset_check(asset=profit_center_daily, blocking=True)
def every_center_has_every_day(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each profit centre has one row for each day, idle ones included, and each day counts every trade of the ledger."""
    span = Span.of(context)
    rows = warehouse.read(TABLE, span)
    days, centers = rows["day"].n_unique(), len(center_names())
    missing = [center for center in center_names() if rows.filter(pl.col("center") == center).height != days]
    trades = warehouse.count(trade_ledger.TABLE, "true", span)
    return dg.AssetCheckResult(
        passed=not missing and int(rows["trades"].sum()) == trades,
        metadata={"days": days, "centers": centers, "missing": ", ".join(missing), "trades": trades},
    )
