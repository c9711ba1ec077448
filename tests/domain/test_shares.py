"""Parts of a whole number add up to it, whatever the weights."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.shares import apportion, rounded, share, split


@given(st.integers(-(10**30), 10**30), st.lists(st.integers(0, 10**24), min_size=1, max_size=20))
@settings(deadline=None)
def test_for_any_total_and_weights_the_parts_add_up_and_are_off_by_less_than_one(total, weights):
    parts = split(total, weights)

    assert sum(parts) == total
    whole = sum(weights)
    if whole:
        assert all(abs(part * whole - total * weight) < whole for part, weight in zip(parts, weights, strict=True))


@given(st.integers(-(10**30), 10**30), st.integers(0, 10**24), st.integers(0, 10**24))
@settings(deadline=None)
def test_for_any_share_it_is_the_first_of_two_parts(total, part, rest):
    if part + rest:
        assert share(total, part, part + rest) == split(total, [part, rest])[0]


def test_the_odd_unit_goes_to_the_largest_remainder_and_among_equals_to_the_first():
    assert split(10, [1, 1, 1]) == [4, 3, 3]
    assert split(10, [1, 5]) == [2, 8]
    assert split(-10, [1, 1, 1]) == [-4, -3, -3]
    assert split(3, [0, 0]) == [2, 1]
    assert share(100, 1, 3) == 33


def test_a_total_that_nobody_can_take_is_refused():
    with pytest.raises(ValueError, match="Nothing to split 5 over"):
        split(5, [])
    with pytest.raises(ValueError, match="zero or positive"):
        split(5, [1, -1])
    assert split(0, []) == []


@given(st.integers(-(10**30), 10**30), st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=12))
@settings(deadline=None)
def test_for_any_weights_for_and_against_the_parts_add_up_and_are_off_by_less_than_one(total, weights):
    whole = sum(weights)
    if not whole:
        with pytest.raises(ValueError, match="add up to nothing"):
            apportion(total, weights)
        return
    parts = apportion(total, weights)

    assert sum(parts) == total
    assert all(abs(part * whole - total * weight) < abs(whole) for part, weight in zip(parts, weights, strict=True))
    assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)


def test_a_part_that_is_whole_already_is_left_alone():
    assert rounded([5, 20, 5], 10) == [1, 2, 0]
    with pytest.raises(ValueError, match="at least 1"):
        rounded([1], 0)
