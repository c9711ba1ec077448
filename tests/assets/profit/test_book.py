"""The book: postings in the chain's order, carried from day to day, conserving every millionth of a dollar."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.profit import open_lots
from assets.profit.book import COLLECT, POSTINGS, REDEMPTION, TRADE, WITHDRAWAL, Kept, keep_book
from assets.profit.closing import Marks, open_lot_rows

MONDAY = date(2026, 1, 5)
NO_LOTS = open_lots.TABLE.empty()
NO_MARKS = Marks(
    pl.DataFrame(schema={"day": pl.Date(), "token": pl.String(), "price_time": pl.Datetime("us", "UTC"), "price_usd": pl.Float64()}),
    pl.DataFrame(schema={"token": pl.String(), "decimals": pl.Int64()}),
    pl.DataFrame(schema={"day": pl.Date(), "pool": pl.String(), "is_day_close": pl.Boolean()}),
    pl.DataFrame(schema={"pool": pl.String(), "token0": pl.String(), "token1": pl.String()}),
)


def posting(
    token: str,
    amount: int,
    value: int,
    *,
    block: int = 1,
    step: int = 0,
    day: date = MONDAY,
    kind: str = TRADE,
    owed: str | None = None,
    center: str = "Arbitrage",
) -> tuple:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=block)
    return (day, center, at, f"1:{block}:0", block, 0, step, kind, token, token.upper(), Decimal(amount), Decimal(value), owed)


def book_of(*lines: tuple) -> pl.DataFrame:
    return pl.DataFrame(lines, schema=POSTINGS, orient="row")


def trade(block: int, sold: str, amount_sold: int, bought: str, amount_bought: int, value: int, day: date = MONDAY) -> list[tuple]:
    return [
        posting(sold, -amount_sold, -value, block=block, step=0, day=day),
        posting(bought, amount_bought, value, block=block, step=1, day=day),
    ]


def gains(kept: Kept) -> int:
    return sum(each.closing.gain_micro_usd for each in kept.closed)


def test_a_round_trip_that_ends_with_more_than_it_began_with_is_a_gain():
    # 1 WETH for 3,010 USDC in one pool, those for 1.01 WETH in another; WETH is worth 3,000.
    lines = trade(1, "weth", 100, "usdc", 3010, 3000) + trade(2, "usdc", 3010, "weth", 101, 3010)

    kept = keep_book(NO_LOTS, book_of(*lines), [MONDAY])

    (close,) = kept.closes
    assert [(lot.amount, lot.cost_micro_usd) for lot in close.queue] == [(1, 30)]  # the hundredth that is left over
    assert gains(kept) == 10 + 20  # USDC sold above its cost, and the short closed below: 3000 in, 2980 back


def test_the_book_is_carried_from_day_to_day():
    tuesday = MONDAY + timedelta(days=1)
    lines = trade(1, "usdc", 1000, "weth", 10, 1000) + trade(9, "weth", 4, "usdc", 500, 480, day=tuesday)

    both = keep_book(NO_LOTS, book_of(*lines), [MONDAY, tuesday])
    first = keep_book(NO_LOTS, book_of(*lines), [MONDAY])
    opening = open_lot_rows(open_lots.TABLE, first.closes, NO_MARKS)
    second = keep_book(opening, book_of(*lines), [tuesday])

    assert both.closes == first.closes + second.closes
    assert both.closed == first.closed + second.closed
    assert gains(second) == 80 + 20  # WETH bought at 100 and sold at 120; USDC owed 500 and bought back for 480


def test_a_day_without_postings_keeps_the_lots_of_the_day_before():
    days = [MONDAY, MONDAY + timedelta(days=1)]

    kept = keep_book(NO_LOTS, book_of(*trade(1, "usdc", 10, "weth", 1, 10)), days)

    assert [close.day for close in kept.closes] == [days[0], days[0], days[1], days[1]]
    assert kept.closes[0].queue == kept.closes[2].queue


def test_centers_never_share_lots():
    lines = [posting("weth", 5, 50), posting("weth", -5, -60, block=2, center="Trend-Following")]

    kept = keep_book(NO_LOTS, book_of(*lines), [MONDAY])

    assert kept.closed == ()
    assert [(close.center, close.queue[0].amount) for close in kept.closes] == [("Arbitrage", 5), ("Trend-Following", -5)]


def test_collecting_what_was_withdrawn_earns_nothing_and_the_rest_is_income():
    lines = [
        posting("weth", 10, 100, kind=WITHDRAWAL),
        posting("owed:weth", 10, 0, step=3, kind=WITHDRAWAL),
        posting("weth", 12, 120, block=2, kind=COLLECT, owed="owed:weth"),
        posting("weth", 3, 30, block=3, kind=COLLECT, owed="owed:weth"),
    ]

    kept = keep_book(NO_LOTS, book_of(*lines), [MONDAY])

    assert [(each.closing.amount, each.closing.gain_micro_usd) for each in kept.closed if each.kind == COLLECT] == [(0, 20), (0, 30)]
    (close,) = kept.closes
    assert (close.token, sum(lot.amount for lot in close.queue), sum(lot.cost_micro_usd for lot in close.queue)) == ("weth", 15, 150)


def test_collecting_only_what_was_withdrawn_changes_nothing():
    lines = [
        posting("weth", 10, 100, kind=WITHDRAWAL),
        posting("owed:weth", 10, 0, step=3, kind=WITHDRAWAL),
        posting("weth", 10, 100, block=2, kind=COLLECT, owed="owed:weth"),
    ]

    kept = keep_book(NO_LOTS, book_of(*lines), [MONDAY])

    assert gains(kept) == 0
    assert sum(lot.amount for lot in kept.closes[0].queue) == 10


def test_a_share_that_grew_by_fees_is_redeemed_whole_and_leaves_no_short_behind():
    lines = [posting("position:pool", 100, 1000), posting("position:pool", -103, -1100, block=2, kind=REDEMPTION)]

    kept = keep_book(NO_LOTS, book_of(*lines), [MONDAY])

    assert kept.closes == ()
    assert gains(kept) == 100


def test_a_share_bought_before_the_record_began_is_redeemed_against_the_opening_balance():
    kept = keep_book(NO_LOTS, book_of(posting("position:pool", -103, -1100, kind=REDEMPTION)), [MONDAY])

    assert kept.closes[0].queue[0].amount == -103


TOKENS = ("weth", "usdc", "dai")
TRADES = st.lists(
    st.tuples(
        st.integers(0, 3),
        st.sampled_from([(a, b) for a in TOKENS for b in TOKENS if a != b]),
        st.integers(0, 10**20),
        st.integers(0, 10**20),
        st.integers(0, 10**12),
    ),
    max_size=25,
)


@settings(deadline=None)
@given(TRADES, st.lists(st.floats(0.01, 1e5), min_size=12, max_size=12))
def test_for_any_trades_realised_plus_unrealised_is_what_the_holdings_are_worth(drawn, prices):
    days = [MONDAY + timedelta(days=n) for n in range(4)]
    lines = [
        line
        for block, (day, (sold, bought), spent, got, value) in enumerate(sorted(drawn, key=lambda one: one[0]))
        for line in trade(block, sold, spent, bought, got, value, day=days[day])
    ]
    quoted = [(day, token, datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in days for token in TOKENS]
    market = pl.DataFrame(quoted, schema=["day", "token", "price_time"], orient="row").with_columns(price_usd=pl.Series(prices))
    decimals = {"weth": 18, "usdc": 6, "dai": 18}
    tokens = pl.DataFrame({"token": list(decimals), "decimals": list(decimals.values())})
    marks = Marks(market, tokens, pl.DataFrame(schema={"day": pl.Date(), "pool": pl.String(), "is_day_close": pl.Boolean()}), NO_POOLS)

    kept = keep_book(NO_LOTS, book_of(*lines), days)
    lots = open_lot_rows(open_lots.TABLE, kept.closes, marks)

    for day in days:
        realised = sum(each.closing.gain_micro_usd for each in kept.closed if each.day <= day)
        of_day = lots.filter(pl.col("day") == day)
        unrealised = int(of_day["value_micro_usd"].sum() - of_day["cost_micro_usd"].sum())
        # Counted without any lots: all that came in minus all that went out, at the day's prices.
        held = {token: sum(int(line[10]) for line in lines if line[8] == token and line[0] <= day) for token in TOKENS}
        assert realised + unrealised == sum(marks.value(day, token, amount) or 0 for token, amount in held.items())


NO_POOLS = pl.DataFrame(schema={"pool": pl.String(), "token0": pl.String(), "token1": pl.String()})
