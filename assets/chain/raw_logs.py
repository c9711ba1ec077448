"""Raw logs: every log as it came from the chain, kept for good; all decoded tables can be rebuilt from here."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain.hourly import per_hour
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.chain.setting_aside import is_malformed
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import COUNT, DATE, LOG_KEY, TEXT, WORD, Column, Table, columns

TABLE = Table(
    "raw_logs",
    row="One log as the chain emitted it.",
    columns=columns(
        LOG_KEY,
        Column("address", TEXT, "Contract that emitted the log."),
        Column("topic0", TEXT, "Hash of the event's signature.", nullable=True),
        Column("topic1", TEXT, "Indexed argument 1, 32 bytes as hex.", nullable=True),
        Column("topic2", TEXT, "Indexed argument 2, 32 bytes as hex.", nullable=True),
        Column("topic3", TEXT, "Indexed argument 3, 32 bytes as hex.", nullable=True),
        Column("data", WORD, "The other arguments, ABI-encoded, as raw bytes."),
        Column("source_row", COUNT, "Position of the row in the recording: tells exact repeats apart."),
        DATE,
    ),
    key=("source_row",),
)


def as_rows(logs: pl.DataFrame, chain_id: int) -> pl.DataFrame:
    """The recorded logs as rows of this table, untouched; an unknown block hash is empty text."""
    return logs.with_row_index("source_row").select(
        pl.lit(chain_id, pl.Int64).alias("chain_id"),
        "block_number",
        pl.col("block_hash").fill_null(""),
        pl.col("block_timestamp").alias("block_time"),
        pl.col("transaction_hash").alias("tx_hash"),
        "transaction_index",
        "log_index",
        "address",
        "topic0",
        "topic1",
        "topic2",
        "topic3",
        "data",
        pl.col("source_row").cast(pl.Int64),
        day=pl.col("block_timestamp").dt.date(),
    )


def raw_logs_of(logs: pl.DataFrame, chain_id: int, span: Span) -> pl.DataFrame:
    """The recorded logs of the span's days that are logs at all; a row without a proper hash or address goes to the quarantine."""
    inside = pl.col("day").is_between(span.first, span.last)
    return as_rows(logs, chain_id).filter(inside & ~is_malformed(TABLE))


def rows_out_of_order(rows: pl.DataFrame) -> int:
    """How many rows stand in the source behind one that the chain puts after them; reading by key heals them."""
    ordered = rows.sort("source_row").select(
        number="block_number", log="log_index", number_before=pl.col("block_number").shift(1), log_before=pl.col("log_index").shift(1)
    )
    same = pl.col("number") == pl.col("number_before")
    return ordered.filter((pl.col("number") < pl.col("number_before")) | (same & (pl.col("log") < pl.col("log_before")))).height


@daily(TABLE)
def raw_logs(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Every log of our pools, as the chain emitted it.

    Nothing is read into it: repeated, truncated and orphaned logs are here too, and every decoded table can be rebuilt from
    this one.
    """
    recording = recorded_chain.recording()
    rows = raw_logs_of(recording.logs(), recording.chain_id, inside_days(recording, Span.of(context)))
    return warehouse.write(
        TABLE,
        rows,
        context,
        logs_per_hour=pictures.sparkline(per_hour(rows["block_time"]), "logs per hour"),
        rows_out_of_order=rows_out_of_order(rows),
        contracts=rows["address"].n_unique(),
    )


@dg.asset_check(asset=raw_logs, blocking=True)
def every_recorded_log_is_here(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain
) -> dg.AssetCheckResult:
    """Every log that the recording holds for these days is in the table, once; what is no log at all is counted beside."""
    recording = recorded_chain.recording()
    span = inside_days(recording, Span.of(context))
    rows = as_rows(recording.logs(), recording.chain_id).filter(pl.col("day").is_between(span.first, span.last))
    recorded = rows.filter(~is_malformed(TABLE))["source_row"]
    here = warehouse.scan(TABLE, span).select("source_row").collect()["source_row"]
    return dg.AssetCheckResult(
        passed=recorded.sort().equals(here.sort()),
        metadata={"recorded": rows.height, "here": here.len(), "malformed": rows.height - recorded.len()},
    )
