"""Swaps: every trade in every pool, decoded from the raw logs, exact to the base unit."""

import dagster as dg

from assets import pictures
from assets.chain import blocks, pools, raw_logs
from assets.chain.decode import rows_of
from assets.chain.decoded_days import decoded_days
from assets.chain.hourly import per_hour
from assets.chain.recorded_chain import RecordedChain
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, DATE, LOG_KEY, POOL, RATIO, TEXT, TICK, WORD, Column, Table, columns

TABLE = Table(
    "swaps",
    row="One swap.",
    columns=columns(
        LOG_KEY,
        POOL,
        Column("sender", TEXT, "Contract that called the pool."),
        Column("recipient", TEXT, "Address that received the bought token."),
        Column("amount0", AMOUNT, "Change of the pool's first token, base units: positive means the pool received it."),
        Column("amount1", AMOUNT, "Change of the pool's second token, base units: positive means the pool received it."),
        Column(
            "sqrt_price_x96",
            WORD,
            "Square root of the price after the swap, Q64.96, 32 bytes big-endian; concentrated pools only.",
            nullable=True,
        ),
        Column("liquidity", AMOUNT, "Liquidity in range after the swap; concentrated pools only.", nullable=True),
        Column("tick", TICK, "Tick after the swap; concentrated pools only.", nullable=True),
        Column("protocol_fees0", AMOUNT, "Protocol's part of the fee in the first token, where the venue tells it.", nullable=True),
        Column("protocol_fees1", AMOUNT, "Protocol's part of the fee in the second token, where the venue tells it.", nullable=True),
        Column(
            "amount0_out",
            AMOUNT,
            "First token given before netting; constant-product pools only. Received: amount0 + amount0_out.",
            nullable=True,
        ),
        Column(
            "amount1_out",
            AMOUNT,
            "Second token given before netting; constant-product pools only. Received: amount1 + amount1_out.",
            nullable=True,
        ),
        Column(
            "price",
            RATIO,
            "Price of the first token in the second, whole tokens: after the swap for concentrated pools, of the swap itself for others.",
            nullable=True,
        ),
        DATE,
    ),
    key=(
        "block_number",
        "log_index",
        "block_hash",
    ),
)


@daily(TABLE, deps=[raw_logs.raw_logs, blocks.blocks, pools.pools])
def swaps(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Every trade in every pool, exact to the base unit.

    Decoded from the raw logs of all venues; logs that cannot be read or that a reorg took back are in the quarantine.
    """
    rows = rows_of(TABLE, decoded_days(warehouse, recorded_chain, Span.of(context)).swaps)
    per_venue = {venue: float(count) for venue, count in rows["venue"].value_counts().sort("venue").iter_rows()}
    return warehouse.write(
        TABLE,
        rows,
        context,
        swaps_per_hour=pictures.sparkline(per_hour(rows["block_time"]), "swaps per hour"),
        swaps_per_venue=pictures.bars(per_venue, "swaps per venue"),
        pools=rows["pool"].n_unique(),
    )


@dg.asset_check(asset=swaps)
def every_swap_takes_one_token_and_gives_the_other(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """No concentrated pool received both tokens or gave both in one swap."""
    both = "protocol = 'concentrated' and ((amount0 > 0 and amount1 > 0) or (amount0 < 0 and amount1 < 0))"
    wrong = warehouse.count(TABLE, both, Span.of(context))
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"one_sided": wrong})
