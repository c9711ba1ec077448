"""Postings: what an event did to a centre's holdings, and at what value."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.profit import open_lots
from assets.profit.book import keep_book
from assets.profit.postings import liquidity_postings, trade_postings
from tests.assets.enrichment.market import DAY, POOL, USDC, WETH, prices, trade
from tests.assets.profit.entries import liquidity, moved, valued

POSITION = f"position:{POOL}:-600:600"
ETH, DOLLAR = 10**18, 10**6


def lines(postings: pl.DataFrame) -> list[tuple[str, str, int, int]]:
    return [
        (kind, token, int(amount), int(value))
        for kind, token, amount, value in postings.select("kind", "token", "amount", "value_micro_usd").iter_rows()
    ]


def test_a_trade_is_booked_at_the_value_of_what_was_sold():
    postings = trade_postings(valued(trade(5, WETH, 1, USDC, 2990, notional_usd=3000.0)))

    assert lines(postings) == [("trade", WETH, -ETH, -3000 * DOLLAR), ("trade", USDC, 2990 * DOLLAR, 3000 * DOLLAR)]


def test_its_edge_is_what_was_bought_minus_what_was_sold_at_the_market():
    (edge,) = valued(trade(5, WETH, 1, USDC, 3012, notional_usd=3000.0))["edge_micro_usd"].to_list()

    assert edge == 12 * DOLLAR


def test_a_trade_whose_sold_token_has_no_price_is_worth_what_was_bought():
    known = valued(trade(5, "0xweth", 1, USDC, 2990, notional_usd=None))

    assert known["value_micro_usd"].to_list() == [2990 * DOLLAR]
    assert known["edge_micro_usd"].to_list() == [0]


def test_a_trade_without_any_price_is_not_booked():
    known = valued(trade(5, WETH, 1, USDC, 2990, notional_usd=None), market=prices({}))

    assert known["value_micro_usd"].to_list() == [None]
    assert trade_postings(known).is_empty()


def test_a_deposit_gives_tokens_for_units_at_the_market():
    postings = liquidity_postings(liquidity(moved("mint", 5, 1, 3000, 777)))

    assert lines(postings) == [
        ("deposit", WETH, -ETH, -3000 * DOLLAR),
        ("deposit", USDC, -3000 * DOLLAR, -3000 * DOLLAR),
        ("deposit", POSITION, 777, 6000 * DOLLAR),
    ]


def test_a_withdrawal_notes_what_it_owes_and_its_collect_says_where_to_look():
    burned, collected = moved("burn", 6, 1, 3000, 777), moved("collect", 7, 1.1, 3000)

    postings = liquidity_postings(liquidity(burned, collected))

    owed = [f"owed:{POOL}:-600:600:{token}" for token in (WETH, USDC)]
    assert lines(postings)[:5] == [
        ("withdrawal", POSITION, -777, -6000 * DOLLAR),
        ("withdrawal", WETH, ETH, 3000 * DOLLAR),
        ("withdrawal", USDC, 3000 * DOLLAR, 3000 * DOLLAR),
        ("withdrawal", owed[0], ETH, 0),
        ("withdrawal", owed[1], 3000 * DOLLAR, 0),
    ]
    assert postings.filter(pl.col("kind") == "collect")["owed_from"].to_list() == owed


def test_a_position_on_one_side_needs_the_price_of_that_side_only():
    only_weth = prices({0: 3000.0}).filter(pl.col("token") == WETH)

    booked = liquidity_postings(liquidity(moved("mint", 5, 1, 0, 777), market=only_weth))
    unbooked = liquidity_postings(liquidity(moved("mint", 5, 1, 1, 777), market=only_weth))

    assert lines(booked) == [("deposit", WETH, -ETH, -3000 * DOLLAR), ("deposit", POSITION, 777, 3000 * DOLLAR)]
    assert unbooked.is_empty()


def test_a_poke_that_moves_nothing_posts_nothing():
    assert liquidity_postings(liquidity(moved("burn", 5, 0, 0, 0))).is_empty()


def test_a_share_of_a_pair_is_counted_by_the_root_of_its_product():
    pair = {"protocol": "constant_product", "tick_lower": None, "tick_upper": None}

    postings = liquidity_postings(liquidity(moved("mint", 5, 4, 90_000, **pair), moved("burn", 6, 4, 90_000, **pair)))

    position = [(kind, int(amount)) for kind, token, amount, _ in lines(postings) if token == f"position:{POOL}"]
    assert [kind for kind, _ in position] == ["deposit", "redemption"]
    assert [units for _, units in position] == [6 * 10**14, -6 * 10**14]


def test_a_deposit_taken_back_whole_earns_only_its_fees():
    events = liquidity(moved("mint", 5, 1, 3000, 777), moved("burn", 6, 1, 3000, 777), moved("collect", 7, 1.125, 3000))

    kept = keep_book(open_lots.TABLE.empty(), liquidity_postings(events), [DAY])

    assert sum(each.closing.gain_micro_usd for each in kept.closed) == 375 * DOLLAR  # an eighth of a WETH
    assert [(close.token, sum(lot.amount for lot in close.queue)) for close in kept.closes] == [(WETH, ETH // 8)]


AMOUNTS = st.floats(0, 1000).map(lambda value: round(value, 6))


@settings(deadline=None, max_examples=40)
@given(AMOUNTS, AMOUNTS, AMOUNTS, AMOUNTS, st.integers(0, 10**20))
def test_for_any_liquidity_the_values_of_an_event_cancel_except_for_income(weth, usdc, fee0, fee1, units):
    events = liquidity(
        moved("mint", 5, weth, usdc, units), moved("burn", 6, weth, usdc, units), moved("collect", 7, weth + fee0, usdc + fee1)
    )

    postings = liquidity_postings(events)

    sums = postings.filter(pl.col("kind") != "collect").group_by("proof").agg(pl.col("value_micro_usd").sum())
    assert all(value == 0 for value in sums["value_micro_usd"])
