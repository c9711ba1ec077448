"""Numbers as text: exact from integers, and floats by their shortest text."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from assets.compliance.decimals import float_texts, product_text, ratio_text, ratio_texts

amounts = st.integers(1, 10**38 - 1)
places = st.integers(0, 18)


@given(st.integers(0, 10**38 - 1), places, amounts, places)
def test_for_any_amounts_the_price_is_within_half_of_the_last_place(above, decimals_above, below, decimals_below):
    exact = Fraction(above, 10**decimals_above) / Fraction(below, 10**decimals_below)
    text = ratio_text(above, decimals_above, below, decimals_below)
    assert abs(Fraction(text) - exact) <= Fraction(1, 2 * 10**18)
    assert len(text.split(".")[1]) == 18 and "E" not in text


def test_a_half_goes_to_the_even_neighbour():
    assert ratio_text(1, 18, 2, 0) == "0." + "0" * 18
    assert ratio_text(3, 18, 2, 0) == "0." + "0" * 17 + "2"
    assert ratio_text(5, 18, 2, 0) == "0." + "0" * 17 + "2"


def test_a_price_of_nothing_or_of_what_is_unknown_is_none():
    assert ratio_texts([5, 5, None, 5], [0, 0, 0, None], [0, 2, 1, 1], [0, 0, 0, 0]) == [None, "2." + "5".ljust(18, "0"), None, None]


def test_floats_are_rounded_as_they_read_and_never_printed_with_an_exponent():
    assert list(float_texts([2.675, 2.665, 1e22, 1e-9, None], 2)) == ["2.68", "2.66", "10000000000000000000000.00", "0.00", None]


@given(st.decimals(0, 10**20, places=8), st.decimals(0, 1000, places=6))
def test_for_any_value_and_rate_the_product_is_within_half_of_the_last_place(value, rate):
    exact = Fraction(value) * Fraction(rate)
    assert abs(Fraction(Decimal(product_text(format(value, "f"), format(rate, "f"), 2))) - exact) <= Fraction(1, 200)
