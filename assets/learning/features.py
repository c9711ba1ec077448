"""Features: each order of the trial, what it could have had at once, and the numbers known when it arrived."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.chain import liquidity_events, pools, swaps
from assets.chain.as_of import with_the_day_before
from assets.learning.answers import ask
from assets.learning.replay import Tape
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.features import FEATURES
from domain.schemas import AMOUNT, COUNT, DATE, RATIO, TEXT, TIME, Column, Table, columns
from models.features import differing, late

TABLE = Table(
    "features",
    row="One order of the trial, as it was known when it arrived.",
    columns=columns(
        Column("order_id", TEXT, "Identity of the order: its day and stretch of the day."),
        Column("arrived_at", TIME, "When it arrived: at the end of this block, UTC."),
        Column("known_at", TIME, "When the youngest fact behind the features became known, UTC; never later than the arrival."),
        Column("block_number", COUNT, "Block at whose end it arrived."),
        Column("token_in", TEXT, "Address of the token sold."),
        Column("symbol_in", TEXT, "Symbol of the token sold."),
        Column("token_out", TEXT, "Address of the token bought."),
        Column("symbol_out", TEXT, "Symbol of the token bought."),
        Column("amount_in", AMOUNT, "Sold, base units."),
        Column("amount_out_now", AMOUNT, "Bought on the best single path at once, base units."),
        Column(
            "amount_out_split",
            AMOUNT,
            "Bought when shared between two paths at once, base units; empty when there is no second path.",
            nullable=True,
        ),
        Column("pools_now", COUNT, "Pools on the best single path."),
        Column("pools_split", COUNT, "Pools of the split.", nullable=True),
        Column("reference_rate", RATIO, "Whole tokens bought per whole token sold on the external market at arrival."),
        (
            Column(feature.name, RATIO, f"{feature.description} Unit: {feature.unit}. From: {feature.source}; known {feature.known}.")
            for feature in FEATURES
        ),
        DATE,
    ),
    key=("order_id",),
)


def features_of(tape: Tape, span: Span) -> pl.DataFrame:
    """The rows of this table for the span's days."""
    return frame_of(TABLE, ask(tape, span.dates()).rows)


def frame_of(table: Table, rows: list[dict]) -> pl.DataFrame:
    """Rows as a frame of the table's own types, empty ones too."""
    return pl.DataFrame(rows, schema=table.schema, orient="row") if rows else table.empty()


def mean_of(rows: pl.DataFrame, column: str) -> float:
    """The mean of a column, added up in the order of the orders so that it is the same to the last bit; 0 of nothing."""
    values = rows.sort("order_id")[column].to_list()
    return sum(values) / len(values) if values else 0.0


@daily(
    TABLE,
    deps=[
        swaps.swaps,
        liquidity_events.liquidity_events,
        pools.pools,
        with_the_day_before("pool_states"),
        with_the_day_before("reference_prices"),
        with_the_day_before("gas_prices"),
    ],
)
def features(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Orders of the trial and all that was known of them then.

    The orders are drawn from the day's seed and asked of the recorded pools; nobody sent them. Each number is computed by the function
    that the executor uses when it decides (`domain/features.py`), from facts no later than the order.
    """
    span = Span.of(context)
    assert span is not None  # a daily table always has days
    tape = Tape.read(warehouse, span)
    asked = ask(tape, span.dates())
    rows = frame_of(TABLE, asked.rows)
    costs = rows.sort("arrived_at")["quoted_now_bps"]
    return warehouse.write(
        TABLE,
        rows,
        context,
        quoted_cost=pictures.sparkline(costs.to_list(), "quoted cost of executing at once, bps"),
        mean_quoted_cost_bps=mean_of(rows, "quoted_now_bps"),
        unaskable_orders=sum(asked.unaskable.values()),
        pools_without_all_ticks=", ".join(tape.unquotable()),
        unaskable_because=dict(sorted(asked.unaskable.items())),
        largest_split_saving_bps=max(rows["split_saving_bps"].to_list(), default=0.0),
    )


@dg.asset_check(asset=features, blocking=True)
def no_fact_is_younger_than_its_order(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every fact behind a feature was known when the order arrived."""
    found = late(warehouse.read(TABLE, Span.of(context)))
    return dg.AssetCheckResult(passed=found == 0, metadata={"late": found})


@dg.asset_check(asset=features, blocking=True)
def no_feature_knows_the_future(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """With everything after an order cut away, its features come out the same.

    Asked of the middle order of the last day, from the recorded logs anew.
    """
    span = Span.of(context)
    assert span is not None
    last = Span(span.last, span.last)
    told = warehouse.read(TABLE, last).sort("arrived_at")
    if told.is_empty():
        return dg.AssetCheckResult(passed=True, metadata={"orders": 0})
    order = told[told.height // 2]
    again = features_of(Tape.read(warehouse, last).until(order["arrived_at"].item()), last).filter(
        pl.col("order_id") == order["order_id"].item()
    )
    found = differing(order, again)
    return dg.AssetCheckResult(passed=not found, metadata={"order": order["order_id"].item(), "differing": ", ".join(found)})
