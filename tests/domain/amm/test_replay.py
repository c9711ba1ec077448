import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import events
from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.constant_product import ConstantProductPool
from domain.amm.quote import INT256_MAX
from domain.amm.replay import rederive, rederive_liquidity, rederive_pair
from domain.amm.ticks import MIN_SQRT_PRICE_X96, sqrt_price_at_tick
from domain.problems import NotEnoughLiquidity
from tests.domain.amm.pools import ONE, concentrated_pools, moderate_amounts, pool_at_one

POOL = "0x" + "aa" * 20


def reported(pool, down, amount, exact_out=False, limit=None):
    """The pool after a swap, and the event the chain would send."""
    after, quote = pool.swap(down, amount, exact_out=exact_out, sqrt_price_limit_x96=limit)
    amounts = (quote.amount_in, -quote.amount_out) if down else (-quote.amount_out, quote.amount_in)
    return after, events.Swap(POOL, *amounts, after.sqrt_price_x96, after.liquidity, after.tick)


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize(
    ("how", "asked"),
    [
        ("exact_in", {"amount": 10**15}),
        ("exact_out", {"amount": 10**15 + 7, "exact_out": True}),
        ("price_limit", {"amount": INT256_MAX, "limit": 50}),
    ],
)
def test_each_way_of_asking_is_recognised(down, how, asked):
    asked = {**asked, "limit": sqrt_price_at_tick(-50 if down else 50)} if "limit" in asked else asked
    pool = pool_at_one()
    after, event = reported(pool, down, **asked)
    found = rederive(pool, event)
    assert (found.exact, found.how, found.pool_after) == (True, how, after)


@settings(max_examples=80, deadline=None)
@given(concentrated_pools(), st.booleans(), moderate_amounts, st.booleans())
def test_for_any_swap_of_any_pool_the_event_is_derived_again(pool, down, amount, exact_out):
    after, event = reported(pool, down, amount, exact_out)
    found = rederive(pool, event)
    assert found.exact
    assert (found.pool_after.sqrt_price_x96, found.pool_after.tick, found.pool_after.liquidity) == (
        after.sqrt_price_x96,
        after.tick,
        after.liquidity,
    )


def test_a_move_through_empty_ticks_is_derived_from_where_the_price_went():
    pool = pool_at_one(reach=60)
    at_the_edge, _ = pool.swap(True, INT256_MAX, sqrt_price_limit_x96=sqrt_price_at_tick(-60))
    for limit in (sqrt_price_at_tick(-500), MIN_SQRT_PRICE_X96 + 1):
        after, event = reported(at_the_edge, True, 1000, limit=limit)
        assert (event.amount0, event.amount1, event.liquidity) == (0, 0, 0)
        found = rederive(at_the_edge, event)
        assert (found.exact, found.how, found.pool_after) == (True, "price_limit", after)


@pytest.mark.parametrize("down", [True, False])
def test_one_unit_off_is_found_and_told(down):
    pool = pool_at_one()
    _, event = reported(pool, down, 10**15)
    lie = (event.amount0, event.amount1 - 1) if down else (event.amount0 - 1, event.amount1)
    lied = events.Swap(POOL, *lie, event.sqrt_price_x96, event.liquidity, event.tick)
    found = rederive(pool, lied)
    assert not found.exact and found.how is None
    assert found.expected[:2] == lie
    assert found.actual and found.actual != found.expected
    assert "exact input" in found.reason
    # The next event is derived from where this one says the pool stands.
    assert (found.pool_after.sqrt_price_x96, found.pool_after.tick) == (event.sqrt_price_x96, event.tick)


def test_a_missed_swap_shows_in_the_next_one():
    pool = pool_at_one()
    moved, _ = reported(pool, True, 10**16)
    _, event = reported(moved, True, 10**15)
    assert rederive(moved, event).exact
    assert not rederive(pool, event).exact


def test_a_source_that_tells_only_amounts_is_enough_to_derive():
    pool = pool_at_one()
    after, event = reported(pool, True, 10**15)
    assert rederive(pool, events.Swap(POOL, event.amount0, event.amount1)).pool_after == after
    unknown = rederive(pool, events.Swap(POOL, event.amount0, event.amount1 - 1))
    assert (unknown.exact, unknown.pool_after) == (False, pool)


@pytest.mark.parametrize(("amount0", "amount1"), [(5, 5), (-5, -5), (0, 0)])
def test_amounts_that_no_swap_has_are_not_exact(amount0, amount1):
    found = rederive(pool_at_one(), events.Swap(POOL, amount0, amount1, ONE, 10**18, 0))
    assert not found.exact
    assert found.reason


def test_an_event_with_an_impossible_state_leaves_the_pool_where_it_was():
    pool = pool_at_one()
    found = rederive(pool, events.Swap(POOL, 5, -1, 1, 10**18, 0))
    assert (found.exact, found.pool_after) == (False, pool)


def test_ticks_that_cannot_be_right_are_told_as_the_reason():
    pool = ConcentratedPool(3000, 60, ONE, 0, 5, {-60: Tick(None, 6)}, ticks_are_inferred=True)
    found = rederive(pool, events.Swap(POOL, 10**6, 0))
    assert not found.exact
    assert "incomplete" in found.reason


@pytest.mark.parametrize("kind", [events.Mint, events.Burn])
def test_amounts_of_liquidity_are_derived_from_the_price(kind):
    pool = pool_at_one()
    after, amount0, amount1 = (pool.mint if kind is events.Mint else pool.burn)(-600, 600, 10**15)
    right = rederive_liquidity(pool, kind(POOL, -600, 600, 10**15, amount0, amount1))
    wrong = rederive_liquidity(pool, kind(POOL, -600, 600, 10**15, amount0, amount1 + 1))
    assert (right.exact, right.pool_after, right.reason) == (True, after, None)
    assert (wrong.exact, wrong.amount1) == (False, amount1)
    assert str(amount1 + 1) in wrong.reason


def test_a_burn_of_what_was_never_there_is_refused():
    with pytest.raises(NotEnoughLiquidity):
        rederive_liquidity(pool_at_one(), events.Burn(POOL, -60, 60, 1, 0, 0))


# --- constant product -------------------------------------------------------------------------------------------------

PAIR = ConstantProductPool(3000, 1_000_000, 2_000_000)


def sync_after(swap):
    return events.Sync(POOL, PAIR.reserve0 + swap.amount0_in - swap.amount0_out, PAIR.reserve1 + swap.amount1_in - swap.amount1_out)


@pytest.mark.parametrize(
    ("how", "swap"),
    [
        ("exact_in", events.PairSwap(POOL, 1000, 0, 0, PAIR.quote(True, 1000).amount_out)),
        ("exact_in", events.PairSwap(POOL, 0, 1000, PAIR.quote(False, 1000).amount_out, 0)),
        ("exact_out", events.PairSwap(POOL, PAIR.quote(True, 10, exact_out=True).amount_in, 0, 0, 10)),
        ("within_invariant", events.PairSwap(POOL, 1000, 0, 0, 5)),
        ("within_invariant", events.PairSwap(POOL, 1000, 10, 0, 5)),
    ],
)
def test_a_pair_swap_is_derived_and_told_how(how, swap):
    found = rederive_pair(PAIR, swap, sync_after(swap))
    assert (found.exact, found.how) == (True, how)
    assert found.pool_after == PAIR.apply(sync_after(swap))


def test_a_pair_swap_that_takes_too_much_or_leaves_other_reserves_is_not_exact():
    greedy = events.PairSwap(POOL, 1000, 0, 0, PAIR.quote(True, 1000).amount_out + 1)
    assert "product" in rederive_pair(PAIR, greedy, sync_after(greedy)).reason
    honest = events.PairSwap(POOL, 1000, 0, 0, 5)
    assert "reserves" in rederive_pair(PAIR, honest, events.Sync(POOL, 1, 1)).reason
