"""The training set: orders of the first days with what waiting would have saved; nothing of the days they are judged on."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import action_costs, features, trial
from assets.learning.answers import WAIT
from assets.tables import whole
from assets.warehouse import Warehouse
from domain.features import FEATURES
from domain.schemas import RATIO, TEXT, TIME, Column, Table, columns
from models.features import off_by_one, too_good
from models.training import COSTS, WAIT_RESIDUAL

TABLE = Table(
    "training_set",
    row="One order that teaches.",
    columns=columns(
        Column("order_id", TEXT, "The order."),
        Column("arrived_at", TIME, "When it arrived, UTC."),
        (Column(feature.name, RATIO, f"{feature.description} Unit: {feature.unit}.") for feature in FEATURES),
        (Column(cost, RATIO, "What it would have cost under this action, bps against the reference at arrival.") for cost in COSTS),
        Column(WAIT_RESIDUAL, RATIO, "What waiting saved beyond the best that could be quoted at once, bps."),
    ),
    key=("order_id",),
)


@whole(TABLE, deps=[features.features, action_costs.action_costs])
def training_set(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """Orders of the first days: what the challenger learns from.

    Purged: an order whose outcome would reach into the days of the trial teaches nothing.
    """
    rows = trial.teaching_orders(warehouse)
    daily = rows.group_by(pl.col("arrived_at").dt.date().alias("day")).agg(pl.col(WAIT_RESIDUAL).mean()).sort("day")
    return warehouse.write(
        TABLE,
        rows,
        context,
        waiting_by_day=pictures.bars({day.isoformat(): gain for day, gain in daily.iter_rows()}, "mean gain of waiting by day, bps"),
        training_ends=trial.training_ends().isoformat(),
    )


@dg.asset_check(asset=training_set, blocking=True)
def no_lesson_reaches_into_the_trial(warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every outcome in the training set was known before the first judged order arrived."""
    late = warehouse.scan(TABLE).filter(pl.col("arrived_at") + WAIT >= trial.training_ends()).select(pl.len()).collect().item()
    return dg.AssetCheckResult(passed=late == 0, metadata={"late": late, "trial_begins": trial.trial_begins().isoformat()})


@dg.asset_check(asset=training_set, blocking=True)
def no_feature_gives_the_answer_away(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No single feature tells what waiting brought: one that does was made from the outcome."""
    found = too_good(warehouse.read(TABLE), WAIT_RESIDUAL)
    return dg.AssetCheckResult(passed=not found, metadata={"features": ", ".join(found)})


@dg.asset_check(asset=training_set, blocking=True)
def no_feature_belongs_to_the_order_before(warehouse: Warehouse) -> dg.AssetCheckResult:
    """No feature tells its own order's outcome much worse than the next order's value of it does: that one was written down a row late."""
    found = off_by_one(warehouse.read(TABLE), WAIT_RESIDUAL)
    return dg.AssetCheckResult(passed=not found, metadata={"features": ", ".join(found)})
