"""Profit centres: result, risk and activity over all days."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.profit import profit_center_daily
from assets.profit.accounts import MONEY, summary_of
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import COUNT, DAY, RATIO, TEXT, Column, Table, columns

TABLE = Table(
    "profit_center_summary",
    row="One profit centre.",
    columns=columns(
        Column("center", TEXT, "Profit centre."),
        Column("first_day", DAY, "First day counted."),
        Column("last_day", DAY, "Last day counted."),
        Column("days", COUNT, "Days counted, idle ones included."),
        Column("trades", COUNT, "Trades."),
        Column("realised_pnl_usd", RATIO, "Gains taken by selling, FIFO, before fees and gas over all days, dollars."),
        Column("unrealised_pnl_usd", RATIO, "Change of the open lots' value against cost at the day's close over all days, dollars."),
        Column("edge_usd", RATIO, "Bought minus sold at the market's prices of the moment, before gas, over all days, dollars."),
        Column("gas_usd", RATIO, "Gas paid over all days, dollars."),
        Column("pool_fees_usd", RATIO, "Fees paid to pools, contained in the amounts; shown, not subtracted again over all days, dollars."),
        Column("net_pnl_usd", RATIO, "Realised plus change in unrealised, minus gas over all days, dollars."),
        Column("turnover_usd", RATIO, "Value sold over all trades over all days, dollars."),
        Column("sharpe_365", RATIO, "Mean over standard deviation of daily net P&L, times the square root of 365.", nullable=True),
        Column("sharpe_365_low", RATIO, "Lower end of its 95 % confidence interval.", nullable=True),
        Column("sharpe_365_high", RATIO, "Upper end of its 95 % confidence interval.", nullable=True),
        Column("max_drawdown_usd", RATIO, "Deepest fall of cumulated net P&L from its peak, dollars."),
        Column("hit_rate", RATIO, "Share of days with a positive result.", nullable=True),
    ),
    key=("center",),
)


@whole(TABLE, deps=[profit_center_daily.profit_center_daily])
def profit_center_summary(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Result, risk and activity of each profit centre.

    The Sharpe ratio is that of daily net P&L in dollars, idle days included, times the square root of 365. Its 95 % interval is Lo's
    (2002) with the terms of Mertens (2002) for skewness and fat tails, and Student's t for the few days there are: a short record
    gives a wide interval, and that is the message. Empty with fewer than five days.
    """
    rows = summary_of(warehouse.read(profit_center_daily.TABLE))
    earned = dict(rows.select("center", "net_pnl_usd").iter_rows())
    return warehouse.write(
        TABLE,
        rows.select(TABLE.names),
        context,
        pnl_usd=pictures.bars(earned, "net P&L over all days, dollars"),
        **{f"pnl_usd_{center.lower().replace('-', '_')}": net for center, net in earned.items()},
    )


@dg.asset_check(asset=profit_center_summary, blocking=True)
def the_summary_is_the_sum_of_its_days(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each amount of the summary is the sum of its days, to the millionth of a dollar."""
    daily, summary = warehouse.read(profit_center_daily.TABLE), warehouse.read(TABLE)
    sums = daily.group_by("center").agg(pl.col(f"{name}_micro_usd").sum() for name in MONEY)
    both = summary.join(sums, on="center", how="full", coalesce=True)
    same = [(pl.col(f"{name}_usd") * 1e6).round() == pl.col(f"{name}_micro_usd").cast(pl.Float64) for name in MONEY]
    wrong = both.filter(~pl.all_horizontal(same).fill_null(False))
    return dg.AssetCheckResult(passed=wrong.is_empty(), metadata={"centers": both.height, "wrong": wrong.height})


@dg.asset_check(asset=profit_center_summary, blocking=True)
def no_sharpe_ratio_stands_alone(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every Sharpe ratio has both ends of its confidence interval beside it, and lies between them."""
    bare = warehouse.count(
        TABLE, "sharpe_365 is not null and not coalesce(sharpe_365_low <= sharpe_365 and sharpe_365 <= sharpe_365_high, false)"
    )
    return dg.AssetCheckResult(passed=bare == 0, metadata={"without_an_interval": bare})
