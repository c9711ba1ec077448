"""What the live canary says about cost: every order that was assigned counts, whatever became of it.

Orders an arm refused or filled in part stay in its mean (intention to treat). What was left unfilled is charged with what happened to it:
the move of the reference until the decision's end, and the price of finishing it then. So trading less cannot win by itself.
Arms are compared inside a block of a stage and only then combined: when the share grows while the market changes, pooled means
compare a dear month with a cheap one (Simpson's paradox).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from domain.problems import BadInput
from domain.sequential import CHALLENGER, CHAMPION
from models.experiments.evidence import weigh
from models.experiments.policy import PromotionPolicy

ORDERS: dict[str, Any] = {
    "order_id": pl.String(),
    "ts": pl.Datetime("us", "UTC"),
    "stage": pl.String(),
    "share_bp": pl.Int64(),  # the challenger's share of 10,000 orders at the time
    "arm": pl.String(),
    "filled": pl.Float64(),  # 0 to 1 of the order
    "cost_bps": pl.Float64(),  # of the filled part; null when nothing was filled
    "opportunity_bps": pl.Float64(),  # of the unfilled part: signed move of the reference against the order; null when all was filled
    "rejected": pl.Boolean(),
    "reverted": pl.Boolean(),
    "latency_ms": pl.Float64(),  # null when no answer came
}
OPTIONAL: dict[str, Any] = {
    "finish_bps": pl.Float64(),  # of the unfilled part: fee, impact, gas of finishing at the decision's end, by the champion's shadow
    "shadow_cost_bps": pl.Float64(),  # what the arm's shadow answer promised for this order
}


def canary_orders(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame as the canary's analyses take it: typed, oldest first, with `itt_cost_bps`, the cost of the whole order.

    An order whose `finish_bps` nobody recorded is charged the 95th percentile of the fills of its stage, so that not knowing never helps.
    Raises BadInput naming the column, how many rows are wrong and one of their orders.
    """
    missing = [name for name in ORDERS if name not in frame.columns]
    if missing:
        raise BadInput(f"The canary's orders need the column {missing[0]}.", field=missing[0])
    added = frame.with_columns(pl.lit(None, kind).alias(name) for name, kind in OPTIONAL.items() if name not in frame.columns)
    try:
        orders = added.select(pl.col(name).cast(kind) for name, kind in (ORDERS | OPTIONAL).items()).sort("ts", "order_id")
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"A column of the canary's orders has the wrong type: {error}", field="orders") from error
    _refuse_nonsense(orders)
    fills = pl.col("cost_bps").filter(pl.col("filled") > 0)
    dear = fills.quantile(0.95).over("stage")
    priced = orders.with_columns(finish=pl.coalesce("finish_bps", dear, fills.quantile(0.95)))
    if priced.filter((pl.col("filled") < 1) & pl.col("finish").is_null()).height:
        raise BadInput("No order was filled, so nothing tells what finishing them costs; give finish_bps.", field="finish_bps")
    unfilled = (1 - pl.col("filled")) * (pl.col("opportunity_bps") + pl.col("finish"))
    whole = (pl.col("filled") * pl.col("cost_bps")).fill_null(0.0) + unfilled.fill_null(0.0)
    return priced.with_columns(itt_cost_bps=whole).drop("finish")


def _refuse_nonsense(orders: pl.DataFrame) -> None:
    column = pl.col
    needed = ("order_id", "ts", "stage", "share_bp", "arm", "filled", "rejected", "reverted")
    rules: list[tuple[str, str, pl.Expr]] = [
        *((name, "must be there", column(name).is_null()) for name in needed),
        ("order_id", "must come once", column("order_id").is_duplicated()),
        ("arm", f"must be {CHAMPION} or {CHALLENGER}", ~column("arm").is_in([CHAMPION, CHALLENGER])),
        ("share_bp", "must be from 0 to 10,000", ~column("share_bp").is_between(0, 10_000)),
        ("share_bp", "must be one for all orders of a stage", column("share_bp").n_unique().over("stage") > 1),
        ("filled", "must be from 0 to 1", ~column("filled").is_between(0, 1)),
        ("filled", "must be 0 for a rejected order", column("rejected") & (column("filled") > 0)),
        ("cost_bps", "must be a number where anything was filled", (column("filled") > 0) & ~_finite("cost_bps")),
        ("opportunity_bps", "must be a number where anything was left unfilled", (column("filled") < 1) & ~_finite("opportunity_bps")),
        *((name, "must be a number or absent", ~_finite(name) & column(name).is_not_null()) for name in OPTIONAL),
        (
            "latency_ms",
            "must be 0 or more, or absent",
            ~(_finite("latency_ms") & (column("latency_ms") >= 0)) & column("latency_ms").is_not_null(),
        ),
    ]
    for field, rule, wrong in rules:
        bad = orders.filter(wrong)
        if bad.height:
            raise BadInput(f"{field} {rule}; {bad.height} orders break that, such as {bad['order_id'][0]}.", field=field, rows=bad.height)


def _finite(name: str) -> pl.Expr:
    return pl.col(name).is_finite().fill_null(False)


@dataclass(frozen=True, slots=True)
class StageReading:
    """One stage: orders and mean cost (bps of the whole order) of each arm, and the saving over its blocks."""

    stage: str
    share_bp: int
    blocks: int
    champion_orders: int
    challenger_orders: int
    champion_cost_bps: float | None
    challenger_cost_bps: float | None
    saving_bps: float


@dataclass(frozen=True, slots=True)
class CanaryReading:
    """All stages together. `saving_bps` is positive when the challenger is cheaper; `naive_saving_bps` is what the filled orders alone,
    pooled over the stages, would have said, and is there to be compared, not believed."""

    stages: tuple[StageReading, ...]
    saving_bps: float
    naive_saving_bps: float | None
    champion_cost_bps: float
    e_value: float
    bar: float
    blocks: int
    orders: int

    @property
    def dearer(self) -> bool:
        """Whether the challenger is proved to cost more when live: the verdict is ROLLBACK."""
        return self.saving_bps < 0 and self.e_value >= self.bar

    @property
    def reason(self) -> str:
        """The sentence a person reads."""
        told = f"live, over {self.blocks} blocks, the challenger saves {self.saving_bps:.2f} of {self.champion_cost_bps:.2f} bps"
        return f"{told}; e-value {self.e_value:.3g}, {self.bar:.3g} decides."


def read_canary(orders: pl.DataFrame, policy: PromotionPolicy) -> CanaryReading:
    """The canary's cost by stage and together (a frame of `canary_orders`); anytime-valid, like the trial's evidence.

    A block's difference weighs as much as its smaller arm allows, n₁n₂ / (n₁ + n₂), the inverse of its variance; the evidence is over
    differences brought to one variance by the same weights. The block that is still open is left for later.
    """
    blocks = _blocks(orders, policy)
    saving, weight = blocks["saving"].to_numpy(), blocks["weight"].to_numpy()
    evidence = weigh(saving * np.sqrt(weight), policy.prior_scale)
    read = tuple(
        _stage(stage, share_bp, part, blocks) for (stage, share_bp), part in orders.group_by("stage", "share_bp", maintain_order=True)
    )
    fills = orders.filter(pl.col("filled") > 0)
    paid, asked = _cost(fills, CHAMPION, "cost_bps"), _cost(fills, CHALLENGER, "cost_bps")
    return CanaryReading(
        stages=read,
        saving_bps=_mean(saving, weight),
        naive_saving_bps=None if paid is None or asked is None else paid - asked,
        champion_cost_bps=_mean(blocks["champion_cost"].to_numpy(), weight),
        e_value=evidence.e_value,
        bar=policy.bar,
        blocks=blocks.height,
        orders=orders.height,
    )


def _blocks(orders: pl.DataFrame, policy: PromotionPolicy) -> pl.DataFrame:
    length = policy.block_hours * 3600
    since = (pl.col("ts") - pl.col("ts").min().over("stage")).dt.total_seconds()
    # One order counts at most this much, as in the shadow trial.
    cost = pl.col("itt_cost_bps").clip(-policy.clip_bps, policy.clip_bps)
    numbered = orders.with_columns(block=since // length, since=since, cost=cost)
    current = orders["stage"][-1] if orders.height else ""
    # Orders stop a little before a block's end; it counts as complete when its last order came in its last hour.
    last = numbered.filter(pl.col("stage") == current)["since"].max() or 0
    done = (pl.col("stage") != current) | ((pl.col("block") + 1) * length <= pl.lit(last) + 3600)
    arms = {arm: pl.col("arm") == arm for arm in (CHAMPION, CHALLENGER)}
    gathered = numbered.filter(done).group_by("stage", "block", maintain_order=True)
    counted = gathered.agg(
        *(pl.col("cost").filter(of).mean().alias(f"{arm}_cost") for arm, of in arms.items()),
        *(of.sum().cast(pl.Float64).alias(f"{arm}_orders") for arm, of in arms.items()),
    ).filter((pl.col("champion_orders") > 0) & (pl.col("challenger_orders") > 0))
    both = pl.col("champion_orders") + pl.col("challenger_orders")
    return counted.with_columns(
        saving=pl.col("champion_cost") - pl.col("challenger_cost"), weight=pl.col("champion_orders") * pl.col("challenger_orders") / both
    )


def _stage(stage: Any, share_bp: Any, orders: pl.DataFrame, blocks: pl.DataFrame) -> StageReading:
    mine = blocks.filter(pl.col("stage") == stage)
    counts = {arm: orders.filter(pl.col("arm") == arm).height for arm in (CHAMPION, CHALLENGER)}
    return StageReading(
        stage=stage,
        share_bp=share_bp,
        blocks=mine.height,
        champion_orders=counts[CHAMPION],
        challenger_orders=counts[CHALLENGER],
        champion_cost_bps=_cost(orders, CHAMPION, "itt_cost_bps"),
        challenger_cost_bps=_cost(orders, CHALLENGER, "itt_cost_bps"),
        saving_bps=_mean(mine["saving"].to_numpy(), mine["weight"].to_numpy()),
    )


def _cost(orders: pl.DataFrame, arm: str, column: str) -> float | None:
    mean = orders.filter(pl.col("arm") == arm)[column].mean()
    return float(mean) if isinstance(mean, float) else None


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(np.average(values, weights=weights)) if len(values) else 0.0
