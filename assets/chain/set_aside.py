"""All that is set aside of a recording, from every step, as rows of the quarantine."""

from __future__ import annotations

from datetime import date

import polars as pl

from assets.chain import raw_logs
from assets.chain.blocks import sift_blocks
from assets.chain.decode import DecodedLogs
from assets.chain.pools import pools_of
from assets.chain.setting_aside import is_malformed, malformed_columns, rows_as_json
from assets.chain.tokens import tokens_of
from assets.chain.transactions import sift_transactions
from assets.partitions import Span
from executor.chain.recording import Recording

TIMES_IN_SOURCES = ("block_timestamp", "timestamp", "block_time")


def everything_set_aside(recording: Recording, tokens: pl.DataFrame, pools: pl.DataFrame, decoded: DecodedLogs, span: Span) -> pl.DataFrame:
    """Rows of the quarantine for the span's days; `tokens` and `pools` are the tables of those names.

    What has no day of its own, such as a token, lies with the recording's first day.
    """
    first, last, chain = recording.days[0], recording.days[-1], recording.chain_id
    headers = sift_blocks(recording.blocks(), chain, first, last)
    sent = sift_transactions(recording.transactions(), headers.rows, chain, first, last)
    wrong_tokens = tokens_of(recording.tokens(), chain).filter(pl.col("reason").is_not_null()).with_columns(day=pl.lit(first))
    wrong_pools = pools_of(recording.pools(), tokens, chain).filter(pl.col("reason").is_not_null()).with_columns(day=pl.lit(first))
    frames = [
        rejected_rows(recording.rejected(), first, last),
        headers.set_aside,
        sent.set_aside,
        rows_as_json(wrong_tokens, wrong_tokens.columns, "tokens", pl.col("token")),
        rows_as_json(wrong_pools, wrong_pools.columns, "pools", pl.col("pool")),
        logs_left_out(recording.logs(), chain, first, last),
        decoded.set_aside,
        untradable(decoded.swaps, pools),
    ]
    return pl.concat(frames).filter(pl.col("day").is_between(span.first, span.last))


def rejected_rows(rejected: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """What the recording itself could not write down, on the day its row tells, else on the first."""
    numbered = rejected.with_row_index("number")
    moments = [
        pl.col("row").str.json_path_match(f"$.{name}").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False) for name in TIMES_IN_SOURCES
    ]
    return numbered.select(
        source=pl.format("recording.{}", "table"),
        reason=pl.col("reason").str.split(":").list.first().str.to_lowercase().str.replace_all("[^a-z0-9]+", "_").str.strip_chars("_"),
        detail=pl.format("{} (found in {}).", "reason", pl.col("source").fill_null("the source")),
        row_key=pl.format("rejected:{}", "number"),
        row_json="row",
        day=pl.coalesce(*moments, pl.lit(first)).clip(first, last),
    ).select("source", "reason", "detail", "row_key", "row_json", "day")


def logs_left_out(logs: pl.DataFrame, chain_id: int, first: date, last: date) -> pl.DataFrame:
    """Recorded logs that no partition holds, and rows that are no logs at all."""
    rows = raw_logs.as_rows(logs, chain_id)
    outside = ~pl.col("day").is_between(first, last)
    told = rows.filter(outside | is_malformed(raw_logs.TABLE)).with_columns(
        reason=pl.when(outside).then(pl.lit("outside_days")).otherwise(pl.lit("malformed_log")),
        detail=pl.when(outside)
        .then(pl.format("The log says {}, the recording's days are " + f"{first} to {last}.", "block_time"))
        .otherwise(pl.format("{}; fetch the log again.", malformed_columns(raw_logs.TABLE))),
        day=pl.col("day").clip(first, last),
    )
    return rows_as_json(told, rows.columns, "recording.logs", pl.format("{}:{}:{}", "block_number", "log_index", "source_row"))


def untradable(swaps: pl.DataFrame, pools: pl.DataFrame) -> pl.DataFrame:
    """Swaps that cannot become trades of the ledger, because a token of their pool or its decimals are unknown."""
    unknown = pools.filter(~tradable()).select("pool", "label")
    told = swaps.join(unknown, on="pool").with_columns(
        reason=pl.lit("unknown_token"),
        detail=pl.format("A token of pool {} or its decimals are unknown; add it to the recording's tokens.", "label"),
    )
    key = pl.format("{}:{}:{}", "chain_id", "block_number", "log_index")
    return rows_as_json(told, ["block_number", "block_hash", "log_index", "tx_hash", "pool", "amount0", "amount1"], "fills", key)


def tradable() -> pl.Expr:
    """Whether both tokens of a pool are known, decimals included; over rows of `pools`."""
    return (pl.col("token0") != "") & (pl.col("token1") != "") & pl.col("decimals0").is_not_null() & pl.col("decimals1").is_not_null()
