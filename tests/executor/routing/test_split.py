import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.amm.concentrated import ConcentratedPool
from domain.amm.constant_product import ConstantProductPool
from domain.amm.liquidity import Tick
from domain.problems import BadInput, NoRoute, UnknownToken
from executor.routing import all_paths, best_path, get_best_path, split_route
from executor.routing.legs import ALL_X64
from executor.routing.pool_book import PoolBook, Token
from executor.routing.split import SplitRoute
from tests.executor.routing.books import DAI, ONE, PEPE, USDC, WETH, any_book, concentrated, pair, wild_book

HOPS = [None, 1, 2, 3]
THOROUGH = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)


def replayed(book: PoolBook, route: SplitRoute) -> dict[str, int]:
    """What is held of each token after the legs ran through the pools' own quotes, one after the other."""
    held = {route.legs[0].sell: route.amount_in}
    for leg in route.legs:
        assert leg.amount_in == held[leg.sell] * leg.share_x64 >> 64
        quote = book.quote(leg.pool_id, leg.sell, leg.amount_in)
        assert (quote.amount_in, quote.amount_out, quote.partial) == (leg.amount_in, leg.amount_out, False)
        held[leg.sell] -= leg.amount_in
        held[leg.buy] = held.get(leg.buy, 0) + leg.amount_out
    return held


def asked(book: PoolBook, amount: int, **options) -> SplitRoute | None:
    try:
        return split_route(book, "T1", "T2", amount, **options)
    except NoRoute:
        return None


def test_an_amount_is_parted_between_two_equal_pools_by_halves():
    book = PoolBook([pair(0, USDC, WETH, 10**9, 10**9), pair(1, USDC, WETH, 10**9, 10**9)])
    route = split_route(book, "USDC", "WETH", 10**8)
    assert [leg.amount_in for leg in route.legs] == [5 * 10**7, 5 * 10**7]
    assert route.legs[-1].share_x64 == ALL_X64
    assert route.amount_out > best_path(book, "USDC", "WETH", 10**8).amount_out
    assert route.certificate_bps < 0.01


def test_gas_decides_how_many_pools_are_worth_it():
    book = PoolBook([pair(number, USDC, WETH, 10**12, 10**12) for number in range(6)])
    legs = [len(split_route(book, "USDC", "WETH", 10**10, gas_per_leg=gas).legs) for gas in (0, 10**6, 10**7, 10**9)]
    assert legs == [6, 5, 2, 1] or (legs == sorted(legs, reverse=True) and legs[0] == 6 and legs[-1] == 1)
    dear = split_route(book, "USDC", "WETH", 10**10, gas_per_leg=10**9)
    assert dear.amount_out_after_gas == dear.amount_out - 10**9 <= dear.upper_bound


def test_segments_are_filled_in_the_order_of_their_price():
    near, far = concentrated(0, USDC, WETH, 10**12, reach=60), concentrated(1, USDC, WETH, 10**12, reach=6000)
    route = split_route(PoolBook([near, far]), "USDC", "WETH", 10**10)
    assert {leg.pool_id for leg in route.legs} == {0, 1}
    assert route.certificate_bps < 0.01
    # The narrow pool holds 60 ticks; past them all goes to the wide one.
    most = split_route(PoolBook([near, far]), "USDC", "WETH", 10**11)
    taken = {leg.pool_id: leg.amount_in for leg in most.legs}
    assert taken[0] < 31 * 10**8 and taken[1] > 9 * 10**10
    assert most.certificate_bps < 0.01


def test_what_no_single_pool_takes_is_taken_by_two_together():
    book = PoolBook([concentrated(0, USDC, WETH, 10**9, reach=60), concentrated(1, USDC, WETH, 10**9, reach=60)])
    with pytest.raises(NoRoute):
        best_path(book, "USDC", "WETH", 4 * 10**6)
    route = split_route(book, "USDC", "WETH", 4 * 10**6)
    assert len(route.legs) == 2
    assert sum(leg.amount_in for leg in route.legs) == 4 * 10**6


def test_more_than_all_the_liquidity_there_is_has_no_route():
    book = PoolBook([concentrated(0, USDC, WETH, 10**9, reach=60), concentrated(1, USDC, WETH, 10**9, reach=60)])
    with pytest.raises(NoRoute, match="takes all of"):
        split_route(book, "USDC", "WETH", 10**9)


def test_best_path_in_short_names_the_pools_and_the_output():
    book = PoolBook([pair(0, USDC, WETH, 10**9, 10**9), pair(1, WETH, DAI, 10**9, 10**9)])
    found = get_best_path(book, "USDC", "DAI", 10**6)
    assert found.pool_ids == (0, 1)
    assert found.expected_output == split_route(book, "USDC", "DAI", 10**6).amount_out
    assert found.certificate_bps < 0.1


def test_hops_are_counted_along_every_way_through_the_split():
    tokens = [Token(f"0x{number:040x}", f"T{number}", 18) for number in range(1, 7)]
    row = PoolBook([pair(number, one, two, 10**12, 10**12) for number, (one, two) in enumerate(pairwise(tokens))])
    assert len(split_route(row, "T1", "T6", 10**9).legs) == 5
    assert len(split_route(row, "T1", "T4", 10**9, max_hops=3).legs) == 3
    with pytest.raises(NoRoute, match="up to 4 pools joins"):
        split_route(row, "T1", "T6", 10**9, max_hops=4)
    with pytest.raises(NoRoute, match="up to 4 pools joins"):
        split_route(row, "T1", "T6", 10**9, max_legs=4)


def test_questions_that_make_no_sense_are_refused():
    book = any_book(1)
    wrong: list[dict[str, Any]] = [{"gas_per_leg": -1}, {"max_legs": 0}, {"max_hops": 0}, {"effort": -1}, {"gas_per_leg": 1.5}]
    for options in wrong:
        with pytest.raises(BadInput, match=next(iter(options))):
            split_route(book, "T1", "T2", 5, **options)
    with pytest.raises(BadInput, match="same token"):
        split_route(book, "T1", "T1", 5)
    with pytest.raises(BadInput, match="base units"):
        split_route(book, "T1", "T2", 0)
    with pytest.raises(UnknownToken):
        split_route(book, "T1", "GOLD", 5)
    with pytest.raises(NoRoute, match="no pools"):
        split_route(PoolBook([]), "T1", "T2", 5)
    with pytest.raises(NoRoute, match="joins USDC and PEPE"):
        split_route(PoolBook([pair(0, USDC, WETH, 10, 10), pair(1, DAI, PEPE, 10, 10)]), "USDC", "PEPE", 5)


@THOROUGH
@given(
    st.integers(0, 10**6), st.integers(3, 10), st.sampled_from([0, 0, 1, 10**3, 10**5]), st.integers(1, 9), st.sampled_from([None, 1, 2, 3])
)
def test_for_any_book_a_split_is_replayed_exactly_and_never_worse_than_one_path(seed, size, gas, max_legs, max_hops):
    book, amount = any_book(seed), 10**size
    found = asked(book, amount, gas_per_leg=gas, max_legs=max_legs, max_hops=max_hops)
    paths = [path for path in all_paths(book, "T1", "T2", amount, max_hops or 3) if len(path.legs) <= max_legs]
    if found is None:
        assert not paths
        return
    held = replayed(book, found)
    assert held.pop(book.token("T2").address) == found.amount_out
    assert not any(held.values())
    used = [leg.pool_id for leg in found.legs]
    assert len(set(used)) == len(used) <= max_legs
    assert longest_way(found) <= (max_hops or max_legs)
    best = max((path.amount_out - gas * len(path.legs) for path in paths), default=None)
    assert best is None or found.amount_out_after_gas >= best
    assert found.amount_out_after_gas <= found.upper_bound
    assert found.certificate_bps >= 0


def longest_way(route: SplitRoute) -> int:
    depth = {route.legs[0].sell: 0}
    for leg in route.legs:
        depth[leg.buy] = max(depth.get(leg.buy, 0), depth[leg.sell] + 1)
    return max(depth.values())


@THOROUGH
@given(st.integers(0, 10**6), st.integers(3, 10), st.sampled_from([0, 1, 10**3]))
def test_for_any_book_no_split_drawn_at_random_passes_the_bound(seed, size, gas):
    book, amount, chance = any_book(seed, tokens=4, pools=9), 10**size, random.Random(seed)
    found = asked(book, amount, gas_per_leg=gas)
    if found is None:
        return
    for _ in range(60):
        given_out, legs = drawn(book, amount, chance)
        assert given_out - gas * legs <= found.upper_bound


@pytest.mark.parametrize("seed", range(40))
def test_for_any_book_however_wild_legs_replay_and_the_bound_holds(seed):
    book, chance = wild_book(seed), random.Random(seed)
    amount, gas = int(10 ** chance.uniform(0, 30)), chance.choice((0, 10**3, 10**9))
    try:
        found = split_route(book, "T1", "T2", amount, gas_per_leg=gas)
    except (NoRoute, UnknownToken):
        return
    held = replayed(book, found)
    assert held.pop(book.token("T2").address) == found.amount_out and not any(held.values())
    for path in all_paths(book, "T1", "T2", amount):
        assert path.amount_out - gas * len(path.legs) <= found.amount_out_after_gas <= found.upper_bound
    for _ in range(30):
        given_out, legs = drawn(book, amount, chance)
        assert given_out - gas * legs <= found.upper_bound


def drawn(book: PoolBook, amount: int, chance: random.Random) -> tuple[int, int]:
    """Any route at all: pools in any order, any share of what is held, loops and leftovers allowed."""
    held = {book.token("T1").address: amount}
    legs = 0
    pools = [booked.pool_id for booked in book]
    chance.shuffle(pools)
    goal = book.token("T2").address
    for pool_id in pools:
        booked = book.pool(pool_id)
        sell, buy = chance.sample([booked.token0.address, booked.token1.address], 2)
        if sell == goal or not held.get(sell):
            continue
        part = held[sell] if chance.random() < 0.4 else int(held[sell] * chance.random())
        given_out = part and booked.pool.output_for(booked.sells(sell), part)
        if given_out:
            held[sell] -= part
            held[buy] = held.get(buy, 0) + given_out
            legs += 1
    return held.get(goal, 0), legs


@pytest.mark.parametrize("gas", [0, 2000, 40000])
def test_a_grid_of_splits_finds_nothing_better_than_the_bound_and_nothing_much_better_than_the_answer(gas):
    book = PoolBook(
        [
            pair(0, USDC, WETH, 3 * 10**9, 3 * 10**9),
            concentrated(1, USDC, WETH, 2 * 10**9, reach=600),
            pair(2, USDC, DAI, 10**10, 10**10, 500),
            pair(3, WETH, DAI, 10**10, 10**10, 500),
        ]
    )
    amount, steps = 10**8, 60
    found = split_route(book, "USDC", "WETH", amount, gas_per_leg=gas, effort=100)

    def out(pool_id: int, token: str, part: int) -> int:
        return book.quote(pool_id, token, part).amount_out if part else 0

    best = 0
    for one in range(steps + 1):
        for two in range(steps + 1 - one):
            parts = [amount * one // steps, amount * two // steps]
            rest = amount - sum(parts)
            through = out(2, USDC.address, rest)
            total = out(0, USDC.address, parts[0]) + out(1, USDC.address, parts[1]) + out(3, DAI.address, through)
            best = max(best, total - gas * (bool(parts[0]) + bool(parts[1]) + 2 * bool(rest)))
    assert best <= found.upper_bound
    assert best <= found.amount_out_after_gas
    assert found.certificate_bps < 0.05


def test_more_liquidity_never_lowers_the_answer_by_more_than_its_certificate():
    for seed in range(12):
        book = any_book(seed)
        found = asked(book, 10**6)
        deeper = PoolBook(
            [
                *book,
                pair(100, book.token("T1"), book.token("T2"), 10**7, 10**7),
            ]
        )
        more = asked(deeper, 10**6)
        if found is not None:
            assert more is not None and more.upper_bound >= found.amount_out_after_gas
            assert more.amount_out >= found.amount_out * (1 - more.certificate_bps / 10_000) - 1


def test_a_book_with_one_changed_pool_routes_like_a_book_built_anew():
    book = any_book(3)
    book.graph  # noqa: B018  # built before the change, so that it is carried over
    changed = book.with_pools({0: ConstantProductPool(3000, 10**9, 10**9)} if isinstance(book.pool(0).pool, ConstantProductPool) else {})
    stirred = changed.with_pool(1, book.pool(1).pool)
    anew = PoolBook(list(stirred))
    for amount in (10**4, 10**6):
        assert split_route(stirred, "T1", "T2", amount) == split_route(anew, "T1", "T2", amount)


def test_pools_that_are_empty_or_closed_are_no_hindrance():
    at_its_end = ConcentratedPool(500, 10, ONE, 0, 0).mint(-600, 600, 10**9)[0].standing_at(ONE, 0, 10**9)
    book = PoolBook(
        [pair(0, USDC, WETH, 0, 0), pair(1, USDC, WETH, 10**9, 10**9), pair(3, USDC, WETH, 10**9, 0), concentrated(2, USDC, WETH, 10**9)]
    ).with_pool(2, at_its_end)
    route = split_route(book, "USDC", "WETH", 10**7)
    assert {leg.pool_id for leg in route.legs} == {1, 2}
    with pytest.raises(NoRoute):
        split_route(PoolBook([pair(0, USDC, WETH, 0, 0)]), "USDC", "WETH", 5)


@pytest.mark.parametrize("gas", [0, 100])
def test_many_tokens_are_searched_like_few(gas):
    book = any_book(4, tokens=150, pools=500)
    found = split_route(book, "T1", "T2", 10**6, gas_per_leg=gas, max_legs=12)
    held = replayed(book, found)
    assert held.pop(book.token("T2").address) == found.amount_out and not any(held.values())
    assert found.amount_out_after_gas <= found.upper_bound


def test_pools_whose_ticks_do_not_add_up_are_used_as_far_as_they_do():
    ticks = {-60: Tick(None, 5 * 10**9), 60: Tick(None, -(10**9))}
    broken = ConcentratedPool(500, 10, ONE, 0, 10**9, ticks, ticks_are_inferred=True)
    book = PoolBook([concentrated(0, USDC, WETH, 10**9), pair(1, USDC, WETH, 10**9, 10**9)]).with_pool(0, broken)
    found = split_route(book, "USDC", "WETH", 10**8)
    replayed(book, found)
    assert sum(leg.amount_in for leg in found.legs if leg.pool_id == 0) < 4 * 10**6
