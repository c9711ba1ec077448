"""Execution quality: what each trade cost against arrival, quote and reference, and what the market did after."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import blocks, event_proofs, liquidity_events, pool_states, pools, reference_prices, swaps
from assets.chain.market_replay import Snapshot, events_in_order, pools_at, snapshots
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.enrichment.day_numbers import tell_day_numbers
from assets.enrichment.execution_costs import execution_costs
from assets.enrichment.market_prices import market_prices
from assets.enrichment.requotes import pool_requotes, without_a_quote
from assets.ledger import trade_ledger
from assets.partitions import Span, the_day_before
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.schemas import CHAIN, COUNT, DATE, FLAG, POOL, RATIO, TEXT, TIME, Column, Table, columns

TABLE = Table(
    "execution_quality",
    row="One trade of the ledger.",
    columns=columns(
        Column("trade_id", TEXT, "The trade in the ledger."),
        CHAIN,
        Column("block_number", COUNT, "Height of the block."),
        Column("log_index", COUNT, "Position of the log in its block."),
        Column("block_time", TIME, "Time of the block, UTC."),
        Column("tx_hash", TEXT, "Hash of the transaction."),
        POOL,
        Column("center", TEXT, "Profit centre."),
        Column("notional_usd", RATIO, "Value sold, dollars.", nullable=True),
        Column(
            "arrival_slippage_bps",
            RATIO,
            "Worse than the pool's mid price at the end of the previous block, bps; positive is a cost.",
            nullable=True,
        ),
        Column(
            "quote_slippage_bps",
            RATIO,
            "Worse than what the pool would have quoted on the state at the end of the previous block, bps; positive is a cost.",
            nullable=True,
        ),
        Column("reference_slippage_bps", RATIO, "Worse than the external market, bps; positive is a cost.", nullable=True),
        Column("price_impact_bps", RATIO, "How far the trade moved the pool's price against itself, bps.", nullable=True),
        Column("markout_1_block_bps", RATIO, "Gain at the pool's mid price one block later, bps; positive is good.", nullable=True),
        Column("markout_10s_bps", RATIO, "Gain at the reference price 10 seconds later, bps.", nullable=True),
        Column("markout_1m_bps", RATIO, "Gain at the reference price a minute later, bps.", nullable=True),
        Column("markout_5m_bps", RATIO, "Gain at the reference price five minutes later, bps.", nullable=True),
        Column("markout_1h_bps", RATIO, "Gain at the reference price an hour later, bps.", nullable=True),
        Column("gas_bps", RATIO, "Gas cost over notional, bps.", nullable=True),
        Column("stopped_at_limit", FLAG, "True for a trade that its own price limit cut short; unknown without a proof.", nullable=True),
        Column(
            "fill_rate",
            RATIO,
            "Filled part of what was asked, 1 when whole. Unknown for a trade stopped at its limit: the log does not tell what was asked.",
            nullable=True,
        ),
        DATE,
    ),
    key=(
        "block_number",
        "log_index",
        "trade_id",
    ),
)


@daily(
    TABLE,
    deps=[
        trade_ledger.TABLE.name,
        event_proofs.TABLE.name,
        pools.TABLE.name,
        blocks.TABLE.name,
        swaps.TABLE.name,
        liquidity_events.TABLE.name,
        reference_prices.TABLE.name,
        dg.AssetDep(pool_states.TABLE.name, partition_mapping=the_day_before),
    ],
)
def execution_quality(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> dg.MaterializeResult:
    """What each trade cost, and what it was worth later.

    Slippage is told against three yardsticks: the pool's mid price when the previous block closed (arrival), what the pool would have
    quoted then (quote, exact), and the external market (reference). Markouts tell what the trade was worth one block, ten seconds, a
    minute, five minutes and an hour later. The one-block markout is empty in the last block of a day, the others where the market's
    record ends. Costs contain the pool's fee; gas stands beside them.
    """
    span = inside_days(recorded_chain.recording(), Span.of(context))
    proofs, known_pools = warehouse.read(event_proofs.TABLE, span), warehouse.read(pools.TABLE)
    # The ledger names market and exchange; here, as in every table about pools, a row has its pool's exchange and shape.
    ledger = warehouse.read(trade_ledger.TABLE, span).drop("venue", "protocol")
    trades = ledger.join(known_pools.select("pool", "venue", "protocol"), on="pool", how="left")
    wanted = without_a_quote(trades, proofs)
    touched = pl.col("pool").is_in(wanted["pool"].unique().to_list())
    events = events_in_order(
        warehouse.read(swaps.TABLE, span).filter(touched), warehouse.read(liquidity_events.TABLE, span).filter(touched)
    )
    requotes = pool_requotes(wanted, proofs, known_pools, _opening(warehouse, recorded_chain, span), events)
    last_blocks = warehouse.read(blocks.TABLE, span).filter("is_canonical").group_by("day").agg(last_block=pl.col("block_number").max())
    costs = execution_costs(trades, proofs, known_pools, last_blocks, requotes, market_prices(warehouse, recorded_chain, span))
    quality = costs.select(TABLE.names)
    medians = ("arrival_slippage_bps", "reference_slippage_bps", "markout_5m_bps")
    numbers = [pl.col(name).median().alias(f"median_{name}") for name in medians]
    stopped = pl.col("stopped_at_limit").sum().alias("trades_stopped_at_limit")
    tell_day_numbers(context, quality.group_by("day").agg(*numbers, stopped))
    return warehouse.write(
        TABLE,
        quality,
        context,
        reference_slippage=pictures.sparkline(_medians(quality, "reference_slippage_bps"), "median reference slippage by hour, bps"),
        markout_5m=pictures.sparkline(_medians(quality, "markout_5m_bps"), "median markout after 5 minutes by hour, bps"),
    )


@dg.asset_check(asset=execution_quality, blocking=True)
def every_trade_has_its_costs(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every trade of the ledger has one row here, and no row is of anything else."""
    span = Span.of(context)
    traded, measured = (warehouse.scan(table, span).select("trade_id").collect() for table in (trade_ledger.TABLE, TABLE))
    missing = traded.join(measured, on="trade_id", how="anti").height
    strange = measured.join(traded, on="trade_id", how="anti").height
    return dg.AssetCheckResult(passed=missing == strange == 0, metadata={"trades": traded.height, "missing": missing, "strange": strange})


@dg.asset_check(asset=execution_quality)
def every_proven_trade_has_a_quote(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every trade whose amounts are proven has a quote to be compared with, or its pool could not have filled it a block earlier."""
    unquoted = warehouse.count(TABLE, "arrival_slippage_bps is not null and quote_slippage_bps is null", Span.of(context))
    trades = warehouse.count(TABLE, "arrival_slippage_bps is not null", Span.of(context))
    return dg.AssetCheckResult(
        passed=unquoted <= trades * MOST_UNQUOTED, severity=dg.AssetCheckSeverity.WARN, metadata={"trades": trades, "unquoted": unquoted}
    )


MOST_UNQUOTED = 0.001  # a pool that is created, filled and traded within one block has no earlier state


def _opening(warehouse: Warehouse, recorded_chain: RecordedChain, span: Span) -> dict[str, Snapshot]:
    """The pools before the first day: as the day before closed them, or as the recording found them."""
    recording = recorded_chain.recording()
    closes = warehouse.read(pool_states.TABLE, span.day_before()).filter("is_day_close")
    places = {pool: (block, log) for pool, block, log in closes.select("pool", "block_number", "log_index").iter_rows()}
    carried = {pool: Snapshot(value, places[pool]) for pool, value in pools_at(closes).items()}
    return {**snapshots(recording.pools(), recording.ticks()), **carried}


def _medians(quality: pl.DataFrame, column: str) -> list[float]:
    hourly = quality.group_by(hour=pl.col("block_time").dt.truncate("1h")).agg(pl.col(column).median()).sort("hour")
    return hourly[column].drop_nulls().to_list()
