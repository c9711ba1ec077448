import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain import events
from domain.amm.constant_product import UINT112_MAX, ConstantProductPool
from domain.problems import BadInput, NotEnoughLiquidity
from tests.domain.amm.pools import constant_product_pools

PAIR = "0x" + "bb" * 20
POOL = ConstantProductPool(3000, 1_000_000, 1_000_000)


def test_half_as_much_again_buys_a_third_less_the_fee():
    assert ConstantProductPool(0, 1_000_000, 1_000_000).quote(True, 500_000).amount_out == 333_333
    assert POOL.quote(True, 500_000).amount_out == 332_665


def test_an_exact_output_is_rounded_up_for_the_pool():
    quote = POOL.quote(True, 332_665, exact_out=True)
    assert (quote.amount_out, quote.amount_in) == (332_665, 499_998)
    assert POOL.quote(True, 499_998).amount_out == 332_665
    assert POOL.quote(True, 499_997).amount_out == 332_664


def test_it_has_no_ticks_and_never_fills_a_part():
    quote = POOL.quote(False, 10)
    assert quote[2:] == (None, None, None, False, 0)


def test_too_little_buys_nothing_and_is_not_swapped():
    assert POOL.quote(True, 1).amount_out == 0
    with pytest.raises(NotEnoughLiquidity, match="too little"):
        POOL.swap(True, 1)


def test_nobody_takes_a_whole_reserve():
    with pytest.raises(NotEnoughLiquidity) as refusal:
        POOL.quote(True, 1_000_000, exact_out=True)
    assert refusal.value.facts["available"] == "999999"


def test_a_pair_keeps_no_more_than_112_bits():
    with pytest.raises(NotEnoughLiquidity, match="trade less"):
        POOL.quote(True, UINT112_MAX)
    assert POOL.output_for(True, UINT112_MAX) is None
    assert POOL.quote(True, UINT112_MAX - 1_000_000).amount_out == 999_999


def test_an_empty_pool_gives_nothing():
    empty = ConstantProductPool(3000, 0, 0)
    with pytest.raises(NotEnoughLiquidity, match="empty"):
        empty.quote(True, 1)
    assert empty.output_for(True, 1) is None


@pytest.mark.parametrize("wrong", [{"fee_pips": 10**6}, {"fee_pips": -1}, {"reserve0": -1}, {"reserve1": UINT112_MAX + 1}])
def test_a_state_that_cannot_be_is_refused_by_field(wrong):
    with pytest.raises(BadInput) as refusal:
        ConstantProductPool(**{"fee_pips": 3000, "reserve0": 1, "reserve1": 1, **wrong})
    assert refusal.value.facts["field"] in wrong


amounts = st.integers(1, 10**30)


@given(constant_product_pools(), st.booleans(), amounts)
def test_for_any_pool_swapping_there_and_back_never_gains(pool, down, amount):
    try:
        after, there = pool.swap(down, amount)
    except NotEnoughLiquidity:
        return
    assert after.quote(not down, there.amount_out).amount_out <= amount


@given(constant_product_pools(), st.booleans(), amounts, st.booleans())
def test_for_any_swap_the_product_does_not_fall_and_the_quote_is_what_happens(pool, down, amount, exact_out):
    try:
        after, quote = pool.swap(down, amount, exact_out=exact_out)
    except NotEnoughLiquidity:
        return
    assert after.reserve0 * after.reserve1 >= pool.reserve0 * pool.reserve1
    assert quote == pool.quote(down, amount, exact_out=exact_out)
    assert pool.keeps_invariant(_as_event(quote, down))
    assert pool.output_for(down, quote.amount_in) == pool.quote(down, quote.amount_in).amount_out


@given(constant_product_pools(), st.booleans(), amounts)
def test_for_any_pool_what_an_exact_output_costs_buys_at_least_that(pool, down, amount):
    try:
        wanted = pool.quote(down, amount, exact_out=True)
    except NotEnoughLiquidity:
        return
    assert pool.quote(down, wanted.amount_in).amount_out >= amount


def _as_event(quote, down):
    if down:
        return events.PairSwap(PAIR, quote.amount_in, 0, 0, quote.amount_out)
    return events.PairSwap(PAIR, 0, quote.amount_in, quote.amount_out, 0)


@pytest.mark.parametrize(
    "swap",
    [
        events.PairSwap(PAIR, 500_000, 0, 0, 332_666),  # one unit too many
        events.PairSwap(PAIR, 0, 0, 0, 5),  # nothing came in
        events.PairSwap(PAIR, 5, 0, 0, 0),  # nothing went out
        events.PairSwap(PAIR, 10**9, 0, 0, 1_000_000),  # a whole reserve
        events.PairSwap(PAIR, 0, 10**9, 1_000_000, 0),
    ],
)
def test_what_the_pair_would_not_let_pass_breaks_the_invariant(swap):
    assert not POOL.keeps_invariant(swap)


def test_reserves_come_from_sync_and_a_swap_adds_nothing_to_it():
    synced = POOL.apply(events.Sync(PAIR, 5, 6))
    assert (synced.reserve0, synced.reserve1) == (5, 6)
    assert synced.apply(events.PairSwap(PAIR, 1, 0, 0, 1)) == synced
    with pytest.raises(BadInput, match="cannot apply Initialize"):
        POOL.apply(events.Initialize(PAIR, 1, 1))
