"""Shadow trials: champion and challenger answer the same orders on the same pools, and both answers are paid for on paper."""

import dagster as dg
import numpy as np
import polars as pl

from assets import pictures
from assets.learning import action_costs, challenger_model, features, trial
from assets.learning.registry import ModelRegistry
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.bundles import ACTIONS, NOW
from domain.schemas import DATE, RATIO, TEXT, TIME, Column, Table, columns
from executor.bundle import LoadedBundle, load_bundle
from models.training import chosen, cost_column, matrix, paid

TABLE = Table(
    "shadow_trials",
    row="One order, answered by both policies.",
    columns=columns(
        Column("order_id", TEXT, "The order."),
        Column("arrived_at", TIME, "When it arrived, UTC."),
        Column("champion_action", TEXT, "What the champion does: now, always."),
        Column("champion_cost_bps", RATIO, "What that cost against the reference at arrival, bps."),
        Column("challenger_action", TEXT, "What the challenger does: now, split or wait."),
        Column("challenger_cost_bps", RATIO, "What that cost against the reference at arrival, bps."),
        Column("saving_bps", RATIO, "What the challenger saved, bps; negative when it was dearer."),
        Column("promised_bps", RATIO, "What its model had promised to save, bps."),
        Column("bundle_sha256", TEXT, "Hash of the challenger's bundle."),
        DATE,
    ),
    key=("order_id",),
)


def trials_of(orders: pl.DataFrame, challenger: LoadedBundle) -> pl.DataFrame:
    """Both answers to each order (features and the cost of every action), by the bundle that would be handed over."""
    promised = np.array(challenger.answer(matrix(orders).tolist()), dtype=np.float64).reshape(orders.height, len(ACTIONS))
    actions = chosen(promised)
    return (
        orders.with_columns(
            champion_action=pl.lit(NOW),
            champion_cost_bps=pl.col(cost_column(NOW)),
            challenger_action=pl.Series([ACTIONS[action] for action in actions], dtype=pl.String),
            challenger_cost_bps=pl.Series(paid(orders, actions), dtype=pl.Float64),
            promised_bps=pl.Series(promised[np.arange(orders.height), actions], dtype=pl.Float64),
            bundle_sha256=pl.lit(challenger.sha256),
        )
        .with_columns(saving_bps=pl.col("champion_cost_bps") - pl.col("challenger_cost_bps"))
        .select(TABLE.names)
    )


@daily(TABLE, deps=[features.features, action_costs.action_costs, challenger_model.challenger_model])
def shadow_trials(context: dg.AssetExecutionContext, warehouse: Warehouse, registry: ModelRegistry) -> dg.MaterializeResult:
    """Both policies' answers to the same orders.

    Paired: same order, same pools, same market. The challenger is asked through its ONNX bundle, as the executor would ask it. Days it
    learned from have no rows.
    """
    orders = trial.judged_orders(warehouse, Span.of(context))
    found = warehouse.read(challenger_model.TABLE)
    if found.is_empty() or orders.is_empty():
        return warehouse.write(TABLE, TABLE.empty(), context)
    digest = found["bundle_sha256"].item()
    rows = trials_of(orders, load_bundle(registry.open().bundles / digest, digest))
    by_action = rows.group_by("challenger_action").agg(pl.col("saving_bps").sum() / rows.height).sort("challenger_action")
    return warehouse.write(
        TABLE,
        rows,
        context,
        saved_by_action=pictures.bars(dict(by_action.iter_rows()), "saving per order by action, bps"),
        mean_saving_bps=features.mean_of(rows, "saving_bps"),
        waits=rows.filter(pl.col("challenger_action") == "wait").height,
        splits=rows.filter(pl.col("challenger_action") == "split").height,
    )


@dg.asset_check(asset=shadow_trials, blocking=True)
def both_arms_answered_every_order(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Every judged order has a cost in both arms: nothing was left out because one of them did not like it."""
    span = Span.of(context)
    orders = trial.judged_orders(warehouse, span)
    has_challenger = not warehouse.read(challenger_model.TABLE).is_empty()
    answered = warehouse.scan(TABLE, span).filter(pl.col("champion_cost_bps").is_finite() & pl.col("challenger_cost_bps").is_finite())
    missing = orders.join(answered.select("order_id").collect(), on="order_id", how="anti").height if has_challenger else 0
    return dg.AssetCheckResult(passed=missing == 0, metadata={"orders": orders.height, "unanswered": missing})
