"""Reference prices: when a price was known, and what is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from domain.problems import BadInput
from executor.chain.reference_prices import all_prices, assumed_dollars, read_candles, read_prices, window_of

TOKEN = "0x" + "11" * 20
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
ALWAYS = (NOON - timedelta(days=9), NOON + timedelta(days=9))


def save(folder: Path, **columns: Any) -> Path:
    file = folder / "candles.parquet"
    pl.DataFrame(columns).write_parquet(file)
    return file


def test_the_window_reaches_an_hour_back_and_two_hours_on():
    assert window_of(date(2026, 1, 5), date(2026, 1, 6)) == (
        datetime(2026, 1, 4, 23, tzinfo=UTC),
        datetime(2026, 1, 7, 2, tzinfo=UTC),
    )


def test_only_prices_inside_the_window_are_kept(tmp_path):
    file = save(tmp_path, date=[NOON + timedelta(minutes=minute) for minute in range(10)], close=[100.0] * 10)
    found = read_candles(TOKEN, file, (NOON + timedelta(minutes=3), NOON + timedelta(minutes=5)))
    assert found["timestamp"].to_list() == [NOON + timedelta(minutes=minute) for minute in (3, 4, 5)]
    with pytest.raises(BadInput, match="holds no price between"):
        read_candles(TOKEN, file, (NOON + timedelta(days=1), NOON + timedelta(days=2)))


def test_ready_prices_keep_their_moment_and_their_source(tmp_path):
    file = save(tmp_path, timestamp=[NOON], price_usd=[7.0], source=["an exchange"])
    assert read_candles(TOKEN, file, ALWAYS).rows() == [(TOKEN, NOON, 7.0, "an exchange")]
    file = save(tmp_path, timestamp=[int(NOON.timestamp())], price_usd=[7.0])
    assert read_candles(TOKEN, file, ALWAYS)["source"].to_list() == ["candles"]


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf"), None])
def test_a_price_that_is_no_positive_number_refuses_the_file(tmp_path, price):
    with pytest.raises(BadInput, match="1 rows have no positive close"):
        read_candles(TOKEN, save(tmp_path, date=[NOON, NOON + timedelta(minutes=1)], close=[1.0, price]), ALWAYS)


def test_a_single_candle_does_not_tell_how_long_it_lasts(tmp_path):
    with pytest.raises(BadInput, match="holds 1 candles"):
        read_candles(TOKEN, save(tmp_path, date=[NOON], close=[1.0]), ALWAYS)


def test_a_file_without_a_price_or_a_time_is_refused_by_the_columns_name(tmp_path):
    with pytest.raises(BadInput, match="lacks the column close"):
        read_candles(TOKEN, save(tmp_path, date=[NOON]), ALWAYS)
    with pytest.raises(BadInput, match="lacks the column timestamp"):
        read_candles(TOKEN, save(tmp_path, close=[1.0]), ALWAYS)


def test_a_table_of_prices_is_taken_as_it_is_or_refused(tmp_path):
    file = save(tmp_path, token=[TOKEN], timestamp=[NOON], price_usd=[7.0], source=["x"])
    assert read_prices(file).rows() == [(TOKEN, NOON, 7.0, "x")]
    with pytest.raises(BadInput, match="the table prices lacks source"):
        read_prices(save(tmp_path, token=[TOKEN], timestamp=[NOON], price_usd=[7.0]))


def test_each_token_and_moment_has_one_price(tmp_path):
    one = read_candles(TOKEN, save(tmp_path, timestamp=[NOON], price_usd=[7.0]), ALWAYS)
    assert all_prices([one, one]).height == 1
    assert all_prices([]).height == 0
    assert assumed_dollars([], one).height == 0
