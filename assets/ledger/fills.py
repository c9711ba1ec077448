"""Fills: each order's legs, one per pool, as the chain settled them."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import pools, quarantine, swaps
from assets.chain.hourly import per_hour
from assets.chain.set_aside import tradable
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, LOG_KEY, POOL, TEXT, Column, Table, columns

TABLE = Table(
    "fills",
    row="One leg of an order.",
    columns=columns(
        LOG_KEY,
        Column("order_id", TEXT, "Order the leg belongs to."),
        Column("leg", COUNT, "Position of the leg in its order, from 0."),
        POOL,
        Column("token_in", TEXT, "Address of the token the pool received."),
        Column("token_out", TEXT, "Address of the token the pool gave."),
        Column("amount_in", AMOUNT, "Received by the pool, base units."),
        Column("amount_out", AMOUNT, "Given by the pool, base units."),
        DATE,
    ),
    key=(
        "order_id",
        "leg",
    ),
)


def observed_fills(swaps_: pl.DataFrame, pools_: pl.DataFrame) -> pl.DataFrame:
    """One fill per swap seen on the chain; the transaction is the order, its swaps are the legs in the order of their logs.

    Swaps of pools with an unknown token are left out here; the quarantine has them.
    """
    known = pools_.filter(tradable()).select("pool", "token0", "token1")
    # A swap so small that nothing moved is read as selling the first token.
    sells0 = (pl.col("amount0") > 0) | ((pl.col("amount0") == 0) & (pl.col("amount1") <= 0))
    received = pl.when(sells0).then("amount0").otherwise("amount1")
    given = pl.when(sells0).then("amount1").otherwise("amount0")
    return (
        swaps_.join(known, on="pool")
        .sort("block_number", "log_index", "block_hash")
        .with_columns(
            order_id="tx_hash",
            leg=pl.int_range(pl.len()).over("tx_hash"),
            token_in=pl.when(sells0).then("token0").otherwise("token1"),
            token_out=pl.when(sells0).then("token1").otherwise("token0"),
            amount_in=received.clip(lower_bound=0),
            amount_out=(-given).clip(lower_bound=0),
        )
        .select(TABLE.names)
    )


# Only swaps that passed their proof become trades.
@daily(TABLE, deps=[swaps.swaps, pools.pools, "event_proofs"])
def fills(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Each order's legs, one per pool, as the chain settled them."""
    rows = observed_fills(warehouse.read(swaps.TABLE, Span.of(context)), warehouse.read(pools.TABLE))
    return warehouse.write(TABLE, rows, context, fills_per_hour=pictures.sparkline(per_hour(rows["block_time"]), "fills per hour"))


@dg.asset_check(asset=fills, blocking=True, additional_deps=[quarantine.quarantine])
def every_swap_became_a_fill_or_is_set_aside(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Swaps are exactly the fills and the swaps of unknown tokens in the quarantine, together."""
    span = Span.of(context)
    traded = warehouse.count(TABLE, "true", span)
    aside = warehouse.count(quarantine.TABLE, "source = 'fills'", span)
    seen = warehouse.count(swaps.TABLE, "true", span)
    return dg.AssetCheckResult(passed=seen == traded + aside, metadata={"swaps": seen, "fills": traded, "set_aside": aside})
