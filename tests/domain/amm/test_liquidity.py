import pytest

from domain.amm.liquidity import Tick, check_range, position_amounts, tick_after
from domain.amm.ticks import sqrt_price_at_tick
from domain.problems import BadInput, NotEnoughLiquidity


def test_at_the_lower_tick_a_position_is_all_token0_and_at_the_upper_all_token1():
    at_lower = position_amounts(-60, 60, 10**18, -60, sqrt_price_at_tick(-60))
    at_upper = position_amounts(-60, 60, 10**18, 60, sqrt_price_at_tick(60))
    assert at_lower[0] > 0 == at_lower[1]
    assert at_upper[1] > 0 == at_upper[0]


def test_taking_liquidity_yields_at_most_what_adding_it_costs():
    added = position_amounts(-60, 60, 12345, 7, sqrt_price_at_tick(7))
    taken = position_amounts(-60, 60, -12345, 7, sqrt_price_at_tick(7))
    assert [more - less for more, less in zip(added, taken, strict=True)] == [1, 1]


def test_a_tick_lives_as_long_as_any_position_touches_it():
    two_positions = Tick(10, 0)  # one begins here, one ends
    assert tick_after(two_positions, 0, 60, -5, -5) == Tick(5, -5)
    assert tick_after(Tick(5, -5), 0, 60, -5, 5) is None


def test_a_tick_with_unknown_positions_dies_when_a_burn_brings_its_net_to_zero():
    assert tick_after(Tick(None, 5), 0, 60, -5, -5) is None
    assert tick_after(Tick(None, -5), 0, 60, 5, 5) == Tick(None, 0)


def test_its_fees_are_remembered():
    assert tick_after(Tick(5, 5, 11, 12), 0, 60, 1, 1) == Tick(6, 6, 11, 12)


def test_more_than_there_is_cannot_be_taken():
    with pytest.raises(NotEnoughLiquidity) as refusal:
        tick_after(Tick(5, 5), 60, 60, -6, -6)
    assert refusal.value.facts == {"tick": 60, "asked": "6"}


def test_a_range_names_the_tick_that_is_wrong():
    check_range(-60, 60, 60)
    with pytest.raises(BadInput) as refusal:
        check_range(-60, 61, 60)
    assert refusal.value.facts == {"field": "tick_upper", "value": 61}
