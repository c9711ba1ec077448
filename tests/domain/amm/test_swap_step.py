import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.amm.swap_step import (
    amount0_between,
    amount1_between,
    compute_swap_step,
    fee_on,
    price_after_input,
    price_after_output,
)
from domain.amm.ticks import MAX_SQRT_PRICE_X96, MIN_SQRT_PRICE_X96

ONE, TWO = 1 << 96, 2 << 96
prices = st.integers(MIN_SQRT_PRICE_X96 + 1, MAX_SQRT_PRICE_X96 - 1)
liquidities = st.integers(1, 2**128 - 1)


def test_between_one_and_two_liquidity_holds_half_of_itself_in_token0_and_all_of_itself_in_token1():
    assert amount0_between(ONE, TWO, 100, round_up=False) == 50
    assert amount1_between(ONE, TWO, 100, round_up=False) == 100


def test_what_does_not_divide_is_rounded_in_the_pools_favour():
    assert (amount0_between(ONE, TWO, 101, False), amount0_between(ONE, TWO, 101, True)) == (50, 51)
    assert (amount1_between(ONE, ONE + 1, 1, False), amount1_between(ONE, ONE + 1, 1, True)) == (0, 1)


def test_the_fee_goes_on_top_and_is_rounded_up():
    assert fee_on(997_000, 3000) == 3000
    assert fee_on(1, 3000) == 1
    assert fee_on(0, 3000) == 0
    assert fee_on(10**6, 0) == 0


def test_a_step_that_is_reached_leaves_the_rest_for_the_next():
    assert compute_swap_step(ONE, TWO, 100, 1000, 0, exact_in=True) == (TWO, 100, 50, 0)


def test_a_step_that_is_not_reached_spends_all_of_it():
    reached, taken, given_out, fee = compute_swap_step(ONE, TWO, 10**18, 1_000_000, 3000, exact_in=True)
    assert reached < TWO
    assert taken + fee == 1_000_000
    assert given_out == 996_999


def test_an_exact_output_takes_exactly_that():
    reached, taken, given_out, fee = compute_swap_step(TWO, ONE, 10**18, 10**6, 3000, exact_in=False)
    assert reached > ONE
    assert given_out == 10**6
    assert fee == fee_on(taken, 3000)


def test_an_exact_output_may_end_on_the_target_by_rounding_alone():
    # The step holds two units. Taking one moves the price by half a step, which rounds to the whole of it.
    low = ONE - 1
    reached, taken, given_out, _ = compute_swap_step(ONE, low, 1 << 97, 1, 0, exact_in=False)
    assert (reached, given_out) == (low, 1)
    assert taken > 0


def test_an_input_too_large_for_256_bits_is_rounded_as_the_contract_rounds_it():
    price, liquidity, amount = MAX_SQRT_PRICE_X96 - 1, 10**6, 2**200
    numerator = liquidity << 96
    assert amount * price >= 1 << 256
    assert price_after_input(price, liquidity, amount, True) == -(-numerator // (numerator // price + amount))
    near = (1 << 256) // price - 1  # the product fits, but the sum with the liquidity does not
    crowded = 2**128 - 1
    assert near * price < 1 << 256 <= near * price + (crowded << 96)
    assert price_after_input(price, crowded, near, True) == -(-(crowded << 96) // ((crowded << 96) // price + near))


def test_nothing_in_leaves_the_price_alone():
    assert price_after_input(ONE, 10**18, 0, True) == ONE
    assert price_after_input(ONE, 10**18, 0, False) == ONE


@given(prices, liquidities, st.integers(0, 2**200))
def test_for_any_input_the_price_moves_the_right_way_or_not_at_all(price, liquidity, amount):
    assert price_after_input(price, liquidity, amount, True) <= price <= price_after_input(price, liquidity, amount, False)


@given(prices, prices, liquidities, st.integers(1, 2**128))
def test_for_any_output_within_the_step_the_target_is_not_passed(price, target, liquidity, amount):
    assume(price != target)
    down = price > target
    low, high = min(price, target), max(price, target)
    held = (amount1_between if down else amount0_between)(low, high, liquidity, False)
    assume(amount < held)
    reached = price_after_output(price, liquidity, amount, down)
    assert target <= reached < price if down else price < reached <= target


@given(prices, prices, liquidities, st.integers(1, 2**160), st.sampled_from((0, 100, 3000, 999_999)), st.booleans())
def test_for_any_step_the_pool_never_loses(price, target, liquidity, remaining, fee_pips, exact_in):
    reached, taken, given_out, fee = compute_swap_step(price, target, liquidity, remaining, fee_pips, exact_in)
    low, high = min(price, reached), max(price, reached)
    assert min(price, target) <= reached <= max(price, target)
    assert (taken + fee if exact_in else given_out) <= remaining
    worth_in, worth_out = (amount0_between, amount1_between) if price >= target else (amount1_between, amount0_between)
    assert taken >= worth_in(low, high, liquidity, False)
    assert given_out <= worth_out(low, high, liquidity, False)


@pytest.mark.parametrize("exact_in", [True, False])
def test_a_step_without_liquidity_is_free(exact_in):
    assert compute_swap_step(TWO, ONE, 0, 10**18, 3000, exact_in) == (ONE, 0, 0, 0)
