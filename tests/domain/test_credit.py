"""Credits add up to the result to the last unit, pay equals alike, and pay nothing for nothing."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.credit import decision_value, divided, explained, own_results, shapley_shares, shapley_value, utility_share
from domain.problems import BadInput

AGENTS = ("macro", "news", "onchain", "technical")
GAINS = st.integers(-(10**24), 10**24)


def game(gains: list[int], agents: tuple[str, ...] = AGENTS):
    """The value of each coalition from a list: the empty one is worth nothing."""
    places = {name: place for place, name in enumerate(agents)}
    return lambda coalition: gains[sum(1 << places[name] for name in coalition)] if coalition else 0


GAMES = st.lists(GAINS, min_size=16, max_size=16).map(game)


@given(GAMES)
@settings(deadline=None)
def test_for_any_book_credits_add_up_to_the_result(value):
    assert sum(shapley_value(AGENTS, value).values()) == value(frozenset(AGENTS))


@given(GAMES)
@settings(deadline=None)
def test_for_any_book_a_credit_is_within_one_unit_of_the_mean_over_all_orders(value):
    exact = dict.fromkeys(AGENTS, Fraction())
    for order in permutations(AGENTS):
        for place, name in enumerate(order):
            exact[name] += Fraction(value(frozenset(order[: place + 1])) - value(frozenset(order[:place])), 24)

    credits = shapley_value(AGENTS, value)

    assert all(abs(credits[name] - exact[name]) < 1 for name in AGENTS)


@given(st.lists(GAINS, min_size=16, max_size=16))
@settings(deadline=None)
def test_for_any_book_two_agents_of_equal_worth_are_paid_alike(gains):
    by_size = game(gains)

    def value(coalition: frozenset[str]) -> int:  # macro and news can be exchanged for each other
        return by_size(frozenset("macro" if name == "news" and "macro" not in coalition else name for name in coalition))

    credits = shapley_value(AGENTS, value)
    assert abs(credits["macro"] - credits["news"]) <= 1


@given(GAMES)
@settings(deadline=None)
def test_for_any_book_an_agent_that_changes_nothing_is_paid_nothing(value):
    assert shapley_value(AGENTS, lambda coalition: value(coalition - {"news"}))["news"] == 0


@given(GAMES, GAMES)
@settings(deadline=None)
def test_for_any_two_books_credits_add_up_over_decisions_but_for_the_rounding(one, other):
    apart = [shapley_value(AGENTS, value) for value in (one, other)]
    together = shapley_value(AGENTS, lambda coalition: one(coalition) + other(coalition))

    assert all(abs(together[name] - apart[0][name] - apart[1][name]) <= 2 for name in AGENTS)
    assert sum(together.values()) == sum(apart[0].values()) + sum(apart[1].values())


def test_who_is_needed_for_the_gain_is_paid_half_of_it():
    """Two of three gloves make a pair: the only left one is worth two thirds, each right one a sixth (Shapley's own example)."""
    value = lambda coalition: 600 if "left" in coalition and len(coalition) > 1 else 0  # noqa: E731
    assert shapley_value(["left", "right-1", "right-2"], value) == {"left": 400, "right-1": 100, "right-2": 100}


def test_the_odd_unit_goes_by_name_and_a_loss_is_divided_too():
    assert shapley_value(["b", "a", "c"], lambda coalition: -10 * (len(coalition) == 3)) == {"a": -3, "b": -3, "c": -4}


def test_credit_is_what_the_agents_added_to_what_would_have_happened_anyway():
    assert shapley_value(["a", "b"], lambda coalition: 100 + 10 * len(coalition)) == {"a": 10, "b": 10}
    assert own_results(["b", "a"], lambda coalition: 100 + 10 * len(coalition)) == {"a": 10, "b": 10}


CROWD = tuple(f"agent-{number:02}" for number in range(14))


@given(st.lists(st.integers(-(10**20), 10**20), min_size=14, max_size=14), st.integers(0, 2**40))
@settings(deadline=None)
def test_for_any_crowd_drawn_orders_add_up_too_and_pay_an_agent_without_influence_nothing(gains, seed):
    worth = dict(zip(CROWD, gains, strict=True))
    value = lambda coalition: max(sum(worth[name] for name in coalition if name != CROWD[5]), 0)  # noqa: E731

    credits = shapley_value(CROWD, value, seed=seed, orders=5)

    assert sum(credits.values()) == value(frozenset(CROWD))
    assert credits[CROWD[5]] == 0
    assert credits == shapley_value(CROWD[::-1], value, seed=seed, orders=5)


def test_drawn_orders_come_near_the_exact_credit():
    """In a vote of fourteen equals, ten of whom are needed, everyone's credit is a fourteenth."""
    value = lambda coalition: 14_000 * (len(coalition) >= 10)  # noqa: E731
    credits = shapley_value(CROWD, value, seed=3, orders=1_000)
    assert all(abs(credit - 1_000) < 250 for credit in credits.values())


def test_a_decision_is_replayed_for_every_coalition_by_the_rule_that_took_it():
    proposals = {"news": ("buy", 3), "technical": ("sell", 2), "macro": ("sell", 2)}

    def tally(heard):
        votes = {"buy": 0, "sell": 0}
        for action, weight in heard.values():
            votes[action] += weight
        return "hold" if votes["buy"] == votes["sell"] else max(votes, key=votes.__getitem__)

    value = decision_value(proposals, tally, {"buy": -90, "sell": 90, "hold": 0}.__getitem__)

    assert value(frozenset()) == 0
    assert own_results(proposals, value) == {"macro": 90, "news": -90, "technical": 90}
    assert shapley_value(proposals, value) == {"macro": 90, "news": -90, "technical": 90}


@given(GAINS, st.dictionaries(st.sampled_from(AGENTS), st.integers(-1_000_000, 1_000_000), min_size=1))
@settings(deadline=None)
def test_for_any_utilities_their_shares_add_up_and_nobody_against_is_paid(result, utilities):
    shares = utility_share(result, utilities)

    assert sum(shares.values()) == result
    if any(utility > 0 for utility in utilities.values()):
        assert all(shares[name] == 0 for name, utility in utilities.items() if utility <= 0)


def test_both_divisions_stand_beside_each_other():
    value = lambda coalition: 100 if "technical" in coalition else 0  # noqa: E731

    credits = divided(value, {"news": 500_000, "technical": 500_000})

    assert explained(credits) == {
        "result": 100,
        "shapley": {"news": 0, "technical": 100},
        "utility_share": {"news": 50, "technical": 50},  # agreeing is paid as if it were knowing
    }


def test_questions_that_make_no_sense_are_refused():
    with pytest.raises(BadInput, match="named twice"):
        shapley_value(["news", "news"], len)
    with pytest.raises(BadInput, match="draw at least 1"):
        shapley_value(["news"], len, orders=0)
    with pytest.raises(BadInput, match="no agent to take the result of 5"):
        utility_share(5, {})
    assert utility_share(0, {}) == {}
    assert shapley_value([], lambda coalition: 7) == {}


def test_shares_of_an_action_pay_who_spoke_against_it_when_it_loses():
    weights = {"news": 3, "technical": 2, "macro": -1}
    side = lambda coalition: (told := sum(weights[name] for name in coalition)) and (1 if told > 0 else -1)  # noqa: E731

    shares = shapley_shares(weights, side)

    assert sum(shares.values()) == 6
    assert shares["macro"] < 0 < shares["technical"]


def test_shares_need_an_action_that_was_taken():
    with pytest.raises(BadInput, match="all agents together took"):
        shapley_shares(["news"], lambda coalition: 0)
    with pytest.raises(BadInput, match="at most 10"):
        shapley_shares(CROWD, lambda coalition: 1)
