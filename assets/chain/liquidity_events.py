"""Liquidity events: mints, burns, collects, syncs and fee settings, decoded from the raw logs."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import blocks, pools, raw_logs
from assets.chain.decode import rows_of
from assets.chain.decoded_days import decoded_days
from assets.chain.recorded_chain import RecordedChain
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, DATE, LOG_KEY, POOL, TEXT, TICK, WORD, Column, Table, columns

TABLE = Table(
    "liquidity_events",
    row="One event that changes a pool without being a swap.",
    columns=columns(
        LOG_KEY,
        POOL,
        Column("kind", TEXT, "initialize, mint, burn, collect, sync, set_fee_protocol, collect_protocol or flash."),
        Column("owner", TEXT, "Owner of the position, where there is one.", nullable=True),
        Column("tick_lower", TICK, "Lower bound of the position.", nullable=True),
        Column("tick_upper", TICK, "Upper bound of the position.", nullable=True),
        Column("liquidity", AMOUNT, "Liquidity added or removed.", nullable=True),
        Column("amount0", AMOUNT, "First token moved, or reserve after a sync, base units.", nullable=True),
        Column("amount1", AMOUNT, "Second token moved, or reserve after a sync, base units.", nullable=True),
        Column("paid0", AMOUNT, "First token a flash paid back above the loan, base units.", nullable=True),
        Column("paid1", AMOUNT, "Second token a flash paid back above the loan, base units.", nullable=True),
        Column("sqrt_price_x96", WORD, "Starting price of an initialize, Q64.96, 32 bytes big-endian.", nullable=True),
        Column("tick", TICK, "Starting tick of an initialize.", nullable=True),
        Column("fee_protocol0", COUNT, "New protocol fee setting, first token.", nullable=True),
        Column("fee_protocol1", COUNT, "New protocol fee setting, second token.", nullable=True),
        DATE,
    ),
    key=(
        "block_number",
        "log_index",
        "block_hash",
    ),
)


@daily(TABLE, deps=[raw_logs.raw_logs, blocks.blocks, pools.pools])
def liquidity_events(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Mints, burns and all else that changes a pool but a swap."""
    rows = rows_of(TABLE, decoded_days(warehouse, recorded_chain, Span.of(context)).liquidity_events)
    per_kind = {kind: float(count) for kind, count in rows["kind"].value_counts().sort("kind").iter_rows()}
    return warehouse.write(TABLE, rows, context, events_per_kind=pictures.bars(per_kind, "events per kind"))


@dg.asset_check(asset=liquidity_events)
def every_position_lies_on_its_pool_s_ticks(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each position starts below its end, both on the spacing of its pool."""
    spacing = warehouse.scan(pools.TABLE).select("pool", "tick_spacing")
    positions = warehouse.scan(TABLE, Span.of(context)).filter(pl.col("tick_lower").is_not_null()).join(spacing, on="pool")
    off = (pl.col("tick_lower") % pl.col("tick_spacing") != 0) | (pl.col("tick_upper") % pl.col("tick_spacing") != 0)
    wrong = positions.filter(off | (pl.col("tick_lower") >= pl.col("tick_upper"))).select("pool", "tx_hash").collect()
    return dg.AssetCheckResult(
        passed=wrong.is_empty(), metadata={"misplaced": wrong.height, "first": str(wrong["tx_hash"].head(3).to_list())}
    )
