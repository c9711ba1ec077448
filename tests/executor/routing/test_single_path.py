import pytest

from domain.problems import BadInput, NoRoute, UnknownToken
from executor.routing import all_paths, best_path
from executor.routing.pool_book import PoolBook
from tests.executor.routing.books import DAI, PEPE, USDC, WETH, any_book, concentrated, pair


def test_the_better_of_two_pools_is_taken():
    book = PoolBook([pair(0, USDC, WETH, 10**6, 10**6), pair(1, USDC, WETH, 10**6, 11 * 10**5)])
    route = best_path(book, "USDC", "WETH", 1000)
    assert [leg.pool_id for leg in route.legs] == [1]


def test_a_detour_is_taken_when_it_pays():
    book = PoolBook([pair(0, USDC, WETH, 10**6, 10**6), pair(1, USDC, DAI, 10**9, 10**9), pair(2, WETH, DAI, 2 * 10**9, 10**9)])
    route = best_path(book, "USDC", "WETH", 1000)
    assert [(leg.pool_id, leg.sell, leg.buy) for leg in route.legs] == [(1, USDC.address, DAI.address), (2, DAI.address, WETH.address)]
    assert route.legs[0].amount_out == route.legs[1].amount_in
    assert (route.amount_in, route.amount_out) == (1000, route.legs[1].amount_out)
    assert best_path(book, "USDC", "WETH", 1000, max_hops=1).legs[0].pool_id == 0


def test_every_leg_is_what_its_pool_quotes():
    book = any_book(5)
    route = best_path(book, "T1", "T4", 1000)
    for leg in route.legs:
        assert book.quote(leg.pool_id, leg.sell, leg.amount_in).amount_out == leg.amount_out


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("max_hops", [1, 2, 3])
def test_for_any_book_nothing_better_is_found_by_trying_everything(seed, max_hops):
    book = any_book(seed)
    for amount in (1000, 10**6, 10**9):
        tried = all_paths(book, "T1", "T2", amount, max_hops)
        if tried:
            best = best_path(book, "T1", "T2", amount, max_hops)
            assert best.amount_out == tried[0].amount_out
            assert best in tried
        else:
            with pytest.raises(NoRoute):
                best_path(book, "T1", "T2", amount, max_hops)


def test_for_any_book_no_pool_is_used_twice_and_no_path_is_too_long():
    for seed in range(10):
        for route in all_paths(any_book(seed), "T1", "T2", 10**4):
            used = [leg.pool_id for leg in route.legs]
            assert len(set(used)) == len(used) <= 3


def test_a_pool_that_can_take_only_a_part_is_never_on_the_path():
    shallow_but_cheap = concentrated(0, USDC, WETH, 10**6, fee_pips=100)
    book = PoolBook([shallow_but_cheap, pair(1, USDC, WETH, 10**6, 10**6)])
    assert best_path(book, "USDC", "WETH", 10**4).legs[0].pool_id == 0
    assert best_path(book, "USDC", "WETH", 10**6).legs[0].pool_id == 1


def test_a_smaller_amount_passes_where_the_largest_does_not_fit():
    # Pool 0 pays more DAI than pool 1, but then pool 2, which holds little, cannot take it all.
    book = PoolBook([pair(0, USDC, DAI, 10**6, 10**9), pair(1, USDC, DAI, 10**9, 10**6), concentrated(2, WETH, DAI, 10**6)])
    route = best_path(book, "USDC", "WETH", 10**6, max_hops=2)
    assert [leg.pool_id for leg in route.legs] == [1, 2]


def test_the_shorter_path_wins_a_tie():
    book = PoolBook(
        [pair(0, USDC, DAI, 10**30, 10**30, 0), pair(1, WETH, DAI, 10**30, 10**30, 0), pair(2, USDC, WETH, 10**6, 10**6 + 10**4, 0)]
    )
    route = best_path(book, "USDC", "WETH", 100)
    assert [leg.pool_id for leg in route.legs] == [2]
    assert best_path(PoolBook([*book, pair(3, USDC, WETH, 10**6, 10**6 + 10**4, 0)]), "USDC", "WETH", 100).legs[0].pool_id == 2


def test_where_no_path_leads_the_refusal_says_why():
    book = PoolBook([pair(0, USDC, WETH, 10**6, 10**6), pair(1, DAI, PEPE, 10**6, 10**6)])
    with pytest.raises(NoRoute, match="joins USDC and PEPE"):
        best_path(book, "USDC", "PEPE", 1000)
    with pytest.raises(NoRoute, match="another amount"):
        best_path(PoolBook([concentrated(0, USDC, WETH, 10**6)]), "USDC", "WETH", 10**12)
    with pytest.raises(NoRoute, match="another amount"):
        best_path(book, "USDC", "WETH", 1)


def test_a_path_too_long_is_no_path():
    book = PoolBook([pair(0, USDC, WETH, 10**6, 10**6), pair(1, WETH, DAI, 10**6, 10**6)])
    assert len(best_path(book, "USDC", "DAI", 1000, max_hops=2).legs) == 2
    with pytest.raises(NoRoute, match="up to 1 pools"):
        best_path(book, "USDC", "DAI", 1000, max_hops=1)


def test_questions_without_an_answer_are_refused():
    book = any_book(1)
    with pytest.raises(BadInput, match="same token"):
        best_path(book, "T1", "T1", 5)
    with pytest.raises(UnknownToken):
        best_path(book, "T1", "GOLD", 5)
    for max_hops in (0, 4):
        with pytest.raises(BadInput, match="1 to 3 hops"):
            best_path(book, "T1", "T2", 5, max_hops)
    with pytest.raises(BadInput, match="base units"):
        best_path(book, "T1", "T2", 0)
