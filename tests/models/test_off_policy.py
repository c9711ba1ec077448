"""The gate: it knows a better policy from a worse one by another's log, and says when the log cannot tell."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from domain.problems import BadInput
from models.execution import COSTS, chosen, quotable, saving_of
from models.off_policy import Gate, GateSettings, gate, log_orders
from models.policies import quote_offset
from models.policies.quote_offset import QuoteOffset
from models.training import matrix
from tests.models.order_book import orders


class Always:
    """Takes one action, whatever the order."""

    def __init__(self, action: int) -> None:
        self.action = action

    def answers(self, rows: np.ndarray) -> np.ndarray:
        return np.tile(np.eye(3)[self.action], (len(rows), 1))


def book(seed: int, days: int = 8, **world) -> pl.DataFrame:
    return orders(days=days, seed=seed, **world).with_columns(quoted_now_bps=pl.col(COSTS[0]).cast(pl.Float32).cast(pl.Float64))


def logged(frame: pl.DataFrame, explore: float = 0.3, seed: int = 1) -> pl.DataFrame:
    return log_orders(frame, frame.select(COSTS).to_numpy(), chosen(quotable(matrix(frame))), explore, seed)


@pytest.fixture(scope="module")
def model() -> QuoteOffset:
    lessons = book(3)
    return QuoteOffset(quote_offset.fit(matrix(lessons), lessons["wait_residual_bps"].to_numpy(), 1), 1.0)


@pytest.fixture(scope="module")
def judged(model: QuoteOffset) -> list[tuple[Gate, float]]:
    """Five logs of the same world, the gate's answer to each, and what the policy would really have saved."""
    frames = [book(20 + seed) for seed in range(5)]
    return [(gate(logged(frame, seed=at), model), saving_of(frame, model.answers(matrix(frame)))) for at, frame in enumerate(frames)]


def test_a_policy_that_saves_passes_with_the_figures_a_person_reads(judged) -> None:
    assert all(one.passes for one, _ in judged)
    assert "saves" in judged[0][0].reason and judged[0][0].effective_orders > 150


def test_the_interval_holds_what_the_policy_would_really_have_saved(judged) -> None:
    held = sum(one.interval[0] <= truth <= one.interval[1] for one, truth in judged)
    assert held >= 3  # nine of ten are meant to


def test_doubly_robust_is_nearer_to_the_truth_than_weighting_alone(judged) -> None:
    def off(estimates: list[float]) -> float:
        return float(np.sqrt(np.mean([(estimate - truth) ** 2 for estimate, (_, truth) in zip(estimates, judged, strict=True)])))

    doubly, ips = off([one.estimate for one, _ in judged]), off([one.ips for one, _ in judged])
    assert doubly < ips
    assert doubly < 1.0


def test_waiting_whatever_the_order_is_stopped() -> None:
    frame = book(30).with_columns(pl.col(COSTS[2]) + 10)
    told = gate(logged(frame), Always(2))
    assert not told.passes and told.estimate < 0 and "more than 0 is needed" in told.reason


def test_a_log_that_hardly_ever_did_the_same_cannot_tell() -> None:
    frame = book(31, days=1)
    told = gate(logged(frame, explore=0.05), Always(2), GateSettings(least_effective_orders=50))
    assert not told.passes and "50 are needed" in told.reason


def test_a_log_that_never_did_the_same_is_worth_nothing() -> None:
    frame = book(31, days=1)
    told = gate(logged(frame, explore=0.3).with_columns(action=pl.lit(1, pl.Int64)), Always(2))
    assert not told.passes and told.effective_orders == 0.0


def test_no_orders_pass_nobody() -> None:
    told = gate(logged(book(31, days=1)).clear(), Always(1))
    assert not told.passes and told.orders == 0


def test_a_log_without_times_is_judged_order_by_order(model: QuoteOffset) -> None:
    assert gate(logged(book(32)).drop("arrived_at"), model).passes


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (pl.lit(0.0).alias("propensity"), "propensity"),
        (pl.lit(1.5).alias("propensity"), "propensity"),
        (pl.lit(3, pl.Int64).alias("action"), "action"),
        (pl.lit(float("nan")).alias("cost_bps"), "cost_bps"),
    ],
)
def test_a_log_that_cannot_be_true_is_refused_by_name(change: pl.Expr, field: str) -> None:
    log = logged(book(31, days=1))
    with pytest.raises(BadInput) as problem:
        gate(log.with_columns(change), Always(1))
    assert problem.value.facts["field"] == field
    with pytest.raises(BadInput, match="The log has no"):
        gate(log.drop(field), Always(1))
