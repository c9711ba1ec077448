"""The market as it was known: the last value up to a moment, nothing later, nothing stale."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.market import MarketHistory, Series, microseconds
from domain.problems import BadInput

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
MINUTE = 60_000_000


def minutes_ago(*values: float) -> Series:
    """One value a minute, the last of them at noon."""
    return Series.of((microseconds(NOON) - MINUTE * (len(values) - 1 - at), value) for at, value in enumerate(values))


def history(**series: Series) -> MarketHistory:
    return MarketHistory({**series}, Series.of([(0, 20e9), (microseconds(NOON), 30e9)]), minutes_ago(3000.0))


def test_a_price_is_the_last_one_known_by_then() -> None:
    told = history(eth=minutes_ago(100.0, 101.0, 102.0))
    assert told.at(NOON).price_usd("eth") == 102.0
    assert told.at(NOON - timedelta(microseconds=1)).price_usd("eth") == 101.0
    assert told.at(NOON - timedelta(minutes=3)).price_usd("eth") is None
    assert told.at(NOON).price_usd("unheard of") is None


def test_a_price_nobody_renewed_for_a_day_is_no_price() -> None:
    told = history(eth=minutes_ago(100.0))
    assert told.at(NOON + timedelta(days=1)).price_usd("eth") == 100.0
    assert told.at(NOON + timedelta(days=1, microseconds=1)).price_usd("eth") is None


def test_a_rate_needs_both_prices() -> None:
    told = history(eth=minutes_ago(3000.0), usd=minutes_ago(2.0))
    assert told.at(NOON).rate("eth", "usd") == 1500.0
    assert told.at(NOON).rate("eth", "doge") is None
    assert told.at(NOON).known_at("eth", "usd") == microseconds(NOON)
    assert told.at(NOON).known_at("doge", "cat") is None


def test_volatility_is_the_root_of_the_squared_returns() -> None:
    told = history(eth=minutes_ago(100.0, 101.0, 100.0), usd=minutes_ago(1.0, 1.0, 1.0))
    assert told.at(NOON).volatility_bps("eth", "usd") == pytest.approx(1e4 * math.sqrt(2) * math.log(1.01))
    assert told.at(NOON).volatility_bps("eth", "doge") == 0.0


def test_a_move_is_positive_when_the_sold_token_now_buys_more() -> None:
    told = history(eth=minutes_ago(100.0, 100.0, 102.0), usd=minutes_ago(1.0, 1.0, 1.0))
    assert told.at(NOON).move_bps("eth", "usd", timedelta(minutes=2)) == pytest.approx(1e4 * math.log(1.02))
    assert told.at(NOON).move_bps("usd", "eth", timedelta(minutes=2)) == pytest.approx(-1e4 * math.log(1.02))
    assert told.at(NOON).move_bps("eth", "usd", timedelta(hours=1)) == 0.0


def test_gas_is_dollars_at_the_last_base_fee() -> None:
    told = history()
    assert told.at(NOON).gas_usd(100_000) == pytest.approx(100_000 * 30e9 * 1e-18 * 3000)
    assert MarketHistory({}).at(NOON).gas_usd(100_000) == 0.0


@given(
    st.lists(st.tuples(st.integers(0, 10**15), st.floats(0.01, 1e6)), min_size=1, max_size=30),
    st.integers(0, 10**15),
    st.integers(0, 10**15),
)
def test_for_any_series_nothing_after_a_moment_changes_what_was_known_then(points, moment, reach) -> None:
    series = Series.of(points)
    before = Series.of((time, value) for time, value in dict(points).items() if time <= moment)
    assert series.at(moment) == before.at(moment)
    assert series.tail(moment, reach).at(moment) == series.at(moment)
    assert all(time <= moment for time in series.tail(moment, reach).times)


def test_a_document_is_the_history_again() -> None:
    told = history(eth=minutes_ago(100.0, 101.0), usd=minutes_ago(1.0))
    assert MarketHistory.from_document(told.to_document()) == told
    short = told.tail(NOON, timedelta(seconds=30))
    assert short.prices["eth"].values == (100.0, 101.0)
    assert short.at(NOON).rate("eth", "usd") == told.at(NOON).rate("eth", "usd")


@pytest.mark.parametrize("broken", [{}, {"prices_usd": 3}, {"prices_usd": {"a": [["x", 1]]}, "base_fee_wei": [], "native_price_usd": []}])
def test_a_document_that_is_not_whole_is_refused(broken: dict) -> None:
    with pytest.raises(BadInput, match="write the hand-over again"):
        MarketHistory.from_document(broken)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(BadInput, match="time zone"):
        history().at(datetime(2026, 1, 5))
    assert history().at(NOON).moment == NOON
