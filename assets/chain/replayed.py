"""The replay as a step of the graph: one pass over the events gives two tables, the proofs and the pools' states."""

from collections.abc import Iterator, Mapping
from datetime import datetime

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import event_proofs, liquidity_events, pool_states, pools, swaps
from assets.chain.market_replay import Snapshot, pools_at, snapshots
from assets.chain.pool_facts import facts_of
from assets.chain.proving import Replayed, replay
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.partitions import Span, days, in_one_run, the_day_before
from assets.tables import column_schema
from assets.warehouse import Warehouse
from domain.problems import BadInput
from domain.schemas import Table
from executor.chain.recording import Recording


def _spec(table: Table, description: str) -> dg.AssetSpec:
    return dg.AssetSpec(
        table.name,
        deps=[
            "swaps",
            "liquidity_events",
            "blocks",
            "pools",
            dg.AssetDep("pool_states", partition_mapping=the_day_before),
        ],
        description=description,
        kinds={"polars", "deltalake"},
        code_version="1",
        metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table.name, "one_row_is": table.row},
    )


@dg.multi_asset(
    specs=[
        _spec(
            event_proofs.TABLE,
            "Each swap, mint and burn re-derived to the wei.\n\nThe pool's own mathematics is run on the state before the event; "
            "an event that does not follow means a lost log, a reorg or a rule of the pool that we do not know.",
        ),
        _spec(
            pool_states.TABLE,
            "The exact state of each pool at the close of each hour.\n\nAny later state can be rebuilt from here; "
            "the next day's proofs start from it.",
        ),
    ],
    partitions_def=days,
    backfill_policy=in_one_run,
)
def replayed(context: dg.AssetExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain) -> Iterator[dg.MaterializeResult]:
    """Replays the days' events from the state at the close of the day before."""
    recording = recorded_chain.recording()
    span = inside_days(recording, Span.of(context))
    found = replay_days(warehouse, recording, span)
    exact = found.proofs.filter(pl.col("verdict") == "exact").height
    per_verdict = {verdict: float(count) for verdict, count in found.proofs["verdict"].value_counts().sort("verdict").iter_rows()}
    yield warehouse.write(
        pool_states.TABLE,
        found.states.select(pool_states.TABLE.names),
        context,
        pools_with_state=found.states["pool"].n_unique(),
        price_of_the_busiest_pool=_busiest(found),
    )
    yield warehouse.write(
        event_proofs.TABLE,
        found.proofs,
        context,
        exact_share=exact / found.proofs.height if found.proofs.height else 1.0,
        ticks_crossed=int(found.proofs["ticks_crossed"].sum()),
        events_per_verdict=pictures.bars(per_verdict, "events per verdict"),
    )


def replay_days(warehouse: Warehouse, recording: Recording, span: Span) -> Replayed:
    """The days' events over the pools, from where the day before left them."""
    start = _closes_before(warehouse, recording, span)
    told = snapshots(recording.pools(), recording.ticks())
    return replay(
        warehouse.read(swaps.TABLE, span),
        warehouse.read(liquidity_events.TABLE, span),
        facts_of(warehouse.read(pools.TABLE)),
        start,
        told,
        snapshot_times(told, recording.blocks()),
        (span.first, span.last),
    )


def _closes_before(warehouse: Warehouse, recording: Recording, span: Span) -> dict[str, Snapshot]:
    """The pools as the day before the span left them; raises BadInput when that day lacks, for nothing could be proved then."""
    if span.first <= recording.days[0]:
        return {}
    eve = span.day_before()
    closes = warehouse.read(pool_states.TABLE, eve).filter(pl.col("is_day_close"))
    if closes.is_empty() and recording.pools()["has_state"].any():
        raise BadInput(
            f"The pools' states at the close of {eve.first} are missing; materialise pool_states of that day first, or all days together.",
            field="day",
            day=eve.first.isoformat(),
        )
    positions = {row["pool"]: (row["block_number"], row["log_index"]) for row in closes.iter_rows(named=True)}
    return {pool: Snapshot(value, positions[pool]) for pool, value in pools_at(closes).items()}


def snapshot_times(told: Mapping[str, Snapshot], blocks_: pl.DataFrame) -> dict[str, datetime]:
    """When each snapshot was taken: the time of the last block known up to it. Snapshots from before all blocks have none."""
    taken = pl.DataFrame(
        [(pool, one.position[0]) for pool, one in told.items()], schema={"pool": pl.String, "number": pl.Int64}, orient="row"
    )
    known = blocks_.filter(pl.col("is_canonical")).select("number", "timestamp").sort("number")
    dated = taken.sort("number").join_asof(known, on="number").drop_nulls("timestamp")
    return dict(dated.select("pool", "timestamp").iter_rows())


def _busiest(found: Replayed) -> dg.MarkdownMetadataValue:
    """The hourly price of the pool with the most proven events."""
    counts = found.proofs["pool"].value_counts().sort(["count", "pool"], descending=[True, False])
    busiest = found.states.filter(pl.col("pool") == (counts["pool"].first() or "")).sort("hour")
    return pictures.sparkline(busiest["price"].to_list(), "price")


def pools_with_inferred_ticks(recording: Recording) -> pl.DataFrame:
    """Pools whose starting ticks were read off events, so that a tick nobody touched may lack."""
    return recording.ticks().filter(pl.col("is_inferred")).select("pool").unique()


@dg.asset_check(asset="event_proofs", blocking=True)
def every_swap_is_rederived_to_the_wei(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain
) -> dg.AssetCheckResult:
    """Every swap is re-derived to the wei from the pool's previous state."""
    return event_proofs.judged(warehouse, pools_with_inferred_ticks(recorded_chain.recording()), Span.of(context), ["swap"])


@dg.asset_check(asset="event_proofs", blocking=True)
def every_mint_and_burn_is_rederived_to_the_wei(
    context: dg.AssetCheckExecutionContext, warehouse: Warehouse, recorded_chain: RecordedChain
) -> dg.AssetCheckResult:
    """The amounts of every mint and burn follow to the wei from the pool's previous state."""
    return event_proofs.judged(warehouse, pools_with_inferred_ticks(recorded_chain.recording()), Span.of(context), ["mint", "burn"])


@dg.asset_check(asset="event_proofs")
def the_product_of_the_reserves_never_falls_in_a_swap(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """In constant-product pools the product of the reserves is at least what it was before each swap."""
    proofs = warehouse.scan(event_proofs.TABLE, Span.of(context)).filter(pl.col("protocol") == "constant_product").collect()
    falls = event_proofs.falling_products(proofs)
    return dg.AssetCheckResult(passed=falls.is_empty(), metadata={"falls": falls.height, "first": str(falls["tx_hash"].head(3).to_list())})


@dg.asset_check(asset="pool_states", blocking=True)
def the_ticks_add_up_to_the_liquidity(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """In each state the net liquidity of the ticks up to the price is the liquidity in range, and all ticks net to zero."""
    wrong = pool_states.unbalanced(warehouse.scan(pool_states.TABLE, Span.of(context))).collect()
    return dg.AssetCheckResult(
        passed=wrong.is_empty(), metadata={"unbalanced": wrong.height, "pools": str(wrong["pool"].unique().sort().head(3).to_list())}
    )


@dg.asset_check(asset="pool_states")
def every_pool_closes_every_day(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """From the first day a pool's state is known, each day has its close: the next day's proofs start there."""
    states = warehouse.scan(pool_states.TABLE, Span.of(context))
    last = states.select(pl.col("day").max()).collect().item()
    closes = states.group_by("pool").agg(first=pl.col("day").min(), closes=pl.col("is_day_close").sum()).collect()
    expected = (pl.lit(last) - pl.col("first")).dt.total_days() + 1
    short = closes.filter(pl.col("closes") != expected) if closes.height else closes
    return dg.AssetCheckResult(passed=short.is_empty(), metadata={"pools": closes.height, "pools_with_a_day_missing": short.height})
