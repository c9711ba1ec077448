import pytest

from domain.amm.swap_loop import liquidity_across, next_stop, nothing_ahead, tick_when_stopped_at
from domain.amm.ticks import MAX_TICK, MIN_TICK, UINT128_MAX, sqrt_price_at_tick
from domain.problems import BadInput


@pytest.mark.parametrize(
    ("tick", "down", "expected"),
    [
        (0, True, (0, True)),
        (5, True, (0, True)),
        (-1, True, (-2560, False)),
        (0, False, (2550, False)),
        (-60, False, (-10, False)),
        (-11, False, (-10, False)),
        (-10, False, (0, True)),
        (2549, False, (2550, False)),
        (2550, False, (3000, True)),
        (3000, False, (5110, False)),
    ],
)
def test_a_swap_stops_at_ticks_with_liquidity_and_at_the_ends_of_words(tick, down, expected):
    assert next_stop((0, 3000), tick, 10, down) == expected


def test_no_stop_lies_past_the_ends_of_prices():
    assert next_stop((), -887_200, 60, True) == (MIN_TICK, False)
    assert next_stop((), 887_200, 60, False) == (MAX_TICK, False)


def test_what_lies_ahead_depends_on_the_way():
    assert nothing_ahead((0, 10), 10, zero_for_one=False)
    assert not nothing_ahead((0, 10), 9, zero_for_one=False)
    assert nothing_ahead((0, 10), -1, zero_for_one=True)
    assert not nothing_ahead((0, 10), 0, zero_for_one=True)


def test_a_limit_on_the_end_of_a_word_counts_as_crossed_only_downwards():
    end = sqrt_price_at_tick(2560)
    assert tick_when_stopped_at(end, 10, zero_for_one=True) == 2559
    assert tick_when_stopped_at(end, 10, zero_for_one=False) == 2560
    assert tick_when_stopped_at(end + 1, 10, zero_for_one=True) == 2560
    assert tick_when_stopped_at(sqrt_price_at_tick(2570), 10, zero_for_one=True) == 2570


@pytest.mark.parametrize(("liquidity", "net", "down"), [(5, 6, True), (5, -6, False), (UINT128_MAX, 1, False)])
def test_liquidity_stays_within_128_bits(liquidity, net, down):
    with pytest.raises(BadInput) as refusal:
        liquidity_across(liquidity, net, 60, down)
    assert refusal.value.facts["tick"] == 60
