"""Action costs: what each order of the trial would have cost, had it been executed at once, split, or after a wait."""

import dagster as dg
import polars as pl

from assets import pictures
from assets.learning import features
from assets.learning.answers import outcome_rows
from assets.learning.replay import Tape
from assets.partitions import Span
from assets.tables import daily
from assets.warehouse import Warehouse
from domain.bundles import ACTIONS
from domain.schemas import AMOUNT, DATE, RATIO, TEXT, TIME, Column, Table, columns
from models.training import cost_column

AGAINST = "against the reference at arrival: fee, impact, deviation and gas, bps of the order's value; positive is a cost."
TABLE = Table(
    "action_costs",
    row="One order of the trial and the outcome of every action.",
    columns=columns(
        Column("order_id", TEXT, "The order."),
        Column("arrived_at", TIME, "When it arrived, UTC."),
        Column("waited_until", TIME, "When the wait was over, UTC."),
        Column("amount_out_wait", AMOUNT, "Bought after the wait, base units; empty when nobody took the order then.", nullable=True),
        Column("cost_now_bps", RATIO, f"Executed at once on the best single path, {AGAINST}"),
        Column("cost_split_bps", RATIO, f"Executed at once, shared between two paths, {AGAINST}"),
        Column("cost_wait_bps", RATIO, f"Executed after the wait on the better of both, the market's drift meanwhile included, {AGAINST}"),
        Column("drift_bps", RATIO, "How far the reference moved against the order during the wait, bps; part of the cost of waiting."),
        Column(
            "wait_residual_bps", RATIO, "What waiting saved beyond the best that could be quoted at once, bps: what the challenger learns."
        ),
        DATE,
    ),
    key=("order_id",),
)


@daily(TABLE, deps=[features.features])
def action_costs(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
    """What each order would have cost under every action.

    Exact amounts from the recorded pools: at arrival, and again when the wait is over. Every order is filled whole, so an action that
    trades less cannot look cheap; one that finds no taker after the wait is charged a thousand bps.
    """
    span = Span.of(context)
    assert span is not None  # a daily table always has days
    rows = features.frame_of(TABLE, list(outcome_rows(Tape.read(warehouse, span), warehouse.read(features.TABLE, span))))
    means = {action: features.mean_of(rows, cost_column(action)) for action in ACTIONS}
    return warehouse.write(
        TABLE,
        rows,
        context,
        mean_cost_by_action=pictures.bars(means, "mean cost by action, bps"),
        unfilled_after_wait=rows["amount_out_wait"].null_count(),
        **{f"mean_{cost_column(action)}": mean for action, mean in means.items()},
    )


@dg.asset_check(asset=action_costs, blocking=True)
def every_order_is_costed_under_every_action(context: dg.AssetCheckExecutionContext, warehouse: Warehouse) -> dg.AssetCheckResult:
    """Each order of the features has one finite cost for each action."""
    span = Span.of(context)
    finite = pl.all_horizontal(pl.col(cost_column(action)).is_finite() for action in ACTIONS)
    costed = warehouse.scan(TABLE, span).filter(finite).select("order_id").collect()
    asked = warehouse.scan(features.TABLE, span).select("order_id").collect()
    missing = asked.join(costed, on="order_id", how="anti").height
    return dg.AssetCheckResult(passed=missing == 0 and costed.height == asked.height, metadata={"orders": asked.height, "missing": missing})
