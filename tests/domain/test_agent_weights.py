"""Weights add up, move slowly, forget, and are the same bytes for the same history."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.agent_weights import FLOOR, MILLION, MOST_STEP, AgentWeights
from domain.problems import BadInput

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NAMES = st.lists(st.text("abcdefgh", min_size=1, max_size=3), unique=True, min_size=1, max_size=9)
SCORES = st.one_of(st.none(), st.integers(-(10**15), 10**15))


def after(weights: AgentWeights, trades: int, **scores: int | None) -> AgentWeights:
    for _ in range(trades):
        weights = weights.scored(scores, NOON)
    return weights


def test_a_new_desk_hears_everybody_alike_and_the_odd_parts_go_by_name():
    assert AgentWeights.equal(["news", "macro", "technical"]).ppm() == {"macro": 333_334, "news": 333_333, "technical": 333_333}


def test_an_agent_that_is_always_wrong_falls_to_the_floor_and_the_right_one_takes_the_rest():
    weights = after(AgentWeights.equal(["news", "technical"]), 100, news=-500, technical=500)

    assert FLOOR <= weights.ppm()["news"] < FLOOR + 10
    assert sum(weights.ppm().values()) == MILLION
    assert [agent.scores for agent in weights.agents] == [100, 100]


def test_an_agent_that_becomes_right_again_is_heard_again():
    wrong = after(AgentWeights.equal(["news", "technical"]), 200, news=-500, technical=500)
    assert after(wrong, 100, news=500, technical=-500).ppm()["news"] > 900_000


def test_whoever_is_absent_is_weighted_out_and_the_others_keep_their_proportions():
    weights = after(AgentWeights.equal(["macro", "news", "technical"]), 1, macro=-9, news=9, technical=9)

    assert weights.ppm(["news", "technical"]) == {"news": 500_000, "technical": 500_000}
    assert weights.ppm([]) == {}
    with pytest.raises(BadInput, match="No agent is called stranger"):
        weights.ppm(["news", "stranger"])


def test_a_new_agent_starts_at_half_of_an_equal_share_and_without_evidence():
    weights = after(AgentWeights.equal(["news", "technical"]), 50, news=-500, technical=500).joined("macro")

    assert weights.ppm()["macro"] == MILLION // 6
    assert weights.agents[0].scores == 0
    assert AgentWeights().joined("macro").ppm() == {"macro": MILLION}


def test_an_agent_that_went_down_comes_back_cold():
    weights = after(AgentWeights.equal(["news", "technical"]), 50, news=-500, technical=500)

    down = weights.left("technical")
    assert down.ppm() == {"news": MILLION}
    assert down.joined("technical").ppm() == {"news": 750_000, "technical": 250_000}
    assert down.left("news").ppm() == {}


def test_joining_twice_or_leaving_twice_changes_nothing():
    weights = AgentWeights.equal(["news"])
    assert weights.joined("news") is weights
    assert weights.left("macro") is weights


def test_who_abstained_keeps_its_evidence():
    before = after(AgentWeights.equal(["macro", "news", "technical"]), 5, macro=3, news=-3, technical=3)
    later = before.scored({"macro": None, "news": -3}, NOON)

    assert [agent.capital for agent in later.agents if agent.name != "news"] == [
        agent.capital for agent in before.agents if agent.name != "news"
    ]
    assert before.scored({"macro": None}, NOON) is before


def test_a_score_for_an_agent_that_has_left_is_passed_over():
    weights = AgentWeights.equal(["news", "technical"])
    assert weights.left("news").scored({"news": 5}, NOON) == weights.left("news")


def test_stale_scores_change_no_weight_and_the_weights_say_so():
    weights = AgentWeights.equal(["news", "technical"])

    frozen = weights.scored({"news": -500}, NOON, now=NOON + timedelta(minutes=2), max_age=timedelta(minutes=1))

    assert frozen.agents == weights.agents
    assert "0:02:00 before they came; at most 0:01:00" in frozen.frozen
    assert frozen.generation == 1
    assert weights.scored({"news": -500}, NOON, stale="no price since 11:58").frozen == "no price since 11:58"


def test_fresh_scores_count_again_after_stale_ones():
    frozen = AgentWeights.equal(["news", "technical"]).scored({"news": -5}, NOON, stale="no prices")
    assert frozen.scored({"news": -5}, NOON, stale="no prices") is frozen

    thawed = frozen.scored({"news": -5, "technical": 5}, NOON, now=NOON)
    assert thawed.frozen == ""
    assert thawed.ppm()["news"] < 500_000


def test_trades_that_earn_nothing_for_anyone_leave_equal_weights_equal():
    assert after(AgentWeights.equal(["news", "technical"]), 10, news=0, technical=0).ppm() == {"news": 500_000, "technical": 500_000}


@pytest.mark.parametrize("score", [1.5, True, "3"])
def test_a_score_that_is_no_whole_number_is_refused(score):
    with pytest.raises(BadInput, match="give whole micro-units"):
        AgentWeights.equal(["news"]).scored({"news": score}, NOON)


def test_a_time_without_a_zone_is_refused():
    with pytest.raises(BadInput, match="no zone"):
        AgentWeights.equal(["news"]).scored({"news": 1}, NOON.replace(tzinfo=None))


def test_names_that_are_empty_or_given_twice_are_refused():
    with pytest.raises(BadInput, match="names that differ"):
        AgentWeights.equal(["news", "news"])
    with pytest.raises(BadInput, match="needs a name"):
        AgentWeights().joined("")


@given(NAMES, st.lists(st.dictionaries(st.text("abcdefgh", min_size=1, max_size=3), SCORES, max_size=9), max_size=12), st.data())
@settings(max_examples=50, deadline=None)
def test_for_any_history_weights_add_up_stay_above_the_floor_and_move_by_at_most_a_step(names, history, data):
    weights = AgentWeights.equal(names)
    for scores in history:
        later = weights.scored(scores, NOON)
        before, now = weights.ppm(), later.ppm()
        assert sum(now.values()) == MILLION
        assert max(abs(now[name] - before[name]) for name in now) <= MOST_STEP
        assert min(now.values()) >= FLOOR
        assert all(sum(agent.capital) == 10**12 for agent in later.agents)
        weights = later
    present = data.draw(st.sets(st.sampled_from(names), min_size=1))
    assert sum(weights.ppm(present).values()) == MILLION
    assert AgentWeights.from_json(weights.to_json()).to_json() == weights.to_json()


def test_equal_histories_give_equal_bytes_whatever_the_order_of_names():
    one = after(AgentWeights.equal(["a", "b", "c"]), 40, a=70, b=-3, c=11)
    other = after(AgentWeights.equal(["c", "a", "b"]), 40, c=11, b=-3, a=70)

    assert one.to_json() == other.to_json()
    assert AgentWeights.from_json(one.to_json()) == one


def damaged(**changed: object) -> str:
    return json.dumps({**json.loads(AgentWeights.equal(["news", "technical"]).to_json()), **changed})


def standing(name: str, ppm: object, capital: list[int]) -> dict[str, object]:
    return {"name": name, "ppm": ppm, "capital": capital, "scores": 0, "squares": 0, "counted": 0}


WHOLE = [10**12, 0, 0, 0, 0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nonsense", "no agent weights"),
        ("[]", "no agent weights"),
        (damaged(generation="7"), "no agent weights"),
        (damaged(scored_at="soon"), "no agent weights"),
        (damaged(guesses=[0, 1]), "other guesses"),
        (damaged(generation=-1), "is below 0"),
        (damaged(agents=[{**standing("a", 1_000_000, WHOLE), "squares": -1}]), "is below 0"),
        (damaged(agents=[standing("b", 500_000, WHOLE), standing("a", 500_000, WHOLE)]), "not in order"),
        (damaged(agents=[standing("a", 5, WHOLE)]), "add up to a million"),
        (damaged(agents=[standing("a", 1e6, WHOLE)]), "no agent weights"),
        (damaged(agents=[standing("a", 1_000_000, [1, 2, 3, 4, 5])]), "capital of an agent"),
    ],
)
def test_a_damaged_state_is_refused_with_what_is_wrong(text, complaint):
    with pytest.raises(BadInput, match=complaint):
        AgentWeights.from_json(text)
