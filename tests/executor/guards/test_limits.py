"""Which limits are tighter: whatever two limits say, the tightest of both allows nothing that one of them forbids."""

from __future__ import annotations

import json
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from executor.guards import AmountLimits, Limits
from executor.guards.limits import market_of
from tests.executor.guards.cases import ODD, USDC, WETH, desk_limits

DOLLARS = st.none() | st.integers(0, 3).map(Decimal)
AMOUNT = st.none() | st.integers(0, 3)
MARKETS = st.sampled_from(["*", market_of(WETH, USDC), market_of(WETH, ODD)])
LIST = st.none() | st.frozensets(st.sampled_from([WETH, USDC, ODD]))
LIMITS = st.builds(
    Limits,
    DOLLARS,
    DOLLARS,
    st.dictionaries(MARKETS, st.integers(0, 3).map(Decimal)),
    st.dictionaries(st.sampled_from([WETH, USDC]), st.builds(AmountLimits, AMOUNT, AMOUNT, AMOUNT)),
    st.integers(0, 3),
    DOLLARS,
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 3),
    LIST,
    LIST,
    LIST,
    DOLLARS,
    AMOUNT,
    st.integers(1, 3),
)


@settings(deadline=None)
@given(LIMITS, LIMITS)
def test_the_tightest_of_two_is_looser_than_neither_and_the_same_either_way(one: Limits, other: Limits):
    met = one.tightest(other)
    assert met.looser_than(one) == met.looser_than(other) == []
    assert met.looser_than(other.tightest(one)) == other.tightest(one).looser_than(met) == []
    for market in (market_of(WETH, USDC), market_of(WETH, ODD), market_of(USDC, ODD)):
        told = [limit for limit in (one.symbol_limit(market), other.symbol_limit(market)) if limit is not None]
        assert met.symbol_limit(market) == (min(told) if told else None)


@settings(deadline=None)
@given(LIMITS, LIMITS, LIMITS)
def test_what_is_looser_stays_looser_beside_anything(one: Limits, other: Limits, third: Limits):
    assert one.tightest(other).tightest(third).looser_than(one.tightest(third)) == []


@settings(deadline=None)
@given(LIMITS)
def test_limits_are_not_looser_than_themselves_and_can_be_told(limits: Limits):
    assert limits.looser_than(limits) == limits.changed_from(limits) == []
    assert json.loads(json.dumps(limits.to_json())) == limits.to_json()


def test_each_limit_that_is_looser_is_named():
    tight = desk_limits(
        amounts={WETH: AmountLimits(max_per_order=5)}, max_rejects=3, reject_window_minutes=10, max_loss_per_day_usd=Decimal(1)
    )
    assert Limits().looser_than(tight) == [
        "max_notional_per_order_usd",
        "max_notional_per_day_usd",
        "max_notional_per_symbol_usd",
        "amounts",
        "max_slippage_bps",
        "max_certificate_bps",
        "max_open_orders",
        "allowed_tokens",
        "allowed_pools",
        "allowed_routers",
        "max_loss_per_day_usd",
        "max_rejects",
    ]
    assert desk_limits(reject_window_minutes=5).looser_than(desk_limits(reject_window_minutes=6)) == ["reject_window_minutes"]
    assert desk_limits(allowed_tokens=frozenset((WETH, ODD))).looser_than(desk_limits()) == ["allowed_tokens"]
    assert tight.changed_from(desk_limits()) == ["amounts", "max_loss_per_day_usd", "max_rejects"]


def test_two_ways_to_say_nothing_are_the_same():
    assert Limits().looser_than(Limits(amounts={WETH: AmountLimits()})) == []
    assert (
        Limits(max_notional_per_symbol_usd={"*": Decimal(5), market_of(WETH, USDC): Decimal(5)}).looser_than(
            Limits(max_notional_per_symbol_usd={"*": Decimal(5)})
        )
        == []
    )
