"""The planner tells how long a test takes as the rule itself would, and refuses the hopeless with a way out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput, HopelessTrial
from models.experiments.evidence import log_e_value, weigh
from models.experiments.planner import Wish, _t_bar, blocks_for, plan, refuse_profit
from models.experiments.policy import PromotionPolicy
from models.experiments.rollout import read_rollout

POLICY, ROLLOUT = PromotionPolicy.read(), read_rollout()
ANY_LIFT = replace(POLICY, min_lift=0.0, min_blocks=3)
WISH = Wish(lift=0.1, base_cost_bps=20, orders_per_day=1_200, saving_sd_bps=25)


def of_signal(signal: float, lift: float = 0.1) -> Wish:
    """A wish whose daily saving is that many standard deviations: 100 bps at a lift of 100 %, one order a day."""
    return Wish(lift=lift, base_cost_bps=100, orders_per_day=1, saving_sd_bps=lift * 100 / signal)


@pytest.mark.parametrize("signal", [2.0, 1.0])
def test_the_planned_power_is_the_power_of_the_evidence_itself(signal):
    blocks, method = blocks_for(of_signal(signal), ANY_LIFT)
    assert method == "simulated" and blocks is not None

    def promoted(seed: int) -> int:
        savings = np.random.default_rng(seed).normal(signal, 1, blocks)
        path, means = weigh(savings).e_values, np.cumsum(savings)
        reached = (path >= ANY_LIFT.bar) & (means > 0)
        return int(reached.argmax()) + 1 if reached.any() else blocks + 1

    firsts = np.array([promoted(seed) for seed in range(400)])
    # A power of 80 % and no sooner; 0.06 are three standard deviations of 400 trials.
    assert (firsts <= blocks).mean() >= 0.8 - 0.06
    assert (firsts <= blocks - 1).mean() < 0.8 + 0.06


@given(st.integers(3, 3_000))
def test_for_any_number_of_blocks_the_t_that_promotes_is_where_the_e_value_meets_the_bar(blocks):
    bar = _t_bar(blocks, POLICY)
    if np.isfinite(bar):
        assert log_e_value(blocks, bar * bar) == pytest.approx(np.log(POLICY.bar), abs=1e-6)
    else:
        assert log_e_value(blocks, 1e12) < np.log(POLICY.bar)


@settings(max_examples=10, deadline=None)
@given(st.floats(0.4, 3.0), st.floats(1.05, 2.0))
def test_for_any_wish_a_clearer_saving_never_takes_longer(signal, clearer):
    slow, fast = blocks_for(of_signal(signal), ANY_LIFT)[0], blocks_for(of_signal(signal * clearer), ANY_LIFT)[0]
    assert slow is not None and fast is not None and fast <= slow


def test_the_least_lift_costs_days_when_the_lift_is_just_that():
    just, without = blocks_for(of_signal(1.4, lift=0.05), POLICY)[0], blocks_for(of_signal(1.4, lift=0.05), ANY_LIFT)[0]
    assert just is not None and without is not None and just > 2 * without


def test_a_good_test_is_planned_with_the_canary_that_follows():
    found = plan(WISH, POLICY, ROLLOUT)
    assert found.days == found.blocks <= 10 and found.blocks >= POLICY.min_blocks
    # 20 orders at 1 % of 1,200 a day are 40 hours; the other stages last 24, 24, 48 and 24.
    assert found.canary_days == 7 and found.policy_sha256 == POLICY.sha256
    assert found.signal == pytest.approx(2.0 / (25 / 1_200**0.5))


def test_a_split_of_one_in_ten_is_hopeless_where_shadow_is_not_and_says_so():
    with pytest.raises(HopelessTrial, match=r"policy allows 60\. The cheapest change is the design") as refused:
        plan(replace(WISH, lift=0.05, design="split", share=0.1), POLICY, ROLLOUT)
    assert refused.value.facts["change"] == "design"
    assert refused.value.facts["needed_days"] > refused.value.facts["max_days"] == 60


@given(st.floats(-1, 0.999), st.floats(0.01, 0.99), st.floats(0, 1), st.floats(1, 1e6))
def test_for_any_split_pairing_is_at_least_as_clear(correlation, share, likeness, orders):
    split = Wish(0.1, 20, orders, 25, correlation, likeness, "split", share)
    assert split.spread(24) >= replace(split, design="shadow").spread(24) * (1 - 1e-9)


def test_what_the_refusal_proposes_is_possible():
    few = Wish(0.075, 20, 60, 25)
    with pytest.raises(HopelessTrial, match="more orders") as refused:
        plan(few, POLICY, ROLLOUT)
    needed = int(str(refused.value).split("more orders: ")[1].split(" a day")[0].replace(",", ""))
    assert plan(replace(few, orders_per_day=needed), POLICY, ROLLOUT).days <= 60
    with pytest.raises(HopelessTrial):
        plan(replace(few, orders_per_day=needed * 0.9), POLICY, ROLLOUT)


def test_savings_that_are_alike_are_not_cured_by_more_orders_but_by_a_bolder_challenger():
    alike = Wish(0.075, 20, 1_200, 25, likeness=0.2)
    with pytest.raises(HopelessTrial, match="bolder challenger") as refused:
        plan(alike, POLICY, ROLLOUT)
    lift = float(str(refused.value).split("a lift of ")[1].split("%")[0]) / 100
    assert plan(replace(alike, lift=lift), POLICY, ROLLOUT).days <= 60


def test_noise_that_no_lift_outshines_is_called_so():
    with pytest.raises(HopelessTrial, match="No lift would show") as refused:
        plan(Wish(0.1, 1, 10, 10_000, likeness=1.0), POLICY, ROLLOUT)
    assert refused.value.facts["change"] == "saving_sd_bps"
    with pytest.raises(HopelessTrial, match="no end in sight"):
        plan(Wish(0.1, 0.01, 10, 10_000, likeness=1.0), POLICY, ROLLOUT)


def test_a_lift_below_the_policys_least_is_never_promoted():
    with pytest.raises(HopelessTrial, match="policy asks for 5%"):
        plan(replace(WISH, lift=0.04), POLICY, ROLLOUT)


def test_profit_is_refused_with_the_years_it_would_take():
    refused = refuse_profit("sharpe", 0.05, POLICY)
    # (z.99 + z.80)² · 2(1 − ρ) / (lift · Sharpe / √365)²
    assert refused.facts["needed_days"] == pytest.approx((2.3263 + 0.8416) ** 2 * 0.2 / (0.05 * 3 / 365**0.5) ** 2, rel=1e-3)
    assert "(89 years)" in str(refused) and "net_cost_bps" in str(refused)
    assert refuse_profit("pnl", 0.5, POLICY).facts["needed_days"] == pytest.approx(refused.facts["needed_days"] / 100, abs=1)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("lift", 0.0),
        ("lift", 1.1),
        ("base_cost_bps", 0.0),
        ("orders_per_day", float("nan")),
        ("saving_sd_bps", -1.0),
        ("correlation", 1.0),
        ("likeness", 1.5),
        ("design", "switchback"),
        ("share", 1.0),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused_by_name(field, value):
    with pytest.raises(BadInput) as refused:
        replace(WISH, **{field: value})
    assert refused.value.facts["field"] == field
