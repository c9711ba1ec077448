"""Pictures are short enough for the page to draw them."""

from __future__ import annotations

import math
import random
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets import pictures

numbers = st.floats(allow_nan=True, allow_infinity=False, width=32)


@given(st.lists(numbers, max_size=400))
def test_any_series_fits_the_page(values: list[float]):
    assert len(pictures.sparkline(values, "pnl_usd").value) < 1000


@given(st.dictionaries(st.text(max_size=30), st.floats(-1e12, 1e12), max_size=40))
def test_any_set_of_bars_fits_the_page(values: dict[str, float]):
    assert len(pictures.bars(values, "pnl_usd").value) < 1000


def test_a_long_series_keeps_its_first_and_last_value():
    walk = [math.sin(i / 9) + random.Random(i).random() for i in range(5000)]
    picture = pictures.sparkline(walk).value
    assert picture.startswith(f"![{walk[0]:.4g} → {walk[-1]:.4g}]")


def test_a_loss_is_drawn_in_another_colour_than_a_gain():
    picture = pictures.bars({"Arbitrage": 10.0, "Noise": -4.0}).value
    assert "2e8b57" in picture and "b0413e" in picture


def test_nothing_to_draw_says_so():
    assert pictures.sparkline([]).value == pictures.bars({}).value == "no values yet"


@pytest.mark.parametrize("looks", [1, 7, 60, 2_000])
def test_an_evidence_path_of_any_length_is_drawn_with_its_bar(looks: int) -> None:
    picture = pictures.evidence([1.07**look for look in range(looks)], 50).value
    assert len(picture) < 1000 and picture.startswith("![e-value ") and "stroke-dasharray" in picture


def test_an_evidence_path_that_crossed_the_bar_is_green() -> None:
    assert quote(pictures.GAIN) in pictures.evidence([1, 10, 60], 50).value
    assert quote(pictures.GAIN) not in pictures.evidence([1, 60, 10], 50).value


def test_no_evidence_is_told_in_words() -> None:
    assert pictures.evidence([], 50).value == pictures.evidence([0.0, float("inf")], 50).value == "no values yet"
