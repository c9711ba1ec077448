import random
from fractions import Fraction

import numpy as np
import pytest

from domain.amm.constant_product import ConstantProductPool
from domain.problems import Broken
from executor.routing import split, split_route
from executor.routing.certificate import most_possible, most_profit
from executor.routing.dual import WorkingSet
from executor.routing.pool_book import PoolBook
from tests.executor.routing.books import USDC, WETH, any_book, pair


@pytest.mark.parametrize("seed", range(8))
def test_at_any_prices_at_all_the_bound_holds(seed):
    book, chance = any_book(seed), random.Random(seed)
    graph = book.graph
    start, goal = graph.number_of[book.token("T1").address], graph.number_of[book.token("T2").address]
    route = split_route(book, "T1", "T2", 10**5, gas_per_leg=50)
    for _ in range(50):
        price = np.array([10 ** chance.uniform(-4, 4) for _ in graph.tokens])
        price[goal] = 1.0
        assert most_possible(graph, price, start, 10**5, 50) >= route.amount_out_after_gas


def test_a_pair_profits_no_more_than_the_bound_to_the_last_place():
    # With reserves of 4 and 9 million, no fee and equal prices, selling 2 million gives 3 million: a profit of exactly one.
    pool = PoolBook([pair(0, USDC, WETH, 4 * 10**6, 9 * 10**6, fee_pips=0)]).graph
    arc = int(np.flatnonzero(pool.down)[0])
    most = most_profit(WorkingSet(pool, np.array([arc])), np.ones(1), np.ones(1))
    assert 10**6 <= Fraction(float(most[0])) < 10**6 * (1 + Fraction(1, 10**9))


def test_a_pool_said_to_be_used_or_unused_narrows_the_claim():
    book = PoolBook([pair(0, USDC, WETH, 10**9, 10**9), pair(1, USDC, WETH, 10**9, 10**9)])
    graph = book.graph
    start = graph.number_of[USDC.address]
    price = np.ones(2)
    price[start] = 0.9
    both = most_possible(graph, price, start, 10**8, 1000)
    assert most_possible(graph, price, start, 10**8, 1000, unused=(0,)) < both
    assert most_possible(graph, price, start, 10**8, 1000, used=(0, 1)) == pytest.approx(both, abs=1)


def test_a_route_above_its_bound_would_page_a_person(monkeypatch):
    monkeypatch.setattr(split.Brancher, "bound", lambda self, arcs, price, work: 5)
    monkeypatch.setattr(split, "fit_under_cap", lambda *_: None)
    book = PoolBook([pair(0, USDC, WETH, 10**9, 10**9)])
    with pytest.raises(Broken, match="at most 5"):
        split_route(book, "USDC", "WETH", 10**6)


def test_arrays_follow_the_pools():
    book = PoolBook([pair(0, USDC, WETH, 10**9, 10**9), pair(1, USDC, WETH, 10**9, 2 * 10**9)])
    before = book.graph
    after = book.with_pool(0, ConstantProductPool(3000, 10**9, 4 * 10**9)).graph
    arc = int(np.flatnonzero(before.down & (before.pool == 0))[0])
    assert after.rate[arc] == 4 * before.rate[arc]
    assert after.chain(arc) is not before.chain(arc)
    other = int(np.flatnonzero(before.down & (before.pool == 1))[0])
    assert after.rate[other] == before.rate[other]
    assert before.hops_from(0).tolist() == [0, 1]
