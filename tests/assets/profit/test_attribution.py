"""What agents earned adds up to the change of equity to the last millionth, however lots are chosen and whatever the chain takes back."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.profit.attribution import AttributedBook, Cost, Fill, Leg
from assets.profit.lots import Method
from domain.credit import own_results, shapley_shares, shapley_value
from domain.problems import BadInput

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
TOKENS = ("usdc", "weth", "wbtc")
AGENTS = ("macro", "news", "onchain", "technical")


def random_fills(seed: int, most: int) -> list[Fill]:
    """Fills of any size from nothing to 10^24, with up to two costs or rebates in any token, decided by any agents."""
    draw = random.Random(seed)

    def size(most: int) -> int:
        return draw.choice((0, 1, 2, 3, draw.randrange(1_000), draw.randrange(most)))

    made = []
    for number in range(draw.randint(1, most)):
        (sold, bought), value = draw.sample(TOKENS, 2), size(10**13)
        legs = (Leg(sold, -size(10**24), -value), Leg(bought, size(10**24), value))
        signs = [draw.choice((1, 1, -1)) for _ in range(draw.randint(0, 2))]
        costs = [
            Cost(draw.choice(("fee", "gas")), draw.choice((*TOKENS, "eth")), sign * size(10**20), sign * size(10**10)) for sign in signs
        ]
        shares = {name: draw.randint(-5, 24) for name in draw.sample(AGENTS, draw.randint(1, 4))}
        shares[max(shares)] += max(1 - sum(shares.values()), 0)
        made.append(Fill(f"fill-{number}", NOON + timedelta(seconds=number), legs, tuple(costs), shares))
    return made


FILLS = st.builds(random_fills, st.integers(0, 2**64), st.just(25))


def worth(prices: dict[str, int]):
    return lambda token, amount: amount * prices[token] // 10**12


PRICES = st.fixed_dictionaries({token: st.integers(0, 10**6) for token in (*TOKENS, "eth")}).map(worth)
BY_METHOD = pytest.mark.parametrize("method", list(Method))


def booked(method: Method, *told: Fill) -> AttributedBook:
    book = AttributedBook(method)
    for fill in told:
        book.book(fill)
    return book


@BY_METHOD
@given(FILLS, PRICES)
@settings(max_examples=40, deadline=None)
def test_for_any_fills_gains_less_costs_are_the_change_of_equity_and_the_sum_over_agents(method, made, prices):
    statement = booked(method, *made).statement(prices)

    paid = sum(cost.value_micro_usd for fill in made for cost in fill.costs)
    held: dict[str, int] = {}
    for fill in made:
        for token, amount in [(leg.token, leg.amount) for leg in fill.legs] + [(cost.token, -cost.amount) for cost in fill.costs]:
            held[token] = held.get(token, 0) + amount
    assert statement.equity == sum(prices(token, amount) for token, amount in held.items())
    assert sum(statement.realised.values()) + sum(statement.unrealised.values()) - paid == statement.equity
    assert sum(sum(parts.values()) for parts in statement.costs.values()) == paid
    assert statement.left_over == 0


@BY_METHOD
@given(FILLS, st.data(), PRICES)
@settings(max_examples=40, deadline=None)
def test_for_any_fills_those_that_the_chain_takes_back_leave_no_trace(method, made, data, prices):
    kept = data.draw(st.integers(0, len(made)))
    book = booked(method, *made)
    for fill in reversed(made[kept:]):
        book.take_back(fill.proof)

    never = booked(method, *made[:kept])
    assert book.statement(prices) == never.statement(prices)
    assert [book.lots(token) for token in TOKENS] == [never.lots(token) for token in TOKENS]
    for fill in made[kept:]:  # the chain goes on, with the same or with others
        book.book(fill)
    assert book.statement(prices) == booked(method, *made).statement(prices)


@given(FILLS, PRICES)
@settings(max_examples=40, deadline=None)
def test_for_any_fills_the_way_of_choosing_lots_moves_gains_in_time_and_changes_no_total(made, prices):
    totals = []
    for method in Method:
        statement = booked(method, *made).statement(prices)
        totals.append((statement.equity, sum(statement.credits.values()), statement.costs))
    assert totals[0] == totals[1] == totals[2]


def bought(proof: str, weth: int, dollars: int, shares: dict[str, int], *costs: Cost) -> Fill:
    value = dollars * 1_000_000
    return Fill(proof, NOON, (Leg("usdc", -value, -value), Leg("weth", weth * 1_000_000, value)), costs, shares)


def sold(proof: str, weth: int, dollars: int, shares: dict[str, int], *costs: Cost) -> Fill:
    value = dollars * 1_000_000
    return Fill(proof, NOON, (Leg("weth", -weth * 1_000_000, -value), Leg("usdc", value, value)), costs, shares)


def at(dollars: int):
    """A million base units of WETH at so many dollars; the rest at par."""
    return lambda token, amount: amount * dollars if token == "weth" else amount


@pytest.mark.parametrize(
    ("method", "realised", "unrealised"),
    [
        ("fifo", {"news": 900}, {"technical": 1_000}),  # bought at 1000 by News, sold at 1900
        ("lifo", {"technical": 400}, {"news": 1_500}),  # bought at 1500 by Technical, sold at 1900
        ("average", {"news": 325, "technical": 325}, {"news": 625, "technical": 625}),  # half of each, at 1250
    ],
)
def test_a_gain_is_of_those_who_opened_the_lot_that_was_sold(method, realised, unrealised):
    book = booked(
        Method(method),
        bought("a", 1, 1_000, {"news": 1}),
        bought("b", 1, 1_500, {"technical": 1}),
        sold("c", 1, 1_900, {"macro": 1}),
    )
    statement = book.statement(at(2_500))

    assert statement.realised == {name: dollars * 1_000_000 for name, dollars in realised.items()}
    assert statement.unrealised == {name: dollars * 1_000_000 for name, dollars in unrealised.items()}
    assert statement.equity == 1_900_000_000


def test_a_fee_in_a_third_token_is_a_cost_and_leaves_a_short_of_that_token():
    book = booked(Method.FIFO, bought("a", 1, 1_000, {"news": 1}, Cost("gas", "eth", 7, 14)))

    assert book.statement(at(1_000)).costs == {"gas": {"news": 14}}
    assert book.lots("eth")[0].amount == -7
    assert book.statement(at(1_000)).equity == -7  # seven wei, worth one millionth each now, are owed
    assert book.statement(at(1_000)).credits == {"news": -7}  # paid 14, and owing less than that is a gain


def test_a_rebate_is_a_negative_cost_and_goes_to_who_traded():
    statement = booked(Method.FIFO, bought("a", 1, 1_000, {"news": 1}, Cost("fee", "usdc", -5, -5))).statement(at(1_000))

    assert statement.costs == {"fee": {"news": -5}}
    assert statement.credits == {"news": 5}


def test_an_agent_that_was_against_the_trade_is_paid_when_it_loses():
    statement = booked(Method.FIFO, bought("a", 1, 1_000, {"news": 2, "technical": 2, "macro": -1})).statement(at(700))
    assert statement.credits == {"news": -200_000_000, "technical": -200_000_000, "macro": 100_000_000}


def test_what_makes_no_sense_is_refused_and_nothing_is_booked():
    book = booked(Method.FIFO, bought("a", 1, 1_000, {"news": 1}))
    before = book.statement(at(900))

    with pytest.raises(BadInput, match="in the book already"):
        book.book(bought("a", 1, 1_000, {"news": 1}))
    with pytest.raises(BadInput, match="differ in value by 1"):
        book.book(Fill("b", NOON, (Leg("usdc", -5, -5), Leg("weth", 1, 6)), (), {"news": 1}))
    with pytest.raises(BadInput, match="name who decided it"):
        book.book(bought("b", 1, 1_000, {}))
    assert book.statement(at(900)) == before


def test_only_the_newest_fill_is_taken_back_and_old_ones_are_final():
    book = AttributedBook(Method.AVERAGE, reversible=1)
    for proof in "ab":
        book.book(bought(proof, 1, 1_000, {"news": 1}))

    with pytest.raises(BadInput, match="which is b; take that back first"):
        book.take_back("a")
    book.take_back("b")
    with pytest.raises(BadInput, match="which is none"):
        book.take_back("a")


SKILLS = {"informed": 0.6, "half": 0.3, "noise": 0.0, "contrary": -0.3}


def test_a_book_of_agents_with_known_worth_gives_it_back():
    """Four agents see the next move with known correlation and vote alike; 1,500 trades are booked, and closed after the move.

    True worth is the Shapley value of the expected result. The book's credits are exact; what it happened to earn is within 0.05 standard
    deviations a trade of what was to be expected: three standard errors.
    """
    true = shapley_value(SKILLS, _expected)
    earned = _booked(random.Random(2), 1_500)

    assert sorted(earned, key=earned.__getitem__) == ["contrary", "noise", "half", "informed"]
    assert all(abs(earned[name] - true[name]) < 50_000 for name in true), (true, earned)


def _expected(coalition: frozenset[str]) -> int:
    """The expected result, millionths of a standard deviation: the move times the sign of a sum of votes correlated with it."""
    told = sum(SKILLS[name] for name in coalition)
    spread = told**2 + sum(1 - SKILLS[name] ** 2 for name in coalition)
    return round(1e6 * (2 / math.pi) ** 0.5 * told / spread**0.5) if coalition else 0


def _booked(draw: random.Random, trades: int) -> dict[str, float]:
    """What the book credits each agent, millionths of a standard deviation a trade."""
    book = AttributedBook()
    for number in range(trades):
        move = draw.gauss(0, 1)
        votes = {name: skill * move + (1 - skill**2) ** 0.5 * draw.gauss(0, 1) for name, skill in SKILLS.items()}
        side = _side(votes, frozenset(votes))
        shares = shapley_shares(SKILLS, lambda coalition, votes=votes, side=side: side * _side(votes, coalition))
        opened, closed = side * 10**9, side * (10**9 + round(move * 10**6))
        for step, (amount, value) in enumerate(((side, opened), (-side, -closed))):
            book.book(Fill(f"{number}-{step}", NOON, (Leg("usdc", -value, -value), Leg("weth", amount, value)), (), shares))
    statement = book.statement(at(1_000))
    assert statement.left_over == 0
    return {name: credit / trades for name, credit in statement.credits.items()}


def _side(votes: dict[str, float], coalition: frozenset[str]) -> int:
    """What a coalition does: buys (1), sells (-1), or nothing when it is empty."""
    told = sum(votes[name] for name in coalition)
    return (told > 0) - (told < 0)


def test_the_score_an_agent_learns_from_is_what_it_alone_would_have_earned():
    votes = {"news": 1.0, "technical": -2.0}
    assert own_results(votes, lambda coalition: 30 * _side(votes, coalition)) == {"news": 30, "technical": -30}
