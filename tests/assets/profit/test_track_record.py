"""The track record: a ratio never stands without its uncertainty."""

from __future__ import annotations

from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.profit.track_record import max_drawdown, sharpe_365

DAYS = st.lists(st.floats(-1e6, 1e6).map(lambda value: round(value, 6)), min_size=5, max_size=60)


def test_the_ratio_is_annual_over_365_days():
    # Mean 2, deviation sqrt(2.5): a daily ratio of 1.2649.
    sharpe = sharpe_365([0, 1, 2, 3, 4])

    assert sharpe is not None
    assert sharpe.ratio == pytest.approx(2 / sqrt(2.5) * sqrt(365))


def test_the_interval_is_lo_and_mertens_with_students_t():
    # No skew, kurtosis 1.7: variance (1 + S^2/2 - 1.3 S^2/4) / 4 with S^2 = 1.6; t(0.975, 4) = 2.7764.
    sharpe = sharpe_365([0, 1, 2, 3, 4])

    assert sharpe is not None
    reach = 2.776445 * sqrt((1 + 1.6 / 2 - 1.3 * 1.6 / 4) / 4) * sqrt(365)
    assert sharpe.high - sharpe.ratio == pytest.approx(reach, rel=1e-6)
    assert sharpe.ratio - sharpe.low == pytest.approx(reach, rel=1e-6)


def test_four_days_are_no_track_record():
    assert sharpe_365([1, 2, 3, 4]) is None


def test_a_result_that_never_varies_has_no_ratio():
    assert sharpe_365([0.0] * 30) is None
    assert sharpe_365([0.1] * 30) is None


@given(DAYS)
def test_for_any_days_the_ratio_lies_inside_its_interval_and_flips_with_the_sign(daily):
    sharpe, mirrored = sharpe_365(daily), sharpe_365([-value for value in daily])

    if sharpe is not None and mirrored is not None:
        assert sharpe.low <= sharpe.ratio <= sharpe.high
        assert mirrored.ratio == pytest.approx(-sharpe.ratio)
        assert (mirrored.low, mirrored.high) == (pytest.approx(-sharpe.high), pytest.approx(-sharpe.low))


def test_of_a_hundred_two_week_records_about_ninety_five_intervals_hold_the_truth():
    draw = np.random.default_rng(7)
    true = 0.2 * sqrt(365)

    held = 0
    for _ in range(1000):
        sharpe = sharpe_365(draw.normal(0.2, 1.0, 14).tolist())
        held += sharpe is not None and sharpe.low <= true <= sharpe.high

    assert 0.93 <= held / 1000 <= 0.985


def test_drawdown_is_the_deepest_fall_from_the_highest_point():
    assert max_drawdown([10, -4, 3, -8, 20]) == 9
    assert max_drawdown([-5, -5, 3]) == 10  # the start is a peak too
    assert max_drawdown([1, 2, 3]) == 0
    assert max_drawdown([]) == 0
