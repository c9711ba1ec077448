"""With many candidates one looks good by chance: the bar counts them."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from models.experiments.decision import Decision, decide
from models.experiments.evidence import weigh
from models.experiments.multiplicity import bonferroni, e_bh, e_lond, judge_family
from models.experiments.policy import PromotionPolicy

POLICY = PromotionPolicy.read()
BAR = POLICY.bar
E_VALUES = st.dictionaries(st.sampled_from("abcdefgh"), st.floats(0, 1e6), min_size=1, max_size=8)


def test_three_good_ones_of_four_help_each_other_over_the_bar():
    e_values = {"a": 70.0, "b": 80.0, "c": 90.0, "d": 1.0}
    assert e_bh(e_values, BAR) == (("c", "b", "a"), pytest.approx(BAR * 4 / 3))
    assert bonferroni(e_values, BAR) == ((), 4 * BAR)


def test_one_candidate_meets_the_bar_it_would_meet_alone():
    for rule in (e_bh, bonferroni):
        assert rule({"a": BAR}, BAR) == (("a",), BAR)
        assert rule({"a": BAR * 0.99}, BAR) == ((), BAR)


@given(E_VALUES)
def test_for_any_candidates_e_bh_keeps_whom_bonferroni_keeps_and_nobody_without_evidence(e_values):
    kept, bar = e_bh(e_values, BAR)
    assert set(bonferroni(e_values, BAR)[0]) <= set(kept)
    assert all(e_values[name] >= bar * (1 - 1e-12) >= BAR * (1 - 1e-12) for name in kept)


@given(E_VALUES, st.floats(0, 1e6))
def test_for_any_candidates_more_evidence_for_one_never_costs_it_its_place(e_values, more):
    name = next(iter(e_values))
    if name in e_bh(e_values, BAR)[0]:
        assert name in e_bh({**e_values, name: e_values[name] + more}, BAR)[0]


def null_e_values(candidates: int, seed: int) -> dict[str, float]:
    """Highest evidence of 60 days for candidates that are no better, all judged on the same market; one-sided as the rule reads it."""
    chance = np.random.default_rng(seed)
    market = chance.normal(0, 1, 60)
    found = {}
    for number in range(candidates):
        savings = 0.7 * market + chance.normal(0, 1, 60)
        evidence, means = weigh(savings, POLICY.prior_scale), np.cumsum(savings)
        found[str(number)] = float(np.where(means > 0, evidence.e_values, 0.0)[6:].max())
    return found


def test_with_only_candidates_that_are_no_better_false_survivors_are_as_rare_as_for_one():
    worlds = [null_e_values(6, seed) for seed in range(100)]
    assert sum(max(world.values()) >= 10 for world in worlds) > 2  # some look good by chance
    for rule in (e_bh, bonferroni):
        assert sum(bool(rule(world, BAR)[0]) for world in worlds) <= 4  # 1 % of 100 and three standard deviations


def test_one_after_the_other_the_bar_rises_and_a_success_lowers_it():
    first = BAR * math.pi**2 / 6
    assert e_lond([first * 1.001, first * 1.001], BAR) == [True, False]
    assert e_lond([first * 0.999, first * 4.001], BAR) == [False, True]
    # The first success halves the bar of the second try, which four times the tries had raised.
    assert e_lond([first * 1.001, first * 2.001], BAR) == [True, True]
    assert e_lond([], BAR) == []


def test_an_endless_sequence_of_useless_candidates_seldom_promotes_one():
    chance = np.random.default_rng(9)
    # The worst e-value there is: all or nothing, right at the bar each try must pass.
    sequences = 2_000
    bars = [BAR * (math.pi * place) ** 2 / 6 * 1.001 for place in range(1, 40)]
    false = sum(any(e_lond([bar if chance.random() < 1 / bar else 0.0 for bar in bars], BAR)) for _ in range(sequences))
    assert false <= sequences / BAR + 3 * math.sqrt(sequences / BAR)


def candidate(saving: float, seed: int = 1) -> Decision:
    chance = np.random.default_rng(seed)
    count = 10 * 24
    trials = pl.DataFrame(
        {
            "arrived_at": [datetime(2026, 1, 10, tzinfo=UTC) + timedelta(hours=n) for n in range(count)],
            "champion_cost_bps": np.full(count, 20.0),
            "challenger_cost_bps": 20 - saving + chance.normal(0, 6, count),
        },
        schema_overrides={"arrived_at": pl.Datetime("us", "UTC")},
    )
    return decide(trials, POLICY)[0]


def test_the_family_names_its_survivors_and_the_best_of_them():
    family = judge_family({"good": candidate(4.0), "better": candidate(6.0, 2), "dear": candidate(-6.0, 3)}, "e_bh")
    assert set(family.survivors) == {"good", "better"} and family.best == "better"
    assert family.candidates == 3 and "2 of 3 candidates survive e_bh" in family.reason


def test_a_candidate_promoted_alone_may_fail_among_many_and_is_named():
    just = replace(candidate(4.0), e_value=BAR * 1.5)
    useless = {f"u{seed}": candidate(-6.0, seed) for seed in range(3)}
    for rule in ("e_bh", "bonferroni"):
        family = judge_family({"just": just, **useless}, rule)
        assert (just.verdict, family.survivors, family.best) == ("PROMOTE", (), None)
        assert "promoted alone, but not among 4: just" in family.reason


def test_evidence_does_not_help_a_candidate_whose_lift_is_too_small():
    small = replace(candidate(4.0), verdict="HOLD", e_value=1e6)
    assert judge_family({"small": small}, "bonferroni").survivors == ()


def test_no_candidates_and_what_is_no_evidence_are_refused():
    for judge in (lambda: e_bh({}, BAR), lambda: bonferroni({}, BAR), lambda: judge_family({}, "e_bh")):
        with pytest.raises(BadInput, match="no candidate to judge"):
            judge()
    for wrong in (-1.0, math.nan):
        with pytest.raises(BadInput, match="must be 0 or more"):
            e_bh({"a": wrong}, BAR)
        with pytest.raises(BadInput, match="candidate 2"):
            e_lond([1.0, wrong], BAR)
    with pytest.raises(BadInput, match="bar of a single candidate"):
        e_bh({"a": 1.0}, 0.0)
    with pytest.raises(BadInput, match="e_bh or bonferroni"):
        judge_family({"a": candidate(4.0)}, "none")
    with pytest.raises(BadInput, match="different policies"):
        judge_family({"a": candidate(4.0), "b": replace(candidate(4.0), policy_sha256="other")}, "e_bh")
