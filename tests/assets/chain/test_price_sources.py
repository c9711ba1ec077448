"""Price sources: the recording's prices, and an exchange's candles, which count only from their end."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime, timedelta
from types import ModuleType, SimpleNamespace
from typing import Any

import polars as pl
import pytest

from assets.chain.as_of import price_at
from assets.chain.price_sources import PAGE, CcxtPrices, PricedToken, RecordedPrices, price_source
from assets.chain.recorded_chain import RecordedChain, inside_days
from assets.chain.reference_prices import reference_prices_of, window_of
from assets.partitions import Span
from domain.problems import BadInput, Unavailable
from executor.chain.recording import Recording
from tests.assets.chain.small_chain import CHAIN_ID, DAI, FIRST_DAY, USDC, WETH

MINUTE = timedelta(minutes=1)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


class Exchange:
    """An exchange in the shape ccxt gives it: one market, a candle a minute, at most PAGE candles a time."""

    id = "stubbed"

    def __init__(self, fails: Exception | None = None) -> None:
        self.fails = fails
        self.asked: list[tuple[str, int]] = []

    def load_markets(self) -> dict[str, Any]:
        if self.fails:
            raise self.fails
        return {"ETH/USDT": {}, "SILENT/USDT": {}}

    def fetch_ohlcv(self, market: str, timeframe: str, *, since: int, limit: int) -> list[list[float]]:
        assert timeframe == "1m"
        self.asked.append((market, since))
        if market != "ETH/USDT":
            return []
        return [[since + 60_000 * n, 1.0, 2.0, 0.5, float((since // 60_000 + n) % 1000), 7.0] for n in range(limit)]


TOKENS = [PricedToken(WETH, "ETH/USD"), PricedToken(USDC, "USDT"), PricedToken(DAI, None), PricedToken("0xsilent", "SILENT")]


def test_a_candle_is_known_when_it_ends():
    found = CcxtPrices(Exchange()).prices(TOKENS, NOON, NOON + 3 * MINUTE)
    weth = found.filter(pl.col("token") == WETH)
    assert weth["timestamp"].to_list() == [NOON, NOON + MINUTE, NOON + 2 * MINUTE]
    began = int((NOON - MINUTE).timestamp()) // 60
    assert weth["price_usd"].to_list() == [float((began + n) % 1000) for n in range(3)]
    assert weth["source"].unique().to_list() == ["stubbed"]


def test_the_quote_itself_is_a_dollar_and_says_that_it_is_assumed():
    found = CcxtPrices(Exchange()).prices(TOKENS, NOON, NOON + 3 * MINUTE).filter(pl.col("token") == USDC)
    assert found.select("price_usd", "source").rows() == [(1.0, "assumed")] * 3


def test_a_token_that_is_traded_nowhere_else_has_no_price():
    assert set(CcxtPrices(Exchange()).prices(TOKENS, NOON, NOON + MINUTE)["token"]) == {WETH, USDC}


def test_a_long_window_is_asked_for_page_by_page():
    exchange = Exchange()
    found = CcxtPrices(exchange).prices(TOKENS[:1], NOON, NOON + 2500 * MINUTE)
    assert found.height == 2500 and found["timestamp"].n_unique() == 2500
    assert len(exchange.asked) == -(-2500 // PAGE)


def test_an_exchange_that_does_not_answer_is_unavailable():
    with pytest.raises(Unavailable, match=r"stubbed did not answer: no route\. Try again later"):
        CcxtPrices(Exchange(fails=ConnectionError("no route"))).prices(TOKENS, NOON, NOON + MINUTE)


def test_without_ccxt_the_fix_is_named(recording: Recording, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "ccxt", None)
    with pytest.raises(BadInput, match="install it, or set the prices to `recording`"):
        price_source("ccxt:kraken", recording)


def test_with_ccxt_the_exchange_is_found_by_name(recording: Recording, monkeypatch: pytest.MonkeyPatch):
    ccxt = ModuleType("ccxt")
    made = SimpleNamespace(exchanges=["kraken"], NetworkError=TimeoutError, kraken=lambda options: Exchange())
    ccxt.__dict__.update(vars(made))
    monkeypatch.setitem(sys.modules, "ccxt", ccxt)
    source = price_source("ccxt:kraken", recording)
    assert isinstance(source, CcxtPrices) and source.unreachable == (TimeoutError,)
    with pytest.raises(BadInput, match="knows no exchange 'karken'"):
        price_source("ccxt:karken", recording)


@pytest.mark.parametrize("setting", ["", "binance", "ccxt:", "recording:x"])
def test_a_setting_that_names_no_source_is_refused(recording: Recording, setting: str):
    with pytest.raises(BadInput, match="write `recording`, or `ccxt:` and the name of an exchange"):
        price_source(setting, recording)


def test_recorded_prices_are_those_of_the_tokens_asked_for(recording: Recording):
    chain = RecordedChain(path=str(recording.path))
    source = chain.price_source()
    assert isinstance(source, RecordedPrices)
    found = source.prices([PricedToken(DAI, None)], NOON, NOON + 10 * MINUTE)
    assert found["token"].to_list() == [DAI, DAI] and found["timestamp"].min() == NOON


def test_the_hours_around_the_days_lie_with_the_first_and_the_last(recording: Recording):
    first, last = recording.days[0], recording.days[-1]
    whole = inside_days(recording, None)
    assert (whole.first, whole.last) == (first, last)
    prices = recording.prices()
    tokens = pl.DataFrame({"token": [WETH], "symbol": ["WETH"]})
    by_day = {day: reference_prices_of(prices, tokens, CHAIN_ID, first, last, Span(day, day)) for day in recording.days}
    assert by_day[first]["price_time"].min() == FIRST_DAY - timedelta(hours=1)
    assert (by_day[last]["price_time"] > FIRST_DAY + timedelta(days=3)).any()
    assert sum(rows.height for rows in by_day.values()) == prices.filter(pl.col("token") == WETH).height


def test_prices_are_asked_for_where_they_lie():
    first, last = date(2026, 1, 5), date(2026, 1, 7)
    assert window_of(first, last, Span(first, last)) == (FIRST_DAY - timedelta(days=1), FIRST_DAY + timedelta(days=3, hours=2))
    middle = date(2026, 1, 6)
    assert window_of(first, last, Span(middle, middle)) == (FIRST_DAY + timedelta(days=1), FIRST_DAY + timedelta(days=2))


def test_a_price_that_is_no_price_is_left_out_and_the_first_of_two_stays():
    rows = [(WETH, NOON, 5.0, "a"), (WETH, NOON, 6.0, "b"), (WETH, NOON + MINUTE, -1.0, "a"), (WETH, NOON + 2 * MINUTE, float("nan"), "a")]
    prices = pl.DataFrame(
        rows, schema={"token": pl.String, "timestamp": pl.Datetime("us", "UTC"), "price_usd": pl.Float64, "source": pl.String}, orient="row"
    )
    day = NOON.date()
    found = reference_prices_of(prices, pl.DataFrame({"token": [WETH], "symbol": ["WETH"]}), 1, day, day, Span(day, day))
    assert found["price_usd"].to_list() == [5.0]


def test_a_price_is_the_last_known_never_one_from_later_or_from_the_day_before_yesterday():
    schema = {"token": pl.String, "at": pl.Datetime("us", "UTC")}
    rows = pl.DataFrame(
        [(WETH, NOON), (WETH, NOON - MINUTE), (DAI, NOON), (WETH, NOON + timedelta(days=1, minutes=1)), (None, NOON)],
        schema=schema,
        orient="row",
    )
    prices = pl.DataFrame(
        {"token": [WETH], "price_time": [NOON], "price_usd": [7.0]}, schema_overrides={"price_time": pl.Datetime("us", "UTC")}
    )
    assert price_at(rows, prices, token="token", at="at", name="usd")["usd"].to_list() == [7.0, None, None, None, None]
