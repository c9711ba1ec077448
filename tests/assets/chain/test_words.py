"""ABI words: what they say, or nothing."""

from __future__ import annotations

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.chain.words import IN_COLUMNS, halves, topic_address, topic_tick
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MAX_TICK, MIN_SQRT_PRICE_X96, MIN_TICK
from tests.assets.chain.small_chain import topic, word

MOST = 10**38 - 1
INT256 = (
    st.integers(-(2**255), 2**255 - 1)
    | st.integers(-(2**130), 2**130)
    | st.integers(-MOST - 2, -MOST + 2)
    | st.integers(MOST - 2, MOST + 2)
)
UINT256 = st.integers(0, 2**256 - 1) | st.integers(0, 2**130) | st.integers(MOST - 2, MOST + 2)


def read(data: list[bytes], column: pl.Expr, words: int = 1) -> list:
    """The column of the frame that holds the data."""
    frame = pl.DataFrame({"data": data}, schema={"data": pl.Binary}).with_columns(halves=halves(pl.col("data"), words))
    return frame.select(column.alias("read"))["read"].to_list()


@settings(max_examples=60)
@given(st.lists(INT256, min_size=1, max_size=20))
def test_any_signed_word_is_read_exactly_or_not_at_all(numbers: list[int]):
    found = read([word(number) for number in numbers], IN_COLUMNS.signed(0))
    assert found == [number if abs(number) <= MOST else None for number in numbers]


@settings(max_examples=60)
@given(st.lists(UINT256, min_size=1, max_size=20))
def test_any_unsigned_word_is_read_exactly_or_not_at_all(numbers: list[int]):
    found = read([word(number) for number in numbers], IN_COLUMNS.unsigned(0))
    assert found == [number if number <= MOST else None for number in numbers]


@given(st.lists(st.integers(MIN_TICK - 5, MIN_TICK + 5) | st.integers(MAX_TICK - 5, MAX_TICK + 5) | INT256, min_size=1, max_size=20))
def test_any_tick_is_read_exactly_or_not_at_all(numbers: list[int]):
    expected = [number if MIN_TICK <= number <= MAX_TICK else None for number in numbers]
    assert read([word(number) for number in numbers], IN_COLUMNS.tick(0)) == expected
    topics = pl.DataFrame({"topic2": [topic(number) for number in numbers]})
    assert topics.select(read=topic_tick("topic2"))["read"].to_list() == expected


@given(
    st.lists(
        st.integers(MIN_SQRT_PRICE_X96 - 2, MIN_SQRT_PRICE_X96 + 2) | st.integers(MAX_SQRT_PRICE_X96 - 2, MAX_SQRT_PRICE_X96 + 2) | UINT256,
        min_size=1,
    )
)
def test_any_price_keeps_its_32_bytes_or_is_not_one(numbers: list[int]):
    found = read([word(number) for number in numbers], IN_COLUMNS.price(0))
    assert found == [word(number) if MIN_SQRT_PRICE_X96 <= number < MAX_SQRT_PRICE_X96 else None for number in numbers]


@given(st.integers(MIN_SQRT_PRICE_X96, MAX_SQRT_PRICE_X96 - 1))
def test_the_price_for_reading_is_the_square_of_the_root(root: int):
    [found] = read([word(root)], IN_COLUMNS.price_as_float(0))
    assert abs(found / (root / 2**96) ** 2 - 1) < 1e-14


def test_a_small_number_past_its_type_is_none():
    assert read([word(255), word(256), word(-1), word(0)], IN_COLUMNS.small(0, 8)) == [255, None, None, 0]


def test_the_arguments_are_told_apart_by_position():
    data = word(7) + word(-8) + word(9)
    columns = [IN_COLUMNS.signed(index) for index in range(3)]
    assert [read([data], column, words=3)[0] for column in columns] == [7, -8, 9]


def test_data_of_another_length_has_no_arguments():
    assert read([word(1)[:31], word(1) + b"\0", b""], IN_COLUMNS.unsigned(0)) == [None, None, None]


def test_only_a_padded_address_is_an_address():
    good, dirty, short = topic("0x" + "ab" * 20), "0x" + "01" * 32, "0x12"
    frame = pl.DataFrame({"topic1": [good, dirty, short, None]})
    assert frame.select(read=topic_address("topic1"))["read"].to_list() == ["0x" + "ab" * 20, None, None, None]
