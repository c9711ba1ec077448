"""What a trade earned is divided among its agents to the last unit, and each is scored by what its own proposal would have earned."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.negotiation import WHOLE, ActionUtility, Call, Decision, Heard, Proposal, decide
from domain.problems import BadInput
from domain.shares import split
from executor.agents.settlement import MOST_BPS, Outcome, settlement

ASKED = datetime(2026, 3, 4, 13, tzinfo=UTC)
LATER = ASKED + timedelta(hours=1)
CALL = Call("t-1", "WETH", "USDC", int(ASKED.timestamp()) * 10**9, int(LATER.timestamp()) * 10**9, 1_000_000)


def wants(name: str, horizon: int = 3600, **micro: int) -> Proposal:
    return Proposal(name, tuple(ActionUtility(action, one, WHOLE, horizon) for action, one in micro.items()), "1")


def decided(*proposals: Proposal, call: Call = CALL, weights: dict[str, int] | None = None) -> Decision:
    names = sorted(one.agent for one in proposals)
    ppm = weights or dict(zip(names, split(WHOLE, [1] * len(names)), strict=True)) if names else {}
    return decide(call, Heard({one.agent: one for one in proposals}), ppm)


def test_who_was_right_gains_and_who_was_wrong_pays() -> None:
    decision = decided(wants("bull", BUY=800_000), wants("bear", SELL=300_000))
    assert decision.action == "BUY"
    found = settlement(CALL, decision, Outcome(move_bps=50, at=LATER))
    assert found.scores == {"bull": 50 * 800_000, "bear": -50 * 300_000}
    assert found.credits.result == 5_000  # 50 bps of a million
    assert found.credits.shapley == {"bull": 7_500, "bear": -2_500}
    assert found.credits.utility_share == {"bull": 5_000, "bear": 0}


def test_what_was_really_earned_is_what_is_divided() -> None:
    found = settlement(CALL, decided(wants("a", BUY=900_000), wants("b", BUY=100_000)), Outcome(move_bps=50, pnl_units=-333, at=LATER))
    assert found.credits.result == sum(found.credits.shapley.values()) == sum(found.credits.utility_share.values()) == -333
    assert json.loads(found.payload())["result"] == "-333"


def test_an_agent_is_scored_at_its_own_horizon_and_not_before() -> None:
    decision = decided(wants("hour", BUY=500_000), wants("day", 86_400, BUY=500_000), wants("four", 14_400, SELL=100_000))
    told = settlement(CALL, decision, Outcome(move_bps=10, by_horizon={14_400: -7}, at=LATER))
    assert told.scores == {"hour": 10 * 500_000, "day": None, "four": 7 * 100_000}


def test_an_execution_s_actions_are_settled_by_their_markouts() -> None:
    call = Call("t-1", "WETH", "USDC", CALL.as_of_ns, CALL.deadline_ns, 10_000, ("WAIT", "NOW", "SPLIT"), quorum=2)
    decision = decided(wants("a", NOW=400_000), wants("b", SPLIT=300_000), call=call)
    found = settlement(call, decision, Outcome(markout_bps={"WAIT": 2, "NOW": 12, "SPLIT": -8}, at=LATER))
    assert found.scores == {"a": 10 * 400_000, "b": -10 * 300_000}
    assert found.credits.result == 10
    assert found.credits.shapley == {"a": 5, "b": 5}  # neither could have moved anything without the other: the quorum is two


def test_nothing_is_earned_where_nothing_was_advised() -> None:
    found = settlement(CALL, decided(wants("a", HOLD=0, BUY=-1), wants("b", BUY=-5)), Outcome(move_bps=100, at=LATER))
    assert found.credits.result == 0 and set(found.scores.values()) == {0}
    nobody = settlement(CALL, decided(), Outcome(move_bps=100, at=LATER))
    assert nobody.scores == {} and nobody.credits.result == 0


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Outcome(), "not neither"),
        (lambda: Outcome(move_bps=1, markout_bps={"BUY": 1}), "not both"),
        (lambda: Outcome(markout_bps={"BUY": 1}, by_horizon={60: 1}), "by_horizon"),
        (lambda: Outcome(move_bps=MOST_BPS + 1), "either way"),
        (lambda: Outcome(move_bps=1, at=datetime(2026, 3, 4)), "zone"),
        (lambda: settlement(CALL, decided(wants("a", BUY=1)), Outcome(move_bps=1, at=ASKED - timedelta(seconds=1))), "before"),
        (lambda: settlement(CALL, decided(wants("a", BUY=1)), Outcome(markout_bps={"NOW": 1}, at=LATER)), "names NOW"),
        (lambda: settlement(CALL, decided(wants("a", BUY=1)), Outcome(markout_bps={"BUY": 1}, at=LATER)), "SELL"),
        (lambda: settlement(CALL, decided(wants("a", BUY=1)), Outcome(markout_bps={"BUY": 1, "SELL": 1}, pnl_units=0)), "time"),
        (lambda: settlement(CALL, decided(wants("a", BUY=-1)), Outcome(move_bps=1, pnl_units=5, at=LATER)), "HOLD was decided"),
    ],
)
def test_an_outcome_that_cannot_be_is_refused_with_the_field(make, why: str) -> None:
    with pytest.raises(BadInput, match=why) as refused:
        make()
    assert refused.value.facts["field"] in ("move_bps", "by_horizon", "at", "markout_bps", "pnl_units")


def test_a_move_says_nothing_of_how_an_order_was_executed() -> None:
    call = Call("t-1", "WETH", "USDC", CALL.as_of_ns, CALL.deadline_ns, 0, ("WAIT", "NOW"))
    with pytest.raises(BadInput, match="markout_bps for each action"):
        settlement(call, decided(wants("a", NOW=1), call=call), Outcome(move_bps=1, at=LATER))


micro = st.integers(-WHOLE, WHOLE)
agents = st.dictionaries(st.sampled_from("abcdef"), st.tuples(micro, micro), min_size=1)


@given(agents, st.integers(-500, 500), st.none() | st.integers(-(10**24), 10**24))
def test_for_any_proposals_and_outcome_both_divisions_add_up_to_the_result(told, move: int, pnl: int | None) -> None:
    decision = decided(*(wants(name, BUY=buy, SELL=sell) for name, (buy, sell) in told.items()))
    outcome = Outcome(move_bps=move, pnl_units=None if decision.action == "HOLD" else pnl, at=LATER)
    found = settlement(CALL, decision, outcome)
    result = {"HOLD": 0, "BUY": 100 * move, "SELL": -100 * move}[decision.action] if outcome.pnl_units is None else outcome.pnl_units
    assert found.credits.result == sum(found.credits.shapley.values()) == sum(found.credits.utility_share.values()) == result
    assert Outcome.from_json(outcome.to_json()) == outcome and outcome.is_same(json.loads(json.dumps(outcome.to_json())))
