"""An order's arm is a fact of its id and the salt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.assignment import BUCKETS, bucket_of, is_challengers
from domain.problems import BadInput


@given(st.text(min_size=1), st.text(min_size=1, max_size=16))
def test_for_any_order_and_salt_the_bucket_is_the_same_every_time_and_in_range(order_id, salt):
    assert 0 <= bucket_of(order_id, salt) < BUCKETS
    assert bucket_of(order_id, salt) == bucket_of(order_id, salt)


def test_the_bucket_of_a_known_order_never_changes_between_versions():
    assert [bucket_of(f"order-{number}", "trial-1") for number in range(3)] == [7252, 7916, 8576]


def test_ten_percent_of_the_buckets_get_ten_percent_of_the_orders():
    hits = sum(is_challengers(bucket_of(f"order-{number}", "trial-1"), 1_000) for number in range(20_000))
    assert abs(hits - 2_000) < 4 * (20_000 * 0.1 * 0.9) ** 0.5


def test_two_experiments_divide_the_same_orders_independently():
    both = sum(
        is_challengers(bucket_of(f"order-{number}", "trial-1"), 5_000) and is_challengers(bucket_of(f"order-{number}", "trial-2"), 5_000)
        for number in range(20_000)
    )
    assert abs(both - 5_000) < 4 * (20_000 * 0.25 * 0.75) ** 0.5


@given(st.integers(0, BUCKETS - 1), st.integers(0, BUCKETS), st.integers(0, BUCKETS))
def test_for_any_growing_share_no_order_goes_back_to_the_champion(bucket, one, other):
    small, large = sorted((one, other))
    assert is_challengers(bucket, large) or not is_challengers(bucket, small)


@pytest.mark.parametrize(("order_id", "salt"), [("", "trial-1"), ("order-1", ""), ("order-1", "x" * 65)])
def test_an_order_without_a_name_and_a_salt_that_is_none_are_refused(order_id, salt):
    with pytest.raises(BadInput):
        bucket_of(order_id, salt)
