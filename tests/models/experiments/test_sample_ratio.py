"""Orders that get lost on the way to one arm void the experiment; chance seldom does, however often one looks."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assignment import bucket_of, is_challengers
from domain.problems import BadInput
from domain.sequential import CHALLENGER, CHAMPION
from models.experiments.rollout import read_rollout
from models.experiments.sample_ratio import SampleRatio, log_e_path, misassigned, sample_ratio
from tests.models.experiments.canaries import canary, checked

POLICY = read_rollout()
RAMP = (("canary_1", 100, 5), ("canary_10", 1_000, 5), ("canary_50", 5_000, 5))


def drawn(share: float, orders: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).random(orders) < share


def test_orders_that_come_as_assigned_are_seldom_called_a_mismatch_at_any_look():
    false = sum(log_e_path(drawn(0.1, 20_000, seed), 1_000, 100).max() >= math.log(1_000) for seed in range(500))
    assert false <= 3  # 0.1 % of 500 and more than three standard deviations


def test_an_arm_that_loses_a_third_of_its_orders_is_found_within_a_few_thousand():
    # Of 50 % assigned, a third never arrives: 40 % are left.
    paths = [log_e_path(drawn(0.4, 5_000, seed), 5_000, 100) for seed in range(50)]
    assert all(path.max() >= math.log(1_000) for path in paths)
    assert np.median([(path >= math.log(1_000)).argmax() for path in paths]) < 1_000


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 10_000), st.floats(1, 1_000))
def test_for_any_orders_counting_one_by_one_and_all_at_once_agree(challengers, share_bp, concentration):
    check = SampleRatio(share_bp, concentration, 0.001)
    path = log_e_path(np.array(challengers, dtype=bool), share_bp, concentration)
    for is_challenger, log_e in zip(challengers, path, strict=True):
        check.add(CHALLENGER if is_challenger else CHAMPION)
        assert check.log_e == pytest.approx(log_e, abs=1e-8)


@given(st.integers(1, 9_999), st.floats(1, 1_000), st.integers(0, 6))
def test_for_any_share_the_e_value_is_expected_to_be_one_when_orders_come_as_assigned(share_bp, concentration, orders):
    share, total = share_bp / 10_000, 0.0
    for pattern in range(2**orders):
        arms = np.array([pattern >> place & 1 for place in range(orders)], dtype=bool)
        path = log_e_path(arms, share_bp, concentration)
        total += share ** arms.sum() * (1 - share) ** (orders - arms.sum()) * math.exp(path[-1] if orders else 0.0)
    assert total == pytest.approx(1.0)


def test_the_stages_of_a_ramp_are_strata_whose_evidence_multiplies():
    orders = checked(canary(RAMP))
    reading = sample_ratio(orders, POLICY)
    assert not reading.mismatch and reading.stage is None and "were due" in reading.reason
    check = SampleRatio(100, POLICY.sample_ratio_concentration, POLICY.sample_ratio_alpha)
    for stage, share_bp, _ in RAMP:
        check.next_stage(share_bp)
        for arm in orders.filter(pl.col("stage") == stage)["arm"]:
            check.add(arm)
    assert reading.e_value == pytest.approx(math.exp(check.peak))
    assert reading.expected_challenger_orders == pytest.approx(5 + 50 + 250)
    assert not check.mismatch


def test_a_changed_share_is_no_mismatch_though_the_pooled_counts_fit_no_share():
    orders = checked(canary((("canary_1", 100, 20), ("canary_50", 5_000, 20))))
    assert not sample_ratio(orders, POLICY).mismatch
    pooled = log_e_path((orders["arm"] == CHALLENGER).to_numpy(), 100, 100)
    assert pooled.max() > math.log(1_000)


def test_an_arm_without_a_share_that_has_an_order_is_a_mismatch_at_once():
    orders = checked(canary((("shadow", 0, 2), ("canary_50", 5_000, 2))))
    one = orders.with_columns(arm=pl.when(pl.col("order_id") == "shadow-7").then(pl.lit(CHALLENGER)).otherwise("arm"))
    reading = sample_ratio(one, POLICY)
    assert (reading.mismatch, reading.stage) == (True, "shadow")
    assert "Find what loses orders" in reading.reason
    assert not sample_ratio(orders, POLICY).mismatch
    full = SampleRatio(10_000, 100, 0.001)
    full.add(CHAMPION)
    assert full.mismatch


def test_a_mismatch_that_was_seen_stays_one():
    check = SampleRatio(5_000, 100, 0.001)
    for arm in [CHAMPION] * 100 + [CHALLENGER] * 100:
        check.add(arm)
    assert check.log_e < math.log(1_000) <= check.peak and check.mismatch


def test_no_orders_say_nothing():
    reading = sample_ratio(checked(canary()).clear(), POLICY)
    assert (reading.e_value, reading.orders, reading.mismatch) == (1.0, 0, False)


def test_an_order_in_the_wrong_arm_is_named():
    orders = canary()
    right = [CHALLENGER if is_challengers(bucket_of(order, "salt"), 5_000) else CHAMPION for order in orders["order_id"]]
    fitting = orders.with_columns(arm=pl.Series(right))
    assert misassigned(fitting, "salt") == []
    wrong = fitting["order_id"][3]
    other = pl.when(pl.col("arm") == CHAMPION).then(pl.lit(CHALLENGER)).otherwise(pl.lit(CHAMPION))
    assert misassigned(fitting.with_columns(arm=pl.when(pl.col("order_id") == wrong).then(other).otherwise("arm")), "salt") == [wrong]


@pytest.mark.parametrize(
    ("share_bp", "concentration", "alpha", "field"),
    [
        (-1, 100, 0.1, "share_bp"),
        (10_001, 100, 0.1, "share_bp"),
        (100, 0, 0.1, "concentration"),
        (100, math.inf, 0.1, "concentration"),
        (100, 1, 1, "alpha"),
    ],
)
def test_a_check_that_could_not_mean_anything_is_refused(share_bp, concentration, alpha, field):
    with pytest.raises(BadInput) as refused:
        SampleRatio(share_bp, concentration, alpha)
    assert refused.value.facts["field"] == field


def test_an_unknown_arm_is_refused():
    with pytest.raises(BadInput, match="no arm 'somebody'"):
        SampleRatio(100, 100, 0.1).add("somebody")
