"""How agents' utilities become one action."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.negotiation import WHOLE, ActionUtility, Call, Decision, Heard, Proposal, decide
from domain.problems import BadInput, Broken, MessageRejected

CALL = Call("t-1", "WETH", "USDC", 1, 2)


def wants(agent: str, **micro: int) -> Proposal:
    return Proposal(agent, tuple(ActionUtility(action, one) for action, one in micro.items()), "1")


def decided(*proposals: Proposal, call: Call = CALL, weights: dict[str, int] | None = None, **heard) -> Decision:
    names = [one.agent for one in proposals]
    if weights is None:
        weights = {name: WHOLE // len(names) for name in names}
        if names:
            weights[names[0]] += WHOLE - sum(weights.values())
    return decide(call, Heard({one.agent: one for one in proposals}, **heard), weights)


def test_the_greater_weighted_utility_wins() -> None:
    news, technical = wants("news", BUY=600_000, SELL=-600_000), wants("technical", BUY=-400_000, SELL=400_000)
    assert decided(news, technical).action == "BUY"
    decision = decided(news, technical, weights={"news": 300_000, "technical": 700_000})
    assert decision.action == "SELL"
    assert decision.tally("SELL").score_micro == 100_000  # .7 x .4 - .3 x .6
    assert decision.tally("SELL").favoured_by == ("technical",)
    assert decision.reason == "SELL: 0.100000 of 1 after 2 proposals, before HOLD with 0.000000."


def test_an_unsure_agent_moves_less() -> None:
    sure = Proposal("sure", (ActionUtility("SELL", 300_000),), "1")
    unsure = Proposal("unsure", (ActionUtility("BUY", 900_000, 300_000),), "1")
    assert decided(sure, unsure).action == "SELL"


def test_a_tie_goes_to_the_safest_even_when_it_is_not_among_the_tied() -> None:
    decision = decided(wants("a", BUY=500_000), wants("b", SELL=500_000))
    assert decision.action == "HOLD"
    assert decision.reason == "HOLD: BUY and SELL tie at 0.250000, and a tie goes to the safest."


def test_what_is_worse_than_nothing_is_not_done() -> None:
    decision = decided(wants("a", BUY=-1, SELL=-500_000))
    assert (decision.action, decision.tally("BUY").score_micro) == ("HOLD", -1)
    assert "before BUY with -0.000001" in decision.reason


def test_without_a_quorum_the_safest_is_done_and_the_tally_is_still_told() -> None:
    call = Call("t-1", "WETH", "USDC", 1, 2, quorum=2)
    decision = decided(wants("a", BUY=WHOLE), call=call, silent=("b",))
    assert (decision.action, decision.is_quorate) == ("HOLD", False)
    assert decision.reason == "HOLD: 1 proposal came in time and the quorum is 2."
    assert decision.tally("BUY").score_micro == WHOLE
    assert decided().action == "HOLD"


def test_other_actions_can_be_asked_about() -> None:
    call = Call("t-1", "WETH", "USDC", 1, 2, actions=("WAIT", "NOW", "SPLIT"))
    assert decided(wants("a", SPLIT=2, NOW=1), call=call).action == "SPLIT"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"trade_id": "no spaces"}, "trade_id"),
        ({"actions": ("HOLD",)}, "actions"),
        ({"actions": ("HOLD", "HOLD")}, "actions"),
        ({"actions": ("HOLD", "buy")}, "actions"),
        ({"quorum": 0}, "quorum"),
        ({"deadline_ns": 0}, "deadline_ns"),
        ({"amount_in": -1}, "deadline_ns"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_by_the_field(wrong, field) -> None:
    good = {"trade_id": "t-1", "base": "WETH", "quote": "USDC", "as_of_ns": 1, "deadline_ns": 2}
    with pytest.raises(BadInput) as refused:
        Call(**good | wrong)
    assert refused.value.facts["field"] == field


@pytest.mark.parametrize(
    "wrong", [{"utility_micro": WHOLE + 1}, {"utility_micro": -WHOLE - 1}, {"confidence_ppm": -1}, {"horizon_seconds": 0}]
)
def test_a_utility_out_of_range_is_refused_by_the_field(wrong) -> None:
    with pytest.raises(MessageRejected) as refused:
        ActionUtility(**{"action": "BUY", "utility_micro": 0} | wrong)
    assert (refused.value.facts["fault"], refused.value.facts["field"]) == ("out_of_range", next(iter(wrong)))


@pytest.mark.parametrize(
    ("proposal", "fault"),
    [
        (Proposal("a", (), "1"), "unclear"),
        (Proposal("a", (ActionUtility("BUY", 1), ActionUtility("BUY", 2)), "1"), "unclear"),
        (wants("a", BURN=1), "unknown_action"),
    ],
)
def test_a_proposal_that_does_not_answer_the_call_is_refused(proposal, fault) -> None:
    with pytest.raises(MessageRejected) as refused:
        proposal.check(CALL)
    assert refused.value.facts["fault"] == fault


@pytest.mark.parametrize("weights", [{}, {"a": WHOLE - 1}, {"b": WHOLE}, {"a": WHOLE, "b": 0}])
def test_weights_of_others_or_that_do_not_add_up_are_a_fault_of_ours(weights) -> None:
    with pytest.raises(Broken):
        decided(wants("a", BUY=1), weights=weights)


def test_a_negative_weight_is_a_fault_of_ours() -> None:
    with pytest.raises(Broken):
        decided(wants("a", BUY=1), wants("b", BUY=1), weights={"a": WHOLE + 1, "b": -1})


MICRO = st.integers(-WHOLE, WHOLE)
PROPOSALS = st.dictionaries(st.sampled_from("abcdef"), st.tuples(MICRO, MICRO, st.integers(0, WHOLE)), min_size=1).map(
    lambda told: [
        Proposal(name, (ActionUtility("BUY", buy, sure), ActionUtility("SELL", sell, sure)), "1")
        for name, (buy, sell, sure) in told.items()
    ]
)


@given(PROPOSALS)
def test_for_any_proposals_the_decision_is_the_best_and_the_same_in_any_order(proposals) -> None:
    weights = {one.agent: WHOLE // len(proposals) for one in proposals}
    weights[proposals[0].agent] += WHOLE - sum(weights.values())
    decision = decided(*proposals, weights=weights)
    assert decision.canonical() == decided(*reversed(proposals), weights=weights).canonical()
    sums = {one.action: one.numerator for one in decision.tallies}
    assert decision.action == "HOLD" or sums[decision.action] > max(one for action, one in sums.items() if action != decision.action)
    assert json.loads(decision.canonical()) == decision.to_json()
    assert all(-WHOLE <= one.score_micro <= WHOLE for one in decision.tallies)


@given(PROPOSALS, st.text(max_size=20))
def test_for_any_proposals_one_that_abstains_changes_no_score(proposals, reason) -> None:
    """It is in neither the sum nor what it is divided by."""
    alone, beside = decided(*proposals), decided(*proposals, refused={"z": reason}, silent=("y",))
    assert alone.tallies == beside.tallies
    assert alone.action == beside.action
