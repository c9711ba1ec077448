"""The trade ledger: one row per trade, with exact amounts, its gas and the log that proves it."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import gas_prices, pools, reference_prices, tokens, transactions
from assets.chain.as_of import price_at, with_the_day_before
from assets.ledger import fills, orders
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, LOG_KEY, RATIO, TEXT, Column, Table, columns

TABLE = Table(
    "trade_ledger",
    row="One trade: a fill with its order, wallet, profit centre and share of the gas.",
    columns=columns(
        Column("trade_id", TEXT, "chain:block:log, the key of the log that proves the trade."),
        LOG_KEY,
        Column("order_id", TEXT, "Order the trade belongs to."),
        Column("leg", COUNT, "Position in its order, from 0."),
        Column("origin", TEXT, "observed, simulated, paper or live."),
        Column("wallet", TEXT, "Wallet that ordered."),
        Column("center", TEXT, "Profit centre."),
        Column("venue", TEXT, "Kind of market: DEX."),
        Column("protocol", TEXT, "Exchange the pool belongs to."),
        Column("pool", TEXT, "Address of the pool."),
        Column("pool_label", TEXT, "Short name of the pool."),
        Column("token_in", TEXT, "Address of the token sold."),
        Column("symbol_in", TEXT, "Symbol of the token sold."),
        Column("decimals_in", COUNT, "Its decimals."),
        Column("token_out", TEXT, "Address of the token bought."),
        Column("symbol_out", TEXT, "Symbol of the token bought."),
        Column("decimals_out", COUNT, "Its decimals."),
        Column("amount_in", AMOUNT, "Sold, base units."),
        Column("amount_out", AMOUNT, "Bought, base units."),
        Column("gas_used", COUNT, "Gas of the transaction that falls on this trade.", nullable=True),
        Column("gas_cost_wei", AMOUNT, "Its cost, wei; shares of one transaction add up exactly.", nullable=True),
        Column("gas_cost_usd", RATIO, "Its cost in dollars at the block's reference price.", nullable=True),
        Column("notional_usd", RATIO, "Value sold, dollars at the block's reference price.", nullable=True),
        DATE,
    ),
    key=(
        "block_number",
        "log_index",
        "block_hash",
    ),
)


WEI = 1e18
# The live ledger of the executor says the same.
VENUE = "DEX"


def match_trades(
    fills_: pl.DataFrame,
    orders_: pl.DataFrame,
    transactions_: pl.DataFrame,
    pools_: pl.DataFrame,
    tokens_: pl.DataFrame,
    gas_prices_: pl.DataFrame,
    prices: pl.DataFrame,
) -> pl.DataFrame:
    """Fills with their order, tokens, share of the gas and value; orders may be of any origin."""
    symbols = tokens_.select("token", "symbol", "decimals")
    matched = (
        fills_.join(orders_.select("order_id", "origin", "wallet", "center"), on="order_id", how="left")
        .join(pools_.select("pool", pool_label="label"), on="pool", how="left")
        .join(symbols.rename({"token": "token_in", "symbol": "symbol_in", "decimals": "decimals_in"}), on="token_in", how="left")
        .join(symbols.rename({"token": "token_out", "symbol": "symbol_out", "decimals": "decimals_out"}), on="token_out", how="left")
        .join(gas_prices_.select("block_number", "native_price_usd"), on="block_number", how="left")
        .pipe(with_gas_shares, transactions_)
    )
    priced = price_at(matched, prices, token="token_in", at="block_time", name="price_in_usd")
    whole_in = pl.col("amount_in").cast(pl.Float64) / 10.0 ** pl.col("decimals_in").cast(pl.Float64)
    return priced.with_columns(
        trade_id=pl.format("{}:{}:{}", "chain_id", "block_number", "log_index"),
        gas_cost_usd=pl.col("gas_cost_wei").cast(pl.Float64) / WEI * pl.col("native_price_usd"),
        notional_usd=whole_in * pl.col("price_in_usd"),
        venue=pl.lit(VENUE),
        protocol=pl.col("venue"),
    ).select(TABLE.names)


def with_gas_shares(trades: pl.DataFrame, transactions_: pl.DataFrame) -> pl.DataFrame:
    """Each trade with an equal share of its transaction's gas and of its cost in wei; what does not divide goes to the first legs."""
    spent = transactions_.select(
        "tx_hash", spent_gas="gas_used", spent_wei=pl.col("gas_used").cast(pl.Int128) * pl.col("effective_gas_price").cast(pl.Int128)
    )
    legs = pl.len().over("tx_hash")
    place = pl.col("log_index").rank("ordinal").over("tx_hash") - 1
    joined = trades.join(spent, on="tx_hash", how="left")
    return joined.with_columns(
        gas_used=_share(pl.col("spent_gas"), legs, place).cast(pl.Int64),
        gas_cost_wei=_share(pl.col("spent_wei"), legs, place).cast(AMOUNT),
    ).drop("spent_gas", "spent_wei")


def _share(total: pl.Expr, parts: pl.Expr, place: pl.Expr) -> pl.Expr:
    whole = total.cast(pl.Int128)
    count = parts.cast(pl.Int128)
    return whole // count + (place.cast(pl.Int128) < whole % count).cast(pl.Int128)


@daily(
    TABLE,
    code_version="2",
    deps=[
        fills.fills,
        orders.orders,
        transactions.transactions,
        pools.pools,
        tokens.tokens,
        gas_prices.gas_prices,
        with_the_day_before("reference_prices"),
    ],
)
def trade_ledger(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """One row per trade, with the hash that proves it.

    Wallet, profit centre, exact amounts, its share of the gas, and what it was worth on the external market at that moment.
    """
    span = Span.of(context)
    rows = match_trades(
        warehouse.read(fills.TABLE, span),
        warehouse.read(orders.TABLE, span),
        warehouse.read(transactions.TABLE, span),
        warehouse.read(pools.TABLE),
        warehouse.read(tokens.TABLE),
        warehouse.read(gas_prices.TABLE, span),
        warehouse.read(reference_prices.TABLE, span and span.widened(before=1)),
    )
    hourly = (
        rows.sort("block_number", "log_index")
        .group_by(pl.col("block_time").dt.truncate("1h"), maintain_order=True)
        .agg(pl.col("notional_usd").sum())
    )
    per_center = rows.sort("center", "block_number", "log_index").group_by("center", maintain_order=True).agg(pl.col("notional_usd").sum())
    return warehouse.write(
        TABLE,
        rows,
        context,
        notional_usd=float(hourly["notional_usd"].sum()),
        notional_usd_per_hour=pictures.sparkline(hourly["notional_usd"].to_list(), "USD traded per hour"),
        notional_usd_per_center=pictures.bars(dict(per_center.iter_rows()), "USD traded per profit centre"),
        trades_without_price=rows["notional_usd"].null_count(),
        trades_without_gas=rows["gas_cost_wei"].null_count(),
    )


@dg.asset_check(asset=trade_ledger, blocking=True)
def every_fill_is_a_trade(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each fill is in the ledger once, with the amounts the chain settled."""
    span = Span.of(context)
    amounts = ["block_number", "log_index", "block_hash", "token_in", "token_out", "amount_in", "amount_out"]
    settled = warehouse.scan(fills.TABLE, span).select(amounts)
    booked = warehouse.scan(TABLE, span).select(amounts)
    missing = settled.join(booked, on=amounts, how="anti").select(pl.len()).collect().item()
    trades, legs = warehouse.count(TABLE, "true", span), warehouse.count(fills.TABLE, "true", span)
    return dg.AssetCheckResult(passed=missing == 0 and trades == legs, metadata={"trades": trades, "fills": legs, "missing": missing})


@dg.asset_check(asset=trade_ledger, blocking=True)
def every_trade_has_a_tx_hash(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every trade carries the hash of the transaction that settled it."""
    missing = warehouse.count(TABLE, "tx_hash = ''", Span.of(context))
    return dg.AssetCheckResult(passed=missing == 0, metadata={"missing": missing})


@dg.asset_check(asset=trade_ledger, blocking=True)
def the_shares_of_the_gas_add_up(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Over the trades of a transaction, the shares of its gas add up to what it cost, to the wei."""
    span = Span.of(context)
    shares = (
        warehouse.scan(TABLE, span)
        .group_by("tx_hash")
        .agg(pl.col("gas_cost_wei").sum(), trades=pl.len())
        .filter(pl.col("gas_cost_wei") > 0)
    )
    cost = pl.col("gas_used").cast(pl.Int128) * pl.col("effective_gas_price").cast(pl.Int128)
    paid = warehouse.scan(transactions.TABLE, span).select("tx_hash", paid=cost.cast(AMOUNT))
    both = shares.join(paid, on="tx_hash").collect()
    wrong = both.filter(pl.col("gas_cost_wei") != pl.col("paid")).height
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"transactions": both.height, "that_do_not_add_up": wrong})
