"""Transactions behind the logs: who sent them and what their gas cost."""

from datetime import date

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import blocks
from assets.chain.hourly import per_hour
from assets.chain.judging import Sifted, judge, malformed, split
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.chain.setting_aside import is_malformed
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, FLAG, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "transactions",
    row="One transaction that emitted a log we keep.",
    columns=columns(
        CHAIN,
        Column("tx_hash", TEXT, "Hash of the transaction."),
        Column("block_number", COUNT, "Height of the block."),
        Column("block_hash", TEXT, "Hash of the block; empty when unknown."),
        Column("block_time", TIME, "Time of the block, UTC."),
        Column("transaction_index", COUNT, "Position in the block."),
        Column("from_address", TEXT, "Wallet that signed it."),
        Column("to_address", TEXT, "Contract or wallet it was sent to.", nullable=True),
        Column("nonce", COUNT, "The sender's transaction count.", nullable=True),
        Column("value", AMOUNT, "Native token sent along, wei."),
        Column("gas_used", COUNT, "Gas used.", nullable=True),
        Column("effective_gas_price", AMOUNT, "Price paid, wei per gas.", nullable=True),
        Column("succeeded", FLAG, "False when the transaction reverted.", nullable=True),
        DATE,
    ),
    key=(
        "block_number",
        "transaction_index",
        "block_hash",
        "tx_hash",
    ),
)


# The dearest gas ever paid on a public chain is far below; 2^64-1 is what broken sources write for "unknown".
IMPOSSIBLE_GAS_PRICE = 1 << 63


def sift_transactions(transactions: pl.DataFrame, blocks: pl.DataFrame, chain_id: int, first_day: date, last_day: date) -> Sifted:
    """The recording's transactions as rows of the table `transactions`; `blocks` are rows of the table of that name."""
    told = transactions.with_row_index("row").select(
        "row",
        pl.lit(chain_id, pl.Int64).alias("chain_id"),
        pl.col("hash").alias("tx_hash"),
        "block_number",
        pl.col("block_hash").fill_null("").alias("block_hash"),
        "transaction_index",
        "from_address",
        "to_address",
        "nonce",
        "value",
        pl.col("gas_limit").alias("transaction_gas_limit"),
        "gas_used",
        "effective_gas_price",
        pl.col("status").cast(pl.Boolean).alias("succeeded"),
    )
    used, price = pl.col("gas_used"), pl.col("effective_gas_price").cast(pl.Int128)
    impossible_gas = (
        (used < 0)
        | (used > pl.col("transaction_gas_limit"))
        | (used > pl.col("block_gas_limit"))
        | (pl.col("transaction_gas_limit") < 0)
        | ~price.is_between(0, IMPOSSIBLE_GAS_PRICE - 1)
    )
    # Only a sound transaction of the canonical chain makes another one a repeat.
    sound = _with_header(told, blocks).with_columns(is_sound=~(impossible_gas.fill_null(False) | is_malformed(TABLE)))
    judged = sound.with_columns(copy=pl.col("row").rank("ordinal").over("tx_hash", "is_canonical", "is_sound"))
    rules = {
        "unknown_block": (
            pl.col("is_canonical").is_null(),
            pl.format("No header of block {} {} is known; record the header.", "block_number", "block_hash"),
        ),
        "orphaned_block": (~pl.col("is_canonical"), pl.format("Block {} {} was replaced by a reorg.", "block_number", "block_hash")),
        "impossible_gas": (
            impossible_gas,
            pl.format(
                "Gas used {} of a limit of {} at {} wei: no chain allows that; fetch the receipt again.",
                _or_unknown("gas_used"),
                _or_unknown("transaction_gas_limit"),
                _or_unknown("effective_gas_price"),
            ),
        ),
        "malformed_transaction": malformed(TABLE),
        "duplicate_transaction": (pl.col("copy") > 1, pl.format("Transaction {} is there already; the first is kept.", "tx_hash")),
    }
    key = pl.format("{}:{}:{}:{}", "chain_id", "block_number", "tx_hash", "row")
    return split(judge(judged, rules), TABLE.names, [*TABLE.names, "transaction_gas_limit"], "transactions", key, (first_day, last_day))


def _with_header(told: pl.DataFrame, blocks: pl.DataFrame) -> pl.DataFrame:
    """The transactions with time, day and gas limit of their block; where a hash is unknown the canonical block of the number."""
    headers = blocks.select("block_number", "block_hash", "block_time", "day", "is_canonical", block_gas_limit="gas_limit")
    by_hash = told.join(headers.filter(pl.col("block_hash") != ""), on=["block_number", "block_hash"], how="left")
    canonical = headers.filter(pl.col("is_canonical"))
    usable = (pl.col("block_hash") == "") | (pl.col("block_hash_right") == "")
    by_number = by_hash.join(canonical, on="block_number", how="left", suffix="_right")
    return by_number.with_columns(
        pl.coalesce(name, pl.when(usable).then(f"{name}_right")).alias(name)
        for name in ("block_time", "day", "is_canonical", "block_gas_limit")
    ).sort("row")


def _or_unknown(name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).fill_null("unknown")


@daily(TABLE, deps=[blocks.blocks])
def transactions(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Who sent the transactions behind our logs, and their gas.

    A transaction with impossible gas, or of a block that a reorg replaced, is in the quarantine instead.
    """
    recording = recorded_chain.recording()
    span = inside_days(recording, Span.of(context))
    # Judged over all headers of the recording, so that one day alone gives the same rows as all days together.
    headers = blocks.sift_blocks(recording.blocks(), recording.chain_id, recording.days[0], recording.days[-1]).rows
    sifted = sift_transactions(recording.transactions(), headers, recording.chain_id, recording.days[0], recording.days[-1])
    rows = sifted.rows.filter(pl.col("day").is_between(span.first, span.last))
    return warehouse.write(
        TABLE,
        rows,
        context,
        transactions_per_hour=pictures.sparkline(per_hour(rows["block_time"]), "transactions per hour"),
        reverted=rows.filter(~pl.col("succeeded")).height,
        wallets=rows["from_address"].n_unique(),
    )


@dg.asset_check(asset=transactions)
def no_block_is_overfull(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """The transactions we keep never used more gas than their block did."""
    span = Span.of(context)
    used = warehouse.scan(TABLE, span).group_by("block_number").agg(kept=pl.col("gas_used").sum())
    told = warehouse.scan(blocks.TABLE, span).filter(pl.col("is_canonical")).select("block_number", "gas_used")
    overfull = used.join(told, on="block_number").filter(pl.col("kept") > pl.col("gas_used")).collect()
    return dg.AssetCheckResult(passed=overfull.is_empty(), metadata={"overfull_blocks": overfull.height})
