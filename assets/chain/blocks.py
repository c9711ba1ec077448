"""Blocks: one row per header, orphaned ones included, so that a reorg can be seen."""

from bisect import bisect_right
from datetime import date

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain.hourly import per_hour
from assets.chain.judging import Sifted, judge, malformed, outside, split
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.chain.setting_aside import is_malformed
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import AMOUNT, CHAIN, COUNT, DATE, FLAG, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "blocks",
    row="One block header.",
    columns=columns(
        CHAIN,
        Column("block_number", COUNT, "Height of the block."),
        Column("block_hash", TEXT, "Hash of the block; empty when the source did not tell it."),
        Column("parent_hash", TEXT, "Hash of the block before; empty when unknown."),
        Column("block_time", TIME, "Time of the block, UTC."),
        Column("base_fee_per_gas", AMOUNT, "Base fee, wei per gas (EIP-1559).", nullable=True),
        Column("gas_used", COUNT, "Gas used by the block.", nullable=True),
        Column("gas_limit", COUNT, "Gas the block may use.", nullable=True),
        Column("is_canonical", FLAG, "False for a block that a reorg replaced."),
        DATE,
    ),
    key=(
        "block_number",
        "block_hash",
    ),
)


def sift_blocks(blocks: pl.DataFrame, chain_id: int, first_day: date, last_day: date) -> Sifted:
    """The recording's headers as rows of the table `blocks`."""
    told = blocks.select(
        pl.lit(chain_id, pl.Int64).alias("chain_id"),
        pl.col("number").alias("block_number"),
        pl.col("hash").fill_null("").alias("block_hash"),
        pl.col("parent_hash").fill_null("").alias("parent_hash"),
        pl.col("timestamp").alias("block_time"),
        "base_fee_per_gas",
        "gas_used",
        "gas_limit",
        "is_canonical",
        day=pl.col("timestamp").dt.date(),
    ).with_row_index("row")
    impossible_gas = (pl.col("gas_used") > pl.col("gas_limit")) | (pl.col("gas_used") < 0)
    # Only a sound header makes another one a repeat.
    sound = told.with_columns(is_sound=~(impossible_gas.fill_null(False) | is_malformed(TABLE)))
    judged = sound.with_columns(
        copy=pl.col("row").rank("ordinal").over("block_number", "block_hash", "is_sound"),
        canonical=pl.col("is_canonical").cast(pl.Int64).cum_sum().over("block_number", "is_sound"),
    )
    rules = {
        "impossible_gas": (impossible_gas, pl.format("Gas used {} of a limit of {}.", "gas_used", "gas_limit")),
        "malformed_block": malformed(TABLE),
        "duplicate_block": (
            pl.col("copy") > 1,
            pl.format("Header {} {} is there already; the first is kept.", "block_number", "block_hash"),
        ),
        "conflicting_block": (
            pl.col("is_canonical") & (pl.col("canonical") > 1),
            pl.format("Block {} has another canonical header; ask the node which one was replaced.", "block_number"),
        ),
        "outside_days": outside(first_day, last_day),
    }
    judged = judge(judged, rules)
    late = _out_of_step(judged.filter(pl.col("reason").is_null() & pl.col("is_canonical")).sort("block_number"))
    judged = judged.with_columns(
        reason=pl.when(pl.col("row").is_in(late)).then(pl.lit("block_time_goes_back")).otherwise("reason"),
        detail=pl.when(pl.col("row").is_in(late))
        .then(pl.format("Block {} says {}, which contradicts the times of the blocks around it.", "block_number", "block_time"))
        .otherwise("detail"),
    )
    key = pl.format("{}:{}:{}:{}", "chain_id", "block_number", "block_hash", "row")
    return split(judged, TABLE.names, TABLE.names, "blocks", key, (first_day, last_day))


def _out_of_step(canonical: pl.DataFrame) -> list[int]:
    """The fewest rows to set aside so that time never goes back as the block number grows."""
    times = canonical["block_time"]
    if times.is_sorted():
        return []
    # The longest non-decreasing run of times is kept: one wrong clock must not condemn every block after it.
    moments = times.cast(pl.Int64).to_list()
    tails: list[int] = []
    ends: list[int] = []
    before: list[int | None] = []
    for index, moment in enumerate(moments):
        place = bisect_right(tails, moment)
        before.append(ends[place - 1] if place else None)
        tails[place : place + 1] = [moment]
        ends[place : place + 1] = [index]
    kept: set[int] = set()
    at: int | None = ends[-1]
    while at is not None:
        kept.add(at)
        at = before[at]
    return [row for index, row in enumerate(canonical["row"].to_list()) if index not in kept]


@daily(TABLE)
def blocks(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Headers of the chain, those a reorg replaced included.

    A header that contradicts itself or its neighbours is in the quarantine instead.
    """
    recording = recorded_chain.recording()
    span = inside_days(recording, Span.of(context))
    rows = sift_blocks(recording.blocks(), recording.chain_id, recording.days[0], recording.days[-1]).rows
    rows = rows.filter(pl.col("day").is_between(span.first, span.last))
    return warehouse.write(
        TABLE,
        rows,
        context,
        blocks_per_hour=pictures.sparkline(per_hour(rows["block_time"]), "blocks per hour"),
        replaced_blocks=rows.filter(~pl.col("is_canonical")).height,
    )


def broken_links(rows: pl.DataFrame) -> pl.DataFrame:
    """Canonical blocks whose parent hash is not the hash of the canonical block before, where both are known."""
    line = rows.filter(pl.col("is_canonical")).sort("block_number")
    follows = pl.col("block_number").shift(1) == pl.col("block_number") - 1
    known = (pl.col("parent_hash") != "") & (pl.col("block_hash").shift(1) != "")
    return line.filter(follows & known & (pl.col("parent_hash") != pl.col("block_hash").shift(1)))


def missing_headers(rows: pl.DataFrame) -> int:
    """How many canonical headers lack between the first and the last."""
    number = pl.col("block_number")
    told = rows.filter(pl.col("is_canonical")).select(number.max() - number.min() + 1 - number.n_unique()).item()
    return 0 if told is None else int(told)


@dg.asset_check(asset=blocks, blocking=True)
def parent_hashes_form_one_chain(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each canonical block names the one before it as its parent, where the source told the hashes."""
    rows = warehouse.read(TABLE, Span.of(context))
    broken = broken_links(rows)
    return dg.AssetCheckResult(
        passed=broken.is_empty(),
        metadata={
            "broken_links": broken.height,
            "first_blocks": str(broken["block_number"].head(5).to_list()),
            "hashes_told": rows.filter(pl.col("parent_hash") != "").height,
        },
    )


@dg.asset_check(asset=blocks)
def no_header_is_missing(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """There is a header for every number from the first to the last, unless the source told logs alone."""
    rows = warehouse.read(TABLE, Span.of(context))
    gaps = missing_headers(rows)
    from_logs_alone = rows.filter(pl.col("parent_hash") != "").is_empty()
    return dg.AssetCheckResult(
        passed=gaps == 0 or from_logs_alone,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"missing_headers": gaps, "headers_come_from_logs_alone": from_logs_alone},
    )
