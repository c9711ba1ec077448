import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import events
from domain.amm.concentrated import ConcentratedPool, Tick
from domain.amm.quote import INT256_MAX
from domain.amm.ticks import (
    MAX_SQRT_PRICE_X96,
    MIN_SQRT_PRICE_X96,
    UINT128_MAX,
    max_liquidity_per_tick,
    sqrt_price_at_tick,
)
from domain.problems import BadInput, NotEnoughLiquidity
from tests.domain.amm.pools import ONE, amounts, concentrated_pools, moderate_amounts, pool_at_one, ranges

POOL = "0x" + "aa" * 20


# --- quotes and swaps -------------------------------------------------------------------------------------------------


def test_selling_a_little_at_price_one_gives_almost_as_much_less_the_fee():
    quote = pool_at_one(fee_pips=3000).quote(True, 1_000_000)
    assert (quote.amount_in, quote.amount_out, quote.partial) == (1_000_000, 996_999, False)
    assert quote.tick_after == -1
    assert quote.sqrt_price_x96_after < ONE


def test_buying_exactly_that_costs_no_more_than_was_sold():
    assert pool_at_one(fee_pips=3000).quote(True, 996_999, exact_out=True).amount_in <= 1_000_000


def test_a_pool_that_runs_out_fills_a_part_says_so_and_walks_its_price_to_the_end():
    pool = pool_at_one(liquidity=10**6)
    down, up = pool.quote(True, 10**12), pool.quote(False, 10**12, exact_out=True)
    assert down.partial and up.partial
    assert down.amount_in < 10**12 and up.amount_out < 10**12
    assert (down.sqrt_price_x96_after, up.sqrt_price_x96_after) == (MIN_SQRT_PRICE_X96 + 1, MAX_SQRT_PRICE_X96 - 1)
    assert (down.tick_after, up.tick_after) == (-887272, 887271)
    assert (down.liquidity_after, up.liquidity_after) == (0, 0)


def test_a_price_limit_stops_the_swap_there():
    pool = pool_at_one()
    limit = sqrt_price_at_tick(-10)
    quote = pool.quote(True, 10**18, sqrt_price_limit_x96=limit)
    assert quote.partial
    assert (quote.sqrt_price_x96_after, quote.tick_after) == (limit, -10)


def test_a_price_limit_that_is_not_reached_changes_nothing():
    pool = pool_at_one()
    assert pool.quote(True, 1000, sqrt_price_limit_x96=MIN_SQRT_PRICE_X96 + 1) == pool.quote(True, 1000)


@pytest.mark.parametrize(
    ("down", "limit"), [(True, ONE), (True, ONE + 1), (False, ONE), (True, MIN_SQRT_PRICE_X96), (False, MAX_SQRT_PRICE_X96)]
)
def test_a_price_limit_on_the_wrong_side_is_refused(down, limit):
    with pytest.raises(BadInput, match="price limit") as refusal:
        pool_at_one().quote(down, 1000, sqrt_price_limit_x96=limit)
    assert refusal.value.facts["field"] == "sqrt_price_limit_x96"


def test_a_price_at_its_end_can_only_come_back():
    ended, _ = pool_at_one(liquidity=10**6).swap(True, 10**12)
    with pytest.raises(NotEnoughLiquidity, match="other direction"):
        ended.quote(True, 1)
    assert ended.quote(False, 10**12).amount_out > 0


@pytest.mark.parametrize("amount", [0, -1, 1 << 255, 1.0, True, "5"])
def test_an_amount_is_a_whole_number_of_base_units(amount):
    with pytest.raises(BadInput) as refusal:
        pool_at_one().quote(True, amount)
    assert refusal.value.facts["field"] == "amount"


def test_crossing_a_tick_takes_its_liquidity_in_or_out():
    pool = pool_at_one(reach=600, liquidity=10**18).mint(-60, 60, 5 * 10**18)[0]
    after, quote = pool.swap(True, INT256_MAX, sqrt_price_limit_x96=sqrt_price_at_tick(-120))
    assert pool.liquidity == 6 * 10**18
    assert (after.liquidity, quote.ticks_crossed) == (10**18, 1)


def test_a_falling_price_that_stops_on_a_tick_has_left_it():
    pool = pool_at_one().mint(-60, 60, 10**18)[0]
    after, quote = pool.swap(True, INT256_MAX, sqrt_price_limit_x96=sqrt_price_at_tick(-60))
    assert (after.tick, after.liquidity, quote.tick_after) == (-61, 10**18, -61)


def test_an_empty_pool_gives_nothing_for_nothing_in():
    quote = ConcentratedPool(3000, 60, ONE, 0, 0).quote(True, 1000)
    assert (quote.amount_in, quote.amount_out, quote.partial) == (0, 0, True)


@settings(max_examples=150, deadline=None)
@given(concentrated_pools(), st.booleans(), amounts, st.booleans(), st.data())
def test_for_any_pool_and_amount_the_prefix_tables_say_what_the_steps_say(pool, down, amount, exact_out, data):
    low, high = (MIN_SQRT_PRICE_X96 + 1, pool.sqrt_price_x96 - 1) if down else (pool.sqrt_price_x96 + 1, MAX_SQRT_PRICE_X96 - 1)
    near = st.integers(max(low, pool.sqrt_price_x96 * 9 // 10), min(high, pool.sqrt_price_x96 * 11 // 10))
    on_a_tick = st.sampled_from(sorted(pool.ticks)).map(sqrt_price_at_tick).filter(lambda price: low <= price <= high)
    limit = data.draw(st.one_of(st.none(), near, on_a_tick if _any_within(pool, low, high) else st.none()))
    asked = {"exact_out": exact_out, "sqrt_price_limit_x96": limit}
    assert pool.quote(down, amount, **asked) == pool.quote_by_steps(down, amount, **asked) == pool.swap(down, amount, **asked)[1]


def _any_within(pool, low, high):
    return any(low <= sqrt_price_at_tick(tick) <= high for tick in pool.ticks)


@settings(max_examples=100, deadline=None)
@given(concentrated_pools(), st.booleans(), amounts)
def test_for_any_pool_the_quick_output_is_the_quotes(pool, down, amount):
    quote = pool.quote(down, amount)
    assert pool.output_for(down, amount) == (None if quote.partial else quote.amount_out)


@settings(max_examples=100, deadline=None)
@given(concentrated_pools(), st.booleans(), moderate_amounts)
def test_for_any_pool_swapping_there_and_back_never_gains(pool, down, amount):
    after, there = pool.swap(down, amount)
    if there.amount_out:
        assert after.quote(not down, there.amount_out).amount_out <= there.amount_in


@settings(max_examples=100, deadline=None)
@given(concentrated_pools(), st.booleans(), moderate_amounts)
def test_for_any_pool_what_an_exact_output_costs_buys_at_least_that(pool, down, amount):
    wanted = pool.quote(down, amount, exact_out=True)
    if not wanted.partial:
        assert pool.quote(down, wanted.amount_in).amount_out >= amount


@settings(max_examples=100, deadline=None)
@given(concentrated_pools(), st.booleans(), moderate_amounts, moderate_amounts)
def test_for_any_pool_more_in_never_gives_less_out(pool, down, amount, more):
    assert pool.quote(down, amount + more).amount_out >= pool.quote(down, amount).amount_out


@settings(max_examples=60, deadline=None)
@given(concentrated_pools(), st.lists(st.tuples(st.booleans(), moderate_amounts), max_size=6))
def test_for_any_trades_fees_only_grow_and_liquidity_stays_what_the_ticks_say(pool, trades):
    for down, amount in trades:
        try:
            after, _ = pool.swap(down, amount)
        except NotEnoughLiquidity:
            continue
        assert after.fee_growth_global0_x128 >= pool.fee_growth_global0_x128
        assert after.fee_growth_global1_x128 >= pool.fee_growth_global1_x128
        assert after.protocol_fees0 >= pool.protocol_fees0 and after.protocol_fees1 >= pool.protocol_fees1
        after.check_ticks()
        pool = after


def test_quoting_and_swapping_leave_the_pool_as_it_was():
    pool = pool_at_one()
    before = (pool.sqrt_price_x96, pool.tick, pool.liquidity, dict(pool.ticks), pool.fee_growth_global0_x128)
    pool.quote(True, 10**15)
    pool.swap(True, INT256_MAX)
    pool.mint(-60, 60, 5)
    assert before == (pool.sqrt_price_x96, pool.tick, pool.liquidity, dict(pool.ticks), pool.fee_growth_global0_x128)


# --- fees -------------------------------------------------------------------------------------------------------------


def test_a_position_earns_the_fee_of_a_swap_in_its_range():
    pool = pool_at_one(fee_pips=3000, liquidity=10**18)
    after, _ = pool.swap(True, 1_000_000)
    earned0, earned1 = after.fee_growth_inside(-600, 600)
    assert earned0 * 10**18 >> 128 == 2999  # 3,000 of fee, shared out per unit of liquidity and rounded down
    assert earned1 == 0


def test_a_position_beside_the_price_earns_nothing():
    pool = pool_at_one().mint(600, 660, 10**18)[0].mint(-660, -600, 10**18)[0]
    after, _ = pool.swap(True, 1_000_000)
    for place in ((600, 660), (-660, -600)):
        assert after.fee_growth_inside(*place) == pool.fee_growth_inside(*place)


def test_fees_inside_are_only_known_at_initialised_ticks():
    with pytest.raises(BadInput, match="No liquidity touches tick 60"):
        pool_at_one().fee_growth_inside(-600, 60)


@pytest.mark.parametrize(("denominator", "setting", "share"), [(None, 4, 750), (10_000, 3200, 960), (None, 0, 0)])
def test_the_protocol_takes_its_share_of_the_fee(denominator, setting, share):
    pool = pool_at_one(liquidity=10**24)
    pool = ConcentratedPool(3000, 60, ONE, 0, pool.liquidity, pool.ticks, fee_protocol0=setting, protocol_fee_denominator=denominator)
    after, quote = pool.swap(True, 1_000_000)
    assert quote.amount_out == 996_999  # the trader does not notice
    assert (after.protocol_fees0, after.protocol_fees1) == (share, 0)
    assert after.fee_growth_global0_x128 == (3000 - share) * (1 << 128) // 10**24


# --- liquidity --------------------------------------------------------------------------------------------------------


def test_minting_below_above_and_around_the_price_costs_one_the_other_or_both():
    pool = ConcentratedPool(3000, 60, ONE, 0, 0)
    below, above, around = pool.mint(-120, -60, 10**18), pool.mint(60, 120, 10**18), pool.mint(-60, 60, 10**18)
    assert below[1] == 0 < below[2]
    assert above[2] == 0 < above[1]
    assert around[1] == around[2] > 0
    assert (below[0].liquidity, above[0].liquidity, around[0].liquidity) == (0, 0, 10**18)
    assert around[0].ticks == {-60: Tick(10**18, 10**18), 60: Tick(10**18, -(10**18))}


@settings(max_examples=100, deadline=None)
@given(concentrated_pools(), st.data(), st.integers(1, 10**24))
def test_for_any_pool_what_was_minted_comes_back_less_at_most_the_rounding(pool, data, liquidity):
    place = data.draw(ranges(pool))
    minted, paid0, paid1 = pool.mint(*place, liquidity)
    burned, back0, back1 = minted.burn(*place, liquidity)
    assert paid0 - 1 <= back0 <= paid0 and paid1 - 1 <= back1 <= paid1
    assert burned == pool


def test_burning_nothing_changes_nothing():
    pool = pool_at_one()
    assert pool.burn(-600, 600, 0) == (pool, 0, 0)


def test_no_more_can_be_burned_than_touches_a_tick():
    with pytest.raises(NotEnoughLiquidity, match="burn no more"):
        pool_at_one(liquidity=100).burn(-600, 600, 101)
    with pytest.raises(NotEnoughLiquidity, match="nothing to burn"):
        pool_at_one().burn(-60, 60, 1)


def test_no_more_can_be_burned_than_is_active():
    inferred = ConcentratedPool(3000, 60, ONE, 0, 5, {}, ticks_are_inferred=True)
    with pytest.raises(NotEnoughLiquidity, match="active liquidity"):
        inferred.burn(-60, 60, 6)


@pytest.mark.parametrize("place", [(60, -60), (0, 0), (-887_280, 0), (0, 887_280), (-61, 60), (-60, 61)])
def test_a_position_lies_between_two_usable_ticks(place):
    for change in (pool_at_one().mint, pool_at_one().burn):
        with pytest.raises(BadInput):
            change(*place, 1)


@pytest.mark.parametrize("liquidity", [0, -1, 1 << 127])
def test_a_mint_adds_at_least_one_unit_and_no_more_than_127_bits(liquidity):
    with pytest.raises(BadInput):
        pool_at_one().mint(-60, 60, liquidity)


def test_a_tick_carries_no_more_than_its_share_of_128_bits():
    most = max_liquidity_per_tick(60)
    full = ConcentratedPool(3000, 60, ONE, 0, 0).mint(-60, 60, most)[0]
    with pytest.raises(BadInput, match="at most"):
        full.mint(-60, 120, 1)


def test_an_inferred_tick_whose_net_is_burned_to_zero_counts_as_uninitialised():
    pool = ConcentratedPool(3000, 60, ONE, 0, 7, {-60: Tick(None, 7), 0: Tick(None, 0), 60: Tick(None, -7)}, ticks_are_inferred=True)
    assert set(pool.burn(-60, 60, 7)[0].ticks) == {0}
    assert set(pool.mint(0, 60, 5)[0].mint(-60, 0, 5)[0].ticks) == {-60, 0, 60}


def test_an_inferred_pool_may_burn_what_it_never_saw_minted():
    pool = ConcentratedPool(3000, 60, ONE, 0, 7, {}, ticks_are_inferred=True)
    after, *_ = pool.burn(-60, 60, 7)
    assert after.ticks == {-60: Tick(None, -7), 60: Tick(None, 7)}
    assert after.liquidity == 0


# --- what a pool must be ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("fee_pips", {"fee_pips": 10**6}),
        ("fee_pips", {"fee_pips": -1}),
        ("tick_spacing", {"tick_spacing": 0}),
        ("sqrt_price_x96", {"sqrt_price_x96": MAX_SQRT_PRICE_X96}),
        ("tick", {"tick": 887272}),
        ("tick", {"tick": 1}),
        ("tick", {"tick": -2}),
        ("liquidity", {"liquidity": UINT128_MAX + 1}),
    ],
)
def test_a_state_that_cannot_be_is_refused_by_field(field, wrong):
    right = {"fee_pips": 3000, "tick_spacing": 60, "sqrt_price_x96": ONE, "tick": 0, "liquidity": 0}
    with pytest.raises(BadInput) as refusal:
        ConcentratedPool(**{**right, **wrong})
    assert refusal.value.facts["field"] == field


def test_ticks_that_do_not_add_up_are_refused():
    whole = pool_at_one()
    whole.check_ticks()
    with pytest.raises(BadInput, match="ticks are missing"):
        ConcentratedPool(3000, 60, ONE, 0, 5, {-60: Tick(5, 5)}).check_ticks()
    with pytest.raises(BadInput, match="same moment"):
        ConcentratedPool(3000, 60, ONE, 0, 6, {-60: Tick(5, 5), 60: Tick(5, -5)}).check_ticks()
    with pytest.raises(BadInput, match="multiple of the spacing"):
        ConcentratedPool(3000, 60, ONE, 0, 5, {-61: Tick(5, 5), 60: Tick(5, -5)}).check_ticks(whole=False)
    ConcentratedPool(3000, 60, ONE, 0, 6, {-60: Tick(None, 5)}).check_ticks(whole=False)


@pytest.mark.parametrize("ask", ["quote", "quote_by_steps", "output_for"])
def test_crossing_a_tick_that_would_make_liquidity_negative_is_refused(ask):
    pool = ConcentratedPool(3000, 60, ONE, 0, 5, {-60: Tick(None, 6)}, ticks_are_inferred=True)
    with pytest.raises(BadInput, match="incomplete"):
        getattr(pool, ask)(True, 10**6)
    assert pool.quote(False, 1).amount_in == 1


# --- what the chain says ------------------------------------------------------------------------------------------------


def test_a_reported_swap_brings_price_fees_and_ticks_along():
    pool = pool_at_one().mint(-60, 60, 10**18)[0]
    after, quote = pool.swap(True, 10**16)
    event = events.Swap(POOL, quote.amount_in, -quote.amount_out, quote.sqrt_price_x96_after, quote.liquidity_after, quote.tick_after)
    assert quote.ticks_crossed == 1
    assert pool.apply(event) == after


def test_a_reported_mint_and_burn_change_the_ticks():
    pool = pool_at_one()
    minted, paid0, paid1 = pool.mint(-60, 60, 5)
    assert pool.apply(events.Mint(POOL, -60, 60, 5, paid0, paid1)) == minted
    assert minted.apply(events.Burn(POOL, -60, 60, 5, paid0 - 1, paid1 - 1)) == pool


def test_other_events_change_what_they_say():
    pool = pool_at_one(liquidity=1 << 100)
    assert pool.apply(events.Collect(POOL, -60, 60, 1, 1)) == pool
    assert pool.apply(events.IncreaseObservationCardinality(POOL, 10)) == pool
    settings_after = pool.apply(events.SetFeeProtocol(POOL, 4, 5))
    assert (settings_after.fee_protocol0, settings_after.fee_protocol1) == (4, 5)
    lent = settings_after.apply(events.Flash(POOL, 100, 100, 400, 500))
    assert (lent.protocol_fees0, lent.protocol_fees1) == (100, 100)
    assert (lent.fee_growth_global0_x128, lent.fee_growth_global1_x128) == (300 << 28, 400 << 28)
    taken = lent.apply(events.CollectProtocol(POOL, 99, 100))
    assert (taken.protocol_fees0, taken.protocol_fees1) == (1, 0)
    moved = ConcentratedPool(3000, 60, ONE, 0, 0).apply(events.Initialize(POOL, sqrt_price_at_tick(7), 7))
    assert (moved.tick, moved.liquidity) == (7, 0)


def test_what_cannot_have_happened_is_refused():
    with pytest.raises(NotEnoughLiquidity, match="The protocol took"):
        pool_at_one().apply(events.CollectProtocol(POOL, 1, 0))
    with pytest.raises(NotEnoughLiquidity, match="lends nothing"):
        ConcentratedPool(3000, 60, ONE, 0, 0).apply(events.Flash(POOL, 1, 0, 0, 0))
    with pytest.raises(BadInput, match="cannot apply Sync"):
        pool_at_one().apply(events.Sync(POOL, 1, 1))
