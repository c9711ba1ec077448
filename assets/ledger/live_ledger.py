"""The live ledger: what stands of the live trades, one row per trade, folded from the listener's small appends."""

import dagster as dg
import polars as pl
from deltalake import DeltaTable

from assets import pictures
from assets.chain.hourly import per_hour
from assets.ledger import live_trades
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, COUNT, LOG_KEY, RATIO, TEXT, Column, Table, columns

# A day of small files is read as fast as one file up to about so many.
MANY_FILES = 64

# Without a `day`: its days are those the listener saw, not the recording's, so it is rewritten whole.
TABLE = Table(
    "live_ledger",
    row="One trade that stands.",
    columns=columns(
        LOG_KEY,
        Column("venue", TEXT, "Kind of market: DEX."),
        Column("protocol", TEXT, "Exchange the pool belongs to."),
        Column("pool", TEXT, "Address of the pool."),
        Column("sender", TEXT, "Who called the pool."),
        Column("recipient", TEXT, "Who received what was bought."),
        Column("token_in", TEXT, "Address of the token the pool received."),
        Column("token_out", TEXT, "Address of the token the pool gave."),
        Column("amount_in", AMOUNT, "Received by the pool, base units."),
        Column("amount_out", AMOUNT, "Given by the pool, base units."),
        Column("fee_pips", COUNT, "Fee of the pool, hundredths of a basis point.", nullable=True),
        Column("order_id", TEXT, "Our order that the transaction belongs to.", nullable=True),
        Column("lag_seconds", RATIO, "From the block's time until it was in the lake, seconds."),
    ),
    key=("chain_id", "block_number", "log_index", "block_hash"),
)


def standing(changes: pl.DataFrame) -> pl.DataFrame:
    """The trades whose changes add up to one. From its first block on, a ledger that was built anew speaks for those before it."""
    ledgers = (
        changes.group_by("chain_id", "ledger")
        .agg(begun=pl.col("written_at").min(), first_block=pl.col("block_number").min())
        .sort("chain_id", "begun", "ledger", descending=[False, True, True])
        .with_columns(until=pl.col("first_block").cum_min().shift(1).over("chain_id"))
    )
    spoken_for = changes.join(ledgers.select("chain_id", "ledger", "until"), on=["chain_id", "ledger"]).filter(
        pl.col("until").is_null() | (pl.col("block_number") < pl.col("until"))
    )
    key = ["chain_id", "ledger", "block_hash", "log_index"]
    added = (
        spoken_for.sort("seq")
        .group_by(key, maintain_order=True)
        .agg(*(pl.col(name).last() for name in spoken_for.columns if name not in key), total=pl.col("change").sum())
    )
    lag = (pl.col("written_at") - pl.col("block_time")).dt.total_microseconds() / 1e6
    return added.filter(pl.col("total") == 1).with_columns(lag_seconds=lag).select(TABLE.names)


@whole(TABLE, deps=[live_trades.live_trades])
def live_ledger(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """The trades the listener saw and no reorg took back, one row each; empty where nothing was listened to."""
    changes = warehouse.read(live_trades.TABLE)
    rows = standing(changes)
    merged = merge_small_files(warehouse)
    return warehouse.write(
        TABLE,
        rows,
        context,
        trades_per_hour=pictures.sparkline(per_hour(rows["block_time"]), "trades per hour"),
        changes=changes.height,
        retractions=changes.filter(pl.col("change") < 0).height,
        p95_lag_seconds=rows["lag_seconds"].quantile(0.95) or 0.0,
        small_files_merged=merged,
    )


def merge_small_files(warehouse: Warehouse) -> int:
    """Makes few files of many in the table of live trades, without changing a row; returns how many small ones went."""
    if not warehouse.exists(live_trades.TABLE):
        return 0
    table = DeltaTable(warehouse.uri(live_trades.TABLE))
    if len(table.file_uris()) < MANY_FILES:
        return 0
    return int(table.optimize.compact()["numFilesRemoved"])


@dg.asset_check(asset=live_ledger, blocking=True)
def one_block_stands_at_each_height(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No two blocks of the same height stand in the live ledger: a reorg left nothing behind."""
    hashes = warehouse.scan(TABLE).group_by("chain_id", "block_number").agg(blocks=pl.col("block_hash").n_unique())
    wrong = int(hashes.filter(pl.col("blocks") > 1).select(pl.len()).collect().item())
    return dg.AssetCheckResult(passed=wrong == 0, metadata={"heights_with_several_blocks": wrong})
