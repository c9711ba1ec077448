import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.amm.ticks import (
    MAX_SQRT_PRICE_X96,
    MAX_TICK,
    MIN_SQRT_PRICE_X96,
    MIN_TICK,
    UINT128_MAX,
    highest_usable_tick,
    lowest_usable_tick,
    max_liquidity_per_tick,
    sqrt_price_at_tick,
    tick_at_sqrt_price,
)
from domain.problems import BadInput


def test_tick_zero_is_the_price_one():
    assert sqrt_price_at_tick(0) == 1 << 96


def test_the_ends_are_the_contracts_constants():
    assert sqrt_price_at_tick(MIN_TICK) == MIN_SQRT_PRICE_X96
    assert sqrt_price_at_tick(MAX_TICK) == MAX_SQRT_PRICE_X96


@given(st.integers(MIN_TICK, MAX_TICK - 1))
def test_for_any_tick_its_price_leads_back_to_it_and_one_less_does_not(tick):
    price = sqrt_price_at_tick(tick)
    assert tick_at_sqrt_price(price) == tick
    if tick > MIN_TICK:
        assert tick_at_sqrt_price(price - 1) == tick - 1


@given(st.integers(MIN_TICK, MAX_TICK - 1), st.floats(0, 1), st.booleans())
def test_for_any_price_however_near_to_a_tick_the_answer_is_exact(tick, part, from_below):
    low, high = sqrt_price_at_tick(tick), sqrt_price_at_tick(tick + 1)
    near = int((high - low) * 3e-4 * part)
    assert tick_at_sqrt_price(high - 1 - near if from_below else low + near) == tick


@given(st.integers(MIN_SQRT_PRICE_X96, MAX_SQRT_PRICE_X96 - 1))
def test_for_any_price_the_tick_is_the_greatest_that_is_not_above_it(price):
    tick = tick_at_sqrt_price(price)
    assert sqrt_price_at_tick(tick) <= price < sqrt_price_at_tick(tick + 1)


@pytest.mark.parametrize("tick", [MIN_TICK - 1, MAX_TICK + 1])
def test_no_price_lies_past_the_ends(tick):
    with pytest.raises(BadInput, match="no pool has a price there"):
        sqrt_price_at_tick(tick)


@pytest.mark.parametrize("price", [MIN_SQRT_PRICE_X96 - 1, MAX_SQRT_PRICE_X96, 0])
def test_no_tick_belongs_to_a_price_past_the_ends(price):
    with pytest.raises(BadInput) as refusal:
        tick_at_sqrt_price(price)
    assert refusal.value.facts["field"] == "sqrt_price_x96"


@pytest.mark.parametrize(("spacing", "highest"), [(1, 887272), (10, 887270), (60, 887220), (200, 887200)])
def test_usable_ticks_are_multiples_of_the_spacing(spacing, highest):
    assert (lowest_usable_tick(spacing), highest_usable_tick(spacing)) == (-highest, highest)


@pytest.mark.parametrize(
    ("spacing", "most"),
    [(10, 1917569901783203986719870431555990), (60, 11505743598341114571880798222544994), (200, 38350317471085141830651933667504588)],
)
def test_a_tick_carries_at_most_what_the_deployed_contracts_say(spacing, most):
    assert max_liquidity_per_tick(spacing) == most


def test_no_sum_of_full_ticks_passes_128_bits():
    assert max_liquidity_per_tick(1) * (2 * MAX_TICK + 1) <= UINT128_MAX
