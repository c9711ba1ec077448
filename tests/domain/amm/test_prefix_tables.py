from hypothesis import given, settings
from hypothesis import strategies as st

from domain.amm.concentrated import ConcentratedPool
from domain.amm.quote import INT256_MAX
from domain.amm.ticks import TICKS_PER_WORD, sqrt_price_at_tick
from tests.domain.amm.pools import ONE, concentrated_pools, pool_at_one


def test_the_steps_end_at_bitmap_words_too_so_a_long_swap_is_still_exact():
    # One position over many words of 256 ticks: each word's end rounds once more.
    pool = ConcentratedPool(100, 1, ONE, 0, 0).mint(-10 * TICKS_PER_WORD, 10 * TICKS_PER_WORD, 12345678901)[0]
    for amount in range(1, 10**9, 98_765_432):
        assert pool.quote(True, amount) == pool.quote_by_steps(True, amount)


def test_an_amount_that_ends_exactly_on_a_tick_goes_no_further():
    pool = pool_at_one().mint(-60, 60, 10**18)[0]
    to_the_tick = pool.quote(True, INT256_MAX, sqrt_price_limit_x96=sqrt_price_at_tick(-60))
    for amount in (to_the_tick.amount_in - 1, to_the_tick.amount_in, to_the_tick.amount_in + 1):
        assert pool.quote(True, amount) == pool.quote_by_steps(True, amount)
    assert pool.quote(True, to_the_tick.amount_in).tick_after == -61
    assert pool.output_for(True, to_the_tick.amount_in) == to_the_tick.amount_out


@settings(max_examples=60, deadline=None)
@given(concentrated_pools(), st.booleans(), st.booleans(), st.integers(-2, 2), st.data())
def test_for_any_pool_amounts_beside_the_end_of_a_step_are_exact(pool, down, exact_out, beside, data):
    tick = data.draw(st.sampled_from(sorted(pool.ticks)))
    limit = sqrt_price_at_tick(tick)
    if (limit < pool.sqrt_price_x96) != down or limit == pool.sqrt_price_x96:
        return
    edge = pool.quote_by_steps(down, INT256_MAX, exact_out=exact_out, sqrt_price_limit_x96=limit)
    amount = (edge.amount_out if exact_out else edge.amount_in) + beside
    if amount > 0:
        assert pool.quote(down, amount, exact_out=exact_out) == pool.quote_by_steps(down, amount, exact_out=exact_out)


def test_the_order_of_questions_does_not_matter():
    first, second = pool_at_one(), pool_at_one()
    questions = [1, 10**17, 10, 10**30, 10**15, 5]
    assert [first.quote(True, one) for one in questions] == [second.quote(True, one) for one in reversed(questions)][::-1]


def test_liquidity_of_another_place_is_reached_over_an_empty_stretch():
    pool = pool_at_one(reach=60).mint(-6000, -3000, 10**18)[0]
    quote = pool.quote(True, 10**16)
    assert quote.ticks_crossed == 2  # out of the first position, into the second
    assert -6000 <= quote.tick_after < -3000
    assert quote == pool.quote_by_steps(True, 10**16)


def test_an_exact_output_that_ends_exactly_on_a_tick_goes_no_further():
    pool = pool_at_one().mint(-60, 60, 10**18)[0]
    to_the_tick = pool.quote(True, INT256_MAX, sqrt_price_limit_x96=sqrt_price_at_tick(-60))
    quote = pool.quote(True, to_the_tick.amount_out, exact_out=True)
    assert (quote.amount_in, quote.tick_after, quote.ticks_crossed) == (to_the_tick.amount_in, -61, 1)


def test_an_exact_output_may_reach_the_tick_by_rounding_alone_and_then_has_crossed_it():
    # So much liquidity that one unit of output is less than one step of the price.
    pool = ConcentratedPool(100, 1, ONE, 0, 0).mint(-1, 1, 10**32)[0]
    all_of_it = pool.quote(False, INT256_MAX, exact_out=True).amount_out
    for amount in (all_of_it - 1, all_of_it):
        quote = pool.quote(False, amount, exact_out=True)
        assert quote == pool.quote_by_steps(False, amount, exact_out=True)
        assert (quote.amount_out, quote.ticks_crossed, quote.liquidity_after) == (amount, 1, 0)


def test_a_position_up_to_the_last_tick_ends_the_table_at_the_end_of_prices():
    pool = ConcentratedPool(100, 1, ONE, 0, 0).mint(-887272, 887272, 10**18)[0]
    quote = pool.quote(True, INT256_MAX)
    assert quote == pool.quote_by_steps(True, INT256_MAX)
    assert (quote.partial, quote.tick_after, quote.liquidity_after) == (True, -887272, 10**18)
