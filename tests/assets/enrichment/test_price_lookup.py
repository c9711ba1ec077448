"""Prices at a moment: known by then, not too old, and never from the future."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.enrichment.price_lookup import MAX_PRICE_AGE, with_prices
from tests.assets.enrichment.market import MIDNIGHT, WETH, prices

OLDEST = int(MAX_PRICE_AGE.total_seconds())


def asked(*seconds: int, token: str = WETH) -> pl.DataFrame:
    times = [MIDNIGHT + timedelta(seconds=second) for second in seconds]
    return pl.DataFrame({"token": [token] * len(times), "block_time": times}).with_columns(
        pl.col("block_time").cast(pl.Datetime("us", "UTC"))
    )


def test_the_price_is_the_last_one_known():
    found = with_prices(asked(0, 59, 60, 61), prices({0: 1.0, 60: 2.0}), {"usd": ("token", timedelta())})

    assert found["usd"].to_list() == [1.0, 1.0, 2.0, 2.0]


def test_a_later_moment_can_be_asked_for():
    found = with_prices(asked(0), prices({0: 1.0, 60: 2.0}), {"now": ("token", timedelta()), "soon": ("token", timedelta(minutes=1))})

    assert found.select("now", "soon").rows() == [(1.0, 2.0)]


def test_rows_come_back_in_the_order_of_time():
    found = with_prices(asked(61, 0), prices({0: 1.0, 60: 2.0}), {"usd": ("token", timedelta())})

    assert found["usd"].to_list() == [1.0, 2.0]


def test_an_unknown_token_has_no_price():
    assert with_prices(asked(0, token="0xelse"), prices({0: 1.0}), {"usd": ("token", timedelta())})["usd"].to_list() == [None]


@settings(deadline=None)
@given(st.lists(st.integers(0, 5000), min_size=1, max_size=8, unique=True), st.lists(st.integers(0, 5000), min_size=1, max_size=8))
def test_for_any_moment_the_price_is_neither_from_later_nor_too_old(known, moments):
    found = with_prices(asked(*moments), prices({second: float(second + 1) for second in known}), {"usd": ("token", timedelta())})

    for moment, price in zip(sorted(moments), found["usd"].to_list(), strict=True):
        usable = [second for second in known if moment - OLDEST <= second <= moment]
        assert price == (float(max(usable) + 1) if usable else None)
