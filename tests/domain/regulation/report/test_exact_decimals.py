"""Decimals as text: exact, without exponents, rounded half-even only where there is no room."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.report.decimal_columns import decimal_texts, unit_texts
from domain.regulation.report.exact_decimals import decimal_text, integers, plain_text, points, unscaled

WIDE = Context(prec=400)
AMOUNTS = st.one_of(
    st.integers(-(10**38) + 1, 10**38 - 1), st.integers(-(10**6), 10**6), st.sampled_from([0, 5, 15, 25, 10**37, 999_999_995])
)
ROOMS = st.tuples(st.integers(1, 40), st.integers(0, 38)).filter(lambda room: room[1] <= room[0])


def by_decimal(value: int, scale: int, total: int, fraction: int) -> str | None:
    """What Python's decimals say."""
    exact = WIDE.scaleb(Decimal(value), -scale)
    room = min(fraction, total - len(str(abs(value) // 10**scale)))
    if room < 0:
        return None
    rounded = exact.quantize(Decimal(1).scaleb(-room), rounding=ROUND_HALF_EVEN, context=WIDE)
    text = format(rounded, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    if len(text.lstrip("-").partition(".")[0]) > total:
        return None
    return "0" if text == "-0" else text


@given(AMOUNTS, st.integers(0, 40), ROOMS)
def test_for_any_amount_the_text_is_what_exact_arithmetic_says(value, scale, room):
    assert decimal_text(value, scale, *room) == by_decimal(value, scale, *room)


@settings(max_examples=40)
@given(st.lists(st.tuples(AMOUNTS, st.integers(0, 40)), min_size=1, max_size=30), ROOMS)
def test_for_any_column_of_base_units_each_row_is_told_as_by_itself(rows, room):
    amounts = pl.Series([Decimal(amount) for amount, _ in rows], dtype=pl.Decimal(38, 0))
    places = pl.Series([place for _, place in rows], dtype=pl.Int64)
    assert unit_texts(amounts, places, *room).to_list() == [decimal_text(*row, *room) for row in rows]


@settings(max_examples=40)
@given(st.lists(st.tuples(AMOUNTS, st.integers(0, 40)), min_size=1, max_size=30), ROOMS)
def test_for_any_column_of_decimal_texts_each_row_is_told_as_by_itself(rows, room):
    texts = pl.Series([plain_text(*row) for row in rows])
    assert decimal_texts(texts, *room).to_list() == [decimal_text(*row, *room) for row in rows]


@pytest.mark.parametrize(
    ("text", "told"),
    [("1E+18", "1000000000000000000"), ("1e-3", "0.001"), (" 1.50 ", "1.5"), ("+2", "2"), (".5", "0.5"), ("007.10", "7.1"), ("-0.0", "0")],
)
def test_ways_to_write_a_number_come_out_as_one(text, told):
    assert decimal_texts(pl.Series([text, "3"]), 30, 18).to_list() == [told, "3"]


@pytest.mark.parametrize("text", ["", "one", "1,5", "0x10", "1e9999", "NaN", "Infinity", "--1", "."])
def test_what_is_no_number_has_no_text(text):
    assert unscaled(text) is None
    assert decimal_texts(pl.Series([text, None, "3"]), 30, 18).to_list() == [None, None, "3"]


def test_missing_parts_and_strange_places_have_no_text():
    amounts = pl.Series([5, None, 5, 5], dtype=pl.Decimal(38, 0))
    assert unit_texts(amounts, pl.Series([1, 1, None, -1]), 30, 18).to_list() == ["0.5", None, None, None]
    assert unit_texts(pl.Series(["5", "0x5", "1.5", "2.0", "1e2"]), pl.Series([1] * 5), 30, 18).to_list() == [
        "0.5",
        None,
        None,
        "0.2",
        "10",
    ]
    assert decimal_texts(pl.Series([None, None]), 30, 18).to_list() == [None, None]
    assert points(pl.Series([1, None])) == [(1, 0), None]
    assert integers(pl.Series([7])) == [7]


def test_floats_are_refused():
    with pytest.raises(BadInput, match="exact amount"):
        decimal_texts(pl.Series("price", [1.5]), 30, 18)
    with pytest.raises(BadInput, match="whole numbers"):
        unit_texts(pl.Series("amount", [1.5]), pl.Series([1]), 30, 18)
