"""The course of an experiment: up one stage at a time and only on evidence, down at once and for good."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from models.experiments.guardrails import GuardrailReading
from models.experiments.rollout import read_rollout
from models.experiments.sample_ratio import RatioReading
from models.experiments.stages import Experiment, advance, begin, resume

POLICY = read_rollout()
NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEGUN = begin("execution-v7", "salt-1", POLICY, NOW)
LADDER = [stage.share_bp for stage in POLICY.stages]
LONG, MANY = timedelta(days=8), 100_000


def guardrail(breached: bool) -> GuardrailReading:
    return GuardrailReading(
        "revert_rate", 120.0 if breached else 1.0, 100.0, breached, 900, 900 if breached else None, NOW if breached else None
    )


def ratio(mismatch: bool) -> RatioReading:
    return RatioReading(5_000.0 if mismatch else 1.0, 1_000.0, mismatch, 900, 100, 450.0, "canary_50" if mismatch else None)


def look(state: Experiment, verdict="PROMOTE", breach=False, mismatch=False, orders=MANY, after=LONG, policy=POLICY):
    return advance(state, verdict, [guardrail(breach)], ratio(mismatch), orders=orders, now=state.entered_at + after, policy=policy)


def in_canary(share_bp: int) -> Experiment:
    state = BEGUN
    while state.share_bp < share_bp:
        state, _ = look(state)
    return state


def test_evidence_in_shadow_starts_the_canary_at_one_per_cent():
    state, reason = look(BEGUN)
    assert (state.stage, state.share_bp, state.status) == ("canary_1", 100, "running")
    assert "canary_1, 1 % of orders" in reason


def test_a_challenger_that_holds_on_every_stage_is_the_champion():
    state, shares = BEGUN, [0]
    while state.status == "running":
        state, reason = look(state)
        shares.append(state.share_bp)
    assert shares == [0, 100, 500, 1_000, 5_000, 10_000, 10_000]
    assert (state.status, state.steps) == ("champion", 6) and "the challenger is the champion" in reason


def test_a_stage_is_not_left_before_its_time_or_its_orders():
    early, reason = look(BEGUN, after=timedelta(hours=100))
    assert early == BEGUN and "68 more hours" in reason
    few, reason = look(BEGUN, orders=400)
    assert few == BEGUN and "100 more orders" in reason


@pytest.mark.parametrize("stage", LADDER)
def test_a_breach_or_a_rollback_gives_the_champion_every_order_at_once(stage):
    state = in_canary(stage)
    broken, reason = look(state, breach=True, after=timedelta(0), orders=0)
    assert (broken.status, broken.share_bp, broken.over) == ("rolled_back", 0, True)
    assert "revert_rate breached after 900 orders" in reason
    back, reason = look(state, "ROLLBACK", after=timedelta(0))
    assert (back.status, back.share_bp) == ("rolled_back", 0) and "verdict is ROLLBACK" in reason
    futile, _ = look(state, "FUTILE")
    assert (futile.status, futile.share_bp) == ("futile", 0)


def test_hold_keeps_a_stage_as_it_is():
    state = in_canary(1_000)
    held, reason = look(state, "HOLD")
    assert held == state and "the verdict is HOLD" in reason


def test_what_makes_the_numbers_void_freezes_the_share_and_says_why():
    state = in_canary(5_000)
    for frozen, why in (
        look(state, "INVALID"),
        look(state, mismatch=True),
        look(state, policy=replace(POLICY, sha256="f" * 64)),
    ):
        assert (frozen.status, frozen.share_bp, frozen.stage) == ("frozen", 5_000, "canary_50")
        assert why.startswith("Frozen at 50 %: ")
        assert look(frozen)[0] == frozen
    assert "Find what loses orders" in look(state, mismatch=True)[1]
    assert "policy was changed" in look(state, policy=replace(POLICY, sha256="f" * 64))[1]


def test_a_frozen_experiment_that_does_harm_is_still_taken_back():
    frozen, _ = look(in_canary(5_000), "INVALID")
    assert look(frozen, breach=True)[0].share_bp == 0


def test_a_person_resumes_a_frozen_experiment_in_shadow_with_a_new_salt():
    frozen, _ = look(in_canary(5_000), "INVALID")
    again = resume(frozen, "salt-2", POLICY, NOW + 9 * LONG)
    assert (again.status, again.stage, again.share_bp, again.salt, again.steps) == ("running", "shadow", 0, "salt-2", frozen.steps + 1)
    with pytest.raises(BadInput, match="new salt"):
        resume(frozen, "salt-1", POLICY, NOW)
    for state in (BEGUN, look(BEGUN, breach=True)[0]):
        with pytest.raises(BadInput, match="Only a frozen experiment"):
            resume(state, "salt-2", POLICY, NOW)


LOOKS = st.tuples(
    st.sampled_from(["PROMOTE", "PROMOTE", "PROMOTE", "HOLD", "FUTILE", "INVALID", "ROLLBACK"]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([False, False, False, True]),
    st.sampled_from([0, 20, 200, MANY]),
    st.sampled_from([timedelta(0), timedelta(hours=30), LONG]),
)


@given(st.integers(0, 5), st.lists(LOOKS, max_size=12))
def test_for_any_sequence_of_looks_the_share_grows_by_evidence_alone_step_by_step_and_never_after_a_rollback(start, looks):
    state, now = in_canary(LADDER[start]), NOW + 100 * LONG
    state = replace(state, entered_at=now)
    gone = False
    for verdict, breach, mismatch, orders, passed in looks:
        now += passed
        stage, share, waited = POLICY.stage(state.stage), state.share_bp, now - state.entered_at
        state, reason = advance(state, verdict, [guardrail(breach)], ratio(mismatch), orders=orders, now=now, policy=POLICY)
        assert reason
        if state.share_bp > share:
            assert verdict == "PROMOTE" and not breach and not mismatch
            assert LADDER.index(state.share_bp) == LADDER.index(share) + 1
            assert orders >= stage.least_orders and waited >= timedelta(hours=stage.least_hours)
        if breach and not gone and state.status != "champion":
            assert state.share_bp == 0
        gone = gone or state.status in ("rolled_back", "futile")
        assert not gone or (state.share_bp == 0 and state.over)
        assert Experiment.from_json(state.to_json()) == state


@given(LOOKS)
def test_for_any_evidence_looking_again_at_once_changes_nothing_more(seen):
    verdict, breach, mismatch, orders, passed = seen
    once, _ = look(in_canary(1_000), verdict, breach, mismatch, orders, passed)
    assert look(once, verdict, breach, mismatch, orders, timedelta(0))[0] == once


def test_the_experiment_may_run_without_a_canary_to_check():
    state, _ = advance(BEGUN, "PROMOTE", [], None, orders=MANY, now=NOW + LONG, policy=POLICY)
    assert state.stage == "canary_1"


def test_a_clock_that_goes_back_and_a_verdict_that_is_none_are_refused():
    with pytest.raises(BadInput, match="time goes back"):
        look(BEGUN, after=timedelta(seconds=-1))
    with pytest.raises(BadInput, match="not 'MAYBE'"):
        look(BEGUN, "MAYBE")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("experiment", 7),
        ("salt", None),
        ("status", "paused"),
        ("share_bp", 10_001),
        ("share_bp", "100"),
        ("share_bp", True),
        ("steps", 1.5),
        ("entered_at", "yesterday"),
        ("entered_at", 5),
    ],
)
def test_a_state_with_a_field_that_makes_no_sense_is_refused_by_name(field, value):
    told = json.loads(BEGUN.to_json()) | {field: value}
    with pytest.raises(BadInput) as refused:
        Experiment.from_json(json.dumps(told))
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize("text", ["", "{", "[]", '{"experiment": "x"}'])
def test_what_is_no_state_is_refused(text):
    with pytest.raises(BadInput, match="experiment's state"):
        Experiment.from_json(text)
