"""The accounts: each profit centre's day, added up from closed lots, open lots, trades and gas, in whole millionths of a dollar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import polars as pl

from assets.profit.postings import micro_usd
from assets.profit.track_record import max_drawdown, sharpe_365
from domain.schemas import AMOUNT, COUNT, DAY, RATIO, TEXT

MICRO = 1e6
PIPS = 1_000_000  # a pool's fee counts millionths
MONEY = ("realised_pnl", "unrealised_pnl", "edge", "gas", "pool_fees", "net_pnl", "turnover")
GAS = pl.Schema({"day": DAY, "center": TEXT, "gas_micro_usd": AMOUNT})
SUMMARY = pl.Schema(
    {
        "center": TEXT,
        "first_day": DAY,
        "last_day": DAY,
        "days": COUNT,
        "trades": COUNT,
        **{f"{name}_usd": RATIO for name in MONEY},
        **dict.fromkeys(("sharpe_365", "sharpe_365_low", "sharpe_365_high", "max_drawdown_usd", "hit_rate"), RATIO),
    }
)
_KEY = ["day", "center"]


def daily_accounts(
    days: Sequence[date],
    centers: Iterable[str],
    valued: pl.DataFrame,
    pools: pl.DataFrame,
    closed: pl.DataFrame,
    lots: pl.DataFrame,
    gas: pl.DataFrame,
) -> pl.DataFrame:
    """One row for each day and centre, idle ones included.

    `valued` are trades with `value_micro_usd` and `edge_micro_usd`, `closed` rows of closed_lots, `lots` rows of open_lots that begin
    a day earlier than the days, `gas` what was paid (GAS).
    """
    held = _held(lots)
    before = held.select(day=pl.col("day") + timedelta(days=1), center="center", gain_before="open_gain")
    keys = [pl.DataFrame({"day": list(days)}).join(pl.DataFrame({"center": sorted(centers)}, schema={"center": TEXT}), how="cross")]
    keys += [frame.select(_KEY) for frame in (valued, closed, held, before, gas)]
    sums = {
        "trades": _activity(valued, pools),
        "closed": closed.group_by(_KEY).agg(realised_pnl_micro_usd=pl.col("gain_micro_usd").sum()),
        "held": held,
        "before": before,
        "gas": gas.group_by(_KEY).agg(pl.col("gas_micro_usd").sum()),
    }
    rows = pl.concat(keys).unique().filter(pl.col("day").is_in(list(days)))
    for frame in sums.values():
        rows = rows.join(frame, on=_KEY, how="left")
    rows = rows.with_columns(pl.exclude(_KEY).fill_null(0)).with_columns(
        unrealised_pnl_micro_usd=pl.col("open_gain") - pl.col("gain_before")
    )
    net = pl.col("realised_pnl_micro_usd") + pl.col("unrealised_pnl_micro_usd") - pl.col("gas_micro_usd")
    return (
        rows.with_columns(net_pnl_micro_usd=net)
        .with_columns(*(dollars(f"{name}_micro_usd").alias(f"{name}_usd") for name in MONEY), inventory_usd=dollars("inventory_micro_usd"))
        .drop("open_gain", "gain_before", "inventory_micro_usd")
        .sort(_KEY)
    )


def gas_of_trades(trades: pl.DataFrame) -> pl.DataFrame:
    """Gas of the ledger's trades, rounded to a millionth of a dollar trade by trade; unknown gas counts as none."""
    return trades.select(*_KEY, gas_micro_usd=micro_usd(pl.col("gas_cost_usd")).fill_null(0))


def gas_without_trades(transactions: pl.DataFrame, trades: pl.DataFrame, gas_prices: pl.DataFrame) -> pl.DataFrame:
    """Gas of the centres' other transactions (rows of `transactions` with `center`): liquidity, approvals, and trades that reverted."""
    wei = pl.col("gas_used").cast(pl.Float64) * pl.col("effective_gas_price").cast(pl.Float64)
    return (
        transactions.join(trades.select("tx_hash"), on="tx_hash", how="anti")
        .join(gas_prices.select("block_number", "native_price_usd"), on="block_number", how="left")
        .select(*_KEY, gas_micro_usd=micro_usd(wei / 1e18 * pl.col("native_price_usd")).fill_null(0))
    )


def dollars(micro: str) -> pl.Expr:
    """Millionths of a dollar as dollars, for reading."""
    return pl.col(micro).cast(pl.Float64) / MICRO


def _held(lots: pl.DataFrame) -> pl.DataFrame:
    """What is held at each close: its value, and how much that is above cost."""
    return lots.group_by(_KEY).agg(
        inventory_micro_usd=pl.col("value_micro_usd").sum(), open_gain=pl.col("value_micro_usd").sum() - pl.col("cost_micro_usd").sum()
    )


def _activity(valued: pl.DataFrame, pools: pl.DataFrame) -> pl.DataFrame:
    value = pl.col("value_micro_usd").fill_null(0)
    # Fee and value are integers: the fee is the nearest millionth of a dollar, halves up.
    fee = (value.cast(pl.Int128) * pl.col("fee_pips").cast(pl.Int128) + PIPS // 2) // PIPS
    return (
        valued.join(pools.select("pool", "fee_pips"), on="pool", how="left")
        .with_columns(value=value, fee=fee.fill_null(0).cast(AMOUNT))
        .group_by(_KEY)
        .agg(
            trades=pl.len().cast(COUNT),
            turnover_micro_usd=pl.col("value").sum(),
            pool_fees_micro_usd=pl.col("fee").sum(),
            edge_micro_usd=pl.col("edge_micro_usd").sum(),
        )
    )


def unbalanced_days(accounts: pl.DataFrame, lots: pl.DataFrame) -> pl.DataFrame:
    """Days and centres whose realised plus unrealised P&L is not the change of what they hold.

    `accounts` are rows of profit_center_daily, `lots` rows of open_lots that begin a day earlier.
    """
    value = lots.group_by(_KEY).agg(value=pl.col("value_micro_usd").sum())
    before = value.select(day=pl.col("day") + timedelta(days=1), center="center", value_before="value")
    rows = (
        accounts.join(value, on=_KEY, how="left")
        .join(before, on=_KEY, how="left")
        .with_columns(pl.col("value", "value_before").fill_null(0))
    )
    earned = pl.col("realised_pnl_micro_usd") + pl.col("unrealised_pnl_micro_usd")
    return rows.filter(earned != pl.col("value") - pl.col("value_before"))


def summary_of(accounts: pl.DataFrame) -> pl.DataFrame:
    """One row for each centre over all days of profit_center_daily."""
    rows = []
    for (center,), days in accounts.sort("center", "day").group_by("center", maintain_order=True):
        net = [int(value) for value in days["net_pnl_micro_usd"]]
        sharpe = sharpe_365([value / MICRO for value in net])
        rows.append(
            {
                "center": center,
                "first_day": days["day"].min(),
                "last_day": days["day"].max(),
                "days": days.height,
                "trades": int(days["trades"].sum()),
                **{f"{name}_usd": int(days[f"{name}_micro_usd"].sum()) / MICRO for name in MONEY},
                "sharpe_365": sharpe and sharpe.ratio,
                "sharpe_365_low": sharpe and sharpe.low,
                "sharpe_365_high": sharpe and sharpe.high,
                "max_drawdown_usd": max_drawdown(net) / MICRO,
                "hit_rate": sum(value > 0 for value in net) / len(net),
            }
        )
    return pl.DataFrame(rows, schema=SUMMARY, orient="row")
