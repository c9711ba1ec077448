"""The trial's calendar and rule: which days teach, from when on orders are judged, and the promotion policy that decides."""

from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import polars as pl

from assets.learning import action_costs, features
from assets.learning.answers import WAIT
from assets.partitions import Span, days
from assets.warehouse import Warehouse
from domain.features import NAMES
from models.experiments.policy import PromotionPolicy
from models.training import COSTS, WAIT_RESIDUAL, purge

SEED = 20260105


@cache
def policy() -> PromotionPolicy:
    """The shipped promotion policy, read once."""
    return PromotionPolicy.read()


def first_day() -> date:
    """The first day of the recording."""
    return date.fromisoformat(days.get_partition_keys()[0])


def training_ends() -> datetime:
    """The midnight after the last day that teaches."""
    return datetime.combine(first_day(), time(), UTC) + timedelta(days=policy().training_days)


def trial_begins() -> datetime:
    """From when on orders are judged: the training's end and the embargo after it."""
    return training_ends() + timedelta(hours=policy().embargo_hours)


def teaching_orders(warehouse: Warehouse) -> pl.DataFrame:
    """The orders of the days that teach, with their features and outcomes; those whose outcome reaches past the end are purged."""
    span = Span(first_day(), training_ends().date() - timedelta(days=1))
    known = warehouse.read(features.TABLE, span).select("order_id", "arrived_at", *NAMES)
    outcomes = warehouse.read(action_costs.TABLE, span).select("order_id", *COSTS, WAIT_RESIDUAL)
    return purge(known.join(outcomes, on="order_id"), training_ends(), WAIT)


def judged_orders(warehouse: Warehouse, span: Span | None) -> pl.DataFrame:
    """The orders of the trial on the run's days, with features and outcomes."""
    known = warehouse.read(features.TABLE, span).filter(pl.col("arrived_at") >= trial_begins())
    outcomes = warehouse.read(action_costs.TABLE, span).select("order_id", *COSTS)
    return known.select("order_id", "arrived_at", *NAMES, "day").join(outcomes, on="order_id", how="left").sort("arrived_at", "order_id")
