"""Pool states: the exact state of each pool at the close of each hour, from which any later state can be rebuilt."""

import polars as pl

from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, FLAG, POOL, RATIO, TEXT, TICK, TIME, WORD, Column, Table, columns

TABLE = Table(
    "pool_states",
    row="One pool at the close of one hour (every pool has a row at the close of each day).",
    columns=columns(
        CHAIN,
        POOL,
        Column("hour", TIME, "Start of the hour, UTC; the state is the one at its end."),
        Column("fee_pips", COUNT, "Fee in hundredths of a basis point: 3000 is 0.30 %."),
        Column("tick_spacing", COUNT, "Ticks between two possible position bounds; concentrated pools only.", nullable=True),
        Column("is_day_close", FLAG, "True for the last hour of the day: the state the next day starts from."),
        Column("block_number", COUNT, "Height of the last block that changed the pool."),
        Column("log_index", COUNT, "Position of the last log that changed it."),
        Column("sqrt_price_x96", WORD, "Square root of the price, Q64.96, 32 bytes big-endian.", nullable=True),
        Column("tick", TICK, "Current tick.", nullable=True),
        Column("liquidity", AMOUNT, "Liquidity in range.", nullable=True),
        Column("reserve0", AMOUNT, "First reserve; constant-product pools only.", nullable=True),
        Column("reserve1", AMOUNT, "Second reserve; constant-product pools only.", nullable=True),
        Column("price", RATIO, "Mid price, whole second token per whole first token; unknown where decimals are.", nullable=True),
        Column(
            "ticks",
            pl.List(pl.Struct({"tick": TICK, "liquidity_gross": AMOUNT, "liquidity_net": AMOUNT, "is_inferred": FLAG})),
            "Initialised ticks in order; the gross liquidity is empty where only the net could be inferred.",
            nullable=True,
        ),
        Column("accruals", TEXT, "Fee growth, protocol fees and fee settings as JSON of decimal strings.", nullable=True),
        DATE,
    ),
    key=(
        "pool",
        "hour",
    ),
)


def unbalanced(states: pl.LazyFrame) -> pl.LazyFrame:
    """States whose ticks contradict their liquidity; those with inferred ticks are left out, for they may lack some."""
    each = (
        states.filter(pl.col("ticks").list.len() > 0)
        .select("pool", "hour", "liquidity", "ticks", current="tick")
        .explode("ticks")
        .unnest("ticks")
    )
    net = pl.col("liquidity_net")
    sums = each.group_by("pool", "hour").agg(
        all_ticks=net.sum(),
        in_range=pl.when(pl.col("tick") <= pl.col("current")).then(net).otherwise(0).sum(),
        liquidity=pl.col("liquidity").first(),
        inferred=pl.col("is_inferred").any(),
    )
    return sums.filter(~pl.col("inferred") & ((pl.col("all_ticks") != 0) | (pl.col("in_range") != pl.col("liquidity"))))
