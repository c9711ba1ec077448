"""Plans: the best path after gas, splits that add up to the wei, and costs measured against the market."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.amm.constant_product import ConstantProductPool
from domain.features import vector
from domain.market import Market, MarketHistory, Series, microseconds
from domain.problems import BadInput, NoRoute
from executor.planning import (
    Intent,
    cost_bps,
    options_for,
    path_mid,
    pool_mid,
    received,
    reference_rate,
    situation_of,
)
from executor.routing.pool_book import PoolBook
from executor.routing.single_path import best_path
from tests.executor.trading_floor import DAI, NOON, USDC, WEI, WETH, market

MARKET = market().at(NOON)


def sell(book: PoolBook, amount: int, token_in: str = WETH, token_out: str = USDC) -> Intent:
    return Intent(book.token(token_in), book.token(token_out), amount)


def test_the_plan_for_now_is_the_best_single_path(book: PoolBook) -> None:
    options = options_for(book, sell(book, 10 * WEI), MARKET)
    assert len(options.now.legs) == 1
    assert options.now.amount_out == best_path(book, WETH, USDC, 10 * WEI, max_hops=2).amount_out


def test_a_small_order_prefers_the_path_that_burns_less_gas(book: PoolBook) -> None:
    large, small = options_for(book, sell(book, 100 * WEI), MARKET), options_for(book, sell(book, WEI // 100), MARKET)
    assert large.now.legs[0].pool_id == 0  # the concentrated pool with the low fee
    assert small.now.legs[0].pool_id == 2  # the pair, whose swap burns half as much
    free = MarketHistory(market().prices).at(NOON)
    assert options_for(book, sell(book, WEI // 100), free).now.legs[0].pool_id == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(10**12, 3_000 * WEI))
def test_for_any_amount_a_split_takes_all_of_it_and_gives_what_its_pools_give(book: PoolBook, amount: int) -> None:
    options = options_for(book, sell(book, amount), MARKET)
    split = options.split
    assert split is not None
    assert split.amount_in == amount
    used = [leg.pool_id for leg in split.legs]
    assert len(used) == len(set(used))
    given_ = 0
    for route in split.routes:
        passing = route.amount_in
        for leg in route.legs:
            assert leg.amount_in == passing
            passing = book.pool(leg.pool_id).pool.quote(book.pool(leg.pool_id).sells(leg.sell), passing).amount_out
            assert leg.amount_out == passing
        given_ += passing
    assert split.amount_out == given_


def test_a_large_order_gains_by_splitting_and_no_other_share_gains_more(book: PoolBook) -> None:
    amount = 1_000 * WEI
    options = options_for(book, sell(book, amount), MARKET)
    assert options.split is not None and options.second is not None
    assert options.split.amount_out > options.now.amount_out > options.second.amount_out
    best, other = options.split.routes
    for percent in range(1, 100):
        share = amount * percent // 100
        one = book.quote(best.legs[0].pool_id, WETH, share).amount_out
        two = book.quote(other.legs[0].pool_id, WETH, amount - share).amount_out
        assert one + two <= options.split.amount_out + 1


def test_an_order_too_large_for_a_second_path_is_split_when_two_together_take_it(book: PoolBook) -> None:
    # A pair holds at most 112 bits of a token: one has room for four more WETH, the other for one.
    full, empty = (1 << 112) - 1, ConstantProductPool(3000, 0, 0)
    roomy, cramped = ConstantProductPool(3000, full // 2, full - 4 * WEI), ConstantProductPool(3000, full // 2, full - WEI)
    two = book.with_pool(0, roomy).with_pool(1, cramped).with_pool(2, empty).with_pool(3, empty)
    options = options_for(two, sell(two, 15 * WEI // 10), MARKET)
    assert options.second is None and options.split is not None
    assert options.split.amount_in == 15 * WEI // 10
    # Of three WETH not even half fits the cramped one.
    assert options_for(two, sell(two, 3 * WEI), MARKET).split is None


def test_where_only_one_path_leads_there_is_neither_second_nor_split(book: PoolBook) -> None:
    empty = ConstantProductPool(3000, 0, 0)
    lonely = book.with_pool(1, empty).with_pool(2, empty).with_pool(3, empty)
    options = options_for(lonely, sell(lonely, WEI), MARKET)
    assert options.second is None and options.split is None
    pair = book.with_pool(0, empty).with_pool(1, empty).with_pool(3, empty)
    assert options_for(pair, sell(pair, 1, USDC, WETH), MARKET).split is None  # a single base unit has no half


def test_no_path_that_takes_it_whole_is_told_with_the_amount(book: PoolBook) -> None:
    with pytest.raises(NoRoute, match="sell less") as refused:
        options_for(book, sell(book, 1 << 200), MARKET)
    assert refused.value.facts["amount"] == str(1 << 200)


def test_an_order_of_nothing_or_for_itself_is_refused(book: PoolBook) -> None:
    with pytest.raises(BadInput, match="at least one base unit"):
        sell(book, 0)
    with pytest.raises(BadInput, match="two different tokens"):
        sell(book, 1, WETH, WETH)


def test_the_cost_is_what_is_missing_from_the_reference_after_gas(book: PoolBook) -> None:
    intent = sell(book, 10 * WEI)
    plan = options_for(book, intent, MARKET).now
    gas = MARKET.gas_usd(plan.gas_units)
    assert received(plan, intent, MARKET) == pytest.approx(plan.amount_out / 1e6 - gas)
    assert cost_bps(plan, intent, MARKET, 3000.0) == pytest.approx(1e4 * (1 - (plan.amount_out / 1e6 - gas) / 30_000))


def test_without_a_market_the_pools_of_the_pair_are_the_reference(book: PoolBook) -> None:
    silent = MarketHistory({}).at(NOON)
    intent = sell(book, WEI)
    assert reference_rate(book, intent, silent) == pytest.approx(3000, rel=1e-2)
    assert received(options_for(book, intent, silent).now, intent, silent) > 0
    empty = ConstantProductPool(3000, 0, 0)
    bare = book.with_pool(0, empty).with_pool(1, empty).with_pool(2, empty)
    with pytest.raises(NoRoute, match="Nothing prices"):
        reference_rate(bare, sell(bare, WEI), silent)


def test_a_mid_price_reads_the_same_from_both_sides(book: PoolBook) -> None:
    there, back = sell(book, WEI), sell(book, 10**6, USDC, WETH)
    assert path_mid(book, [(0, WETH)], there) * path_mid(book, [(0, USDC)], back) == pytest.approx(1)
    assert pool_mid(ConstantProductPool(3000, 0, 5)) == 0.0
    assert path_mid(book.with_pool(2, ConstantProductPool(3000, 0, 0)), [(2, WETH)], there) == 0.0


def test_the_parts_of_the_cost_add_up(book: PoolBook) -> None:
    intent = sell(book, 500 * WEI)
    options = options_for(book, intent, MARKET)
    told = situation_of(book, intent, MARKET, options, 3000.0)
    assert told.quoted_now_bps == pytest.approx(told.fee_bps + told.gas_bps + told.impact_bps + told.deviation_bps)
    assert told.fee_bps == pytest.approx(5, rel=1e-2)
    assert told.impact_bps > 0 and told.gas_bps > 0
    assert told.quoted_split_bps < told.quoted_now_bps < told.quoted_second_bps
    assert told.value_usd == pytest.approx(1_500_000)
    assert told.known_at <= told.decided_at == NOON


def test_a_path_over_another_token_is_a_situation_too(book: PoolBook) -> None:
    empty = ConstantProductPool(3000, 0, 0)
    around = book.with_pool(0, empty).with_pool(1, empty).with_pool(2, empty)
    intent = sell(around, WEI)
    options = options_for(around, intent, MARKET)
    told = situation_of(around, intent, MARKET, options, 3000.0)
    assert [leg.pool_id for leg in options.now.legs] == [3, 4]
    assert told.hops == 2
    assert told.fee_bps == pytest.approx(1e4 * (1 - 0.997**2), rel=1e-2)
    assert told.quoted_split_bps == told.quoted_second_bps == told.quoted_now_bps
    assert told.pair_deviation_bps == told.deviation_bps


def test_what_became_known_after_the_moment_changes_no_feature(book: PoolBook) -> None:
    later = microseconds(NOON + timedelta(minutes=1))
    surprised = MarketHistory(
        {token: Series.of([*zip(series.times, series.values, strict=True), (later, 9.0)]) for token, series in market().prices.items()},
        market().base_fee_wei,
        market().native_price_usd,
    )
    intent = sell(book, 50 * WEI)

    def numbers(known: Market) -> tuple[float, ...]:
        options = options_for(book, intent, known)
        return vector(situation_of(book, intent, known, options, reference_rate(book, intent, known)))

    assert numbers(MARKET) == numbers(surprised.at(NOON))


def test_in_a_silent_market_the_situation_is_known_at_the_decision(book: PoolBook) -> None:
    silent = MarketHistory({}).at(NOON)
    intent = sell(book, WEI, WETH, DAI)
    told = situation_of(book, intent, silent, options_for(book, intent, silent), 3000.0)
    assert told.known_at == NOON
    assert told.gas_bps == pytest.approx(0.0, abs=1e-9)
