"""Quarantine: every row that could not be used, whole, with the reason; nothing is dropped silently."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import liquidity_events, pools, raw_logs, swaps, tokens, transactions
from assets.chain.decoded_days import decoded_days
from assets.chain.event_layouts import LIQUIDITY_KINDS, known_topics
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.chain.set_aside import everything_set_aside
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import DATE, TEXT, Column, Table, columns

TABLE = Table(
    "quarantine",
    row="One row that was set aside.",
    columns=columns(
        Column("source", TEXT, "Table the row was meant for."),
        Column("reason", TEXT, "Short name of the rule it broke, such as truncated_data or duplicate_log."),
        Column("detail", TEXT, "What was found and what to do about it."),
        Column("row_key", TEXT, "The row's key in its source."),
        Column("row_json", TEXT, "The whole row as JSON."),
        DATE,
    ),
    key=(
        "source",
        "row_key",
        "reason",
    ),
)


LARGEST_SHARE = 0.01


@daily(
    TABLE, deps=[raw_logs.raw_logs, swaps.swaps, liquidity_events.liquidity_events, transactions.transactions, tokens.tokens, pools.pools]
)
def quarantine(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """Every row that could not be used, whole, with the reason."""
    recording = recorded_chain.recording()
    span = inside_days(recording, Span.of(context))
    decoded = decoded_days(warehouse, recorded_chain, span)
    rows = everything_set_aside(recording, warehouse.read(tokens.TABLE), warehouse.read(pools.TABLE), decoded, span)
    per_reason = {reason: float(count) for reason, count in rows["reason"].value_counts().sort("reason").iter_rows()}
    return warehouse.write(TABLE, rows, context, rows_per_reason=pictures.bars(per_reason, "rows per reason"))


@dg.asset_check(asset=quarantine, blocking=True)
def every_log_is_accounted_for(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Raw logs are exactly the swaps, the liquidity events, the other known events and the rows set aside, together."""
    span = Span.of(context)
    counts = {
        "swaps": warehouse.count(swaps.TABLE, "true", span),
        "liquidity_events": warehouse.count(liquidity_events.TABLE, "true", span),
        "other_known_events": other_known_events(warehouse, span),
        "set_aside": warehouse.count(TABLE, "source = 'raw_logs'", span),
    }
    raw = warehouse.count(raw_logs.TABLE, "true", span)
    return dg.AssetCheckResult(passed=raw == sum(counts.values()), metadata={"raw_logs": raw, **counts})


def other_known_events(warehouse: Warehouse, span: Span | None) -> int:
    """How many raw logs announce an event that changes no price and no amount, such as a transfer of pool shares."""
    kinds = {"concentrated": {"swap", *LIQUIDITY_KINDS["concentrated"]}, "constant_product": {"swap", *LIQUIDITY_KINDS["constant_product"]}}
    kept = pl.DataFrame(
        [(protocol, event) for protocol, events in kinds.items() for event in sorted(events)], schema=["protocol", "event"], orient="row"
    )
    aside = (
        warehouse.scan(TABLE, span)
        .filter(pl.col("source") == "raw_logs")
        .select(source_row=pl.col("row_key").str.split(":").list.last().cast(pl.Int64))
    )
    others = (
        warehouse.scan(raw_logs.TABLE, span)
        .join(aside, on="source_row", how="anti")
        .join(warehouse.scan(pools.TABLE).select("venue", "protocol", address="pool"), on="address")
        .join(known_topics().lazy(), on=["venue", "topic0"])
        .join(kept.lazy(), on=["protocol", "event"], how="anti")
    )
    return int(others.select(pl.len()).collect().item())


@dg.asset_check(asset=quarantine)
def little_is_set_aside(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """At most one row in a hundred is set aside; more means that the source should be looked at."""
    span = Span.of(context)
    aside, raw = warehouse.count(TABLE, "true", span), warehouse.count(raw_logs.TABLE, "true", span)
    return dg.AssetCheckResult(
        passed=aside <= raw * LARGEST_SHARE,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"set_aside": aside, "raw_logs": raw, "share": aside / raw if raw else 0.0},
    )
