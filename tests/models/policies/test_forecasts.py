"""The forecasts: what is there to be seen is seen, and a probability is one."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from domain.kinds import BASE_FEE, MARKOUT, MISS
from models.policies import base_fee, markout, miss, quote_bandit
from models.policy import matrix_of
from tests.models.made_up import frame_for


def test_a_markout_that_follows_the_order_s_size_is_forecast() -> None:
    frame, later = frame_for(markout.POLICY, days=6), frame_for(markout.POLICY, days=6, seed=9)
    told = markout.fit(frame, 1).answers(matrix_of(later, MARKOUT))
    for column, label in enumerate(markout.LABELS):
        truth = later[label].to_numpy()
        assert np.abs(truth - told[:, column]).mean() < 0.95 * np.abs(truth).mean()


def test_the_dear_quantile_of_the_base_fee_is_exceeded_about_once_in_ten_times() -> None:
    frame, later = frame_for(base_fee.POLICY, days=6), frame_for(base_fee.POLICY, days=6, seed=9)
    told = base_fee.fit(frame, 1).answers(matrix_of(later, BASE_FEE))
    exceeded = (later[base_fee.LABEL].to_numpy() > told[:, 1]).mean()
    assert 0.05 < exceeded < 0.16
    assert (told[:, 1] >= told[:, 0]).mean() > 0.99


def test_where_it_says_so_many_miss_about_so_many_do() -> None:
    frame, later = frame_for(miss.POLICY, days=12), frame_for(miss.POLICY, days=12, seed=9)
    told, missed = miss.fit(frame, 1).answers(matrix_of(later, MISS))[:, 0], later[miss.LABEL].to_numpy()
    assert np.mean((told - missed) ** 2) < 0.9 * missed.mean() * (1 - missed.mean())
    for low, high in ((0.0, 0.3), (0.3, 0.7), (0.7, 1.0)):
        inside = (told >= low) & (told < high)
        # Three standard errors of that many draws, and a little for the calibration's own.
        assert abs(told[inside].mean() - missed[inside].mean()) < 1.5 / inside.sum() ** 0.5 + 0.03


@pytest.mark.parametrize("count", [0, 3])
def test_with_too_few_misses_the_answer_is_how_often_it_happened(count: int) -> None:
    frame = frame_for(miss.POLICY, days=1)
    rare = frame.with_columns(missed=pl.Series([1.0] * count + [0.0] * (frame.height - count)))
    told = miss.fit(rare, 1).answers(matrix_of(frame, MISS))
    assert np.ptp(told) == 0 and told[0, 0] == pytest.approx((count + 1) / (frame.height + 2), rel=1e-5)


def test_the_bandit_s_log_has_a_propensity_for_each_action_it_took() -> None:
    frame = frame_for(quote_bandit.POLICY, days=2)
    log = quote_bandit.fit(frame, 1).log
    assert log.height == frame.height
    # A tenth of the orders is drawn among three actions: a drawn one has a thirtieth, the preferred one the rest.
    assert set(np.round(log["propensity"].to_numpy(), 6)) <= {round(0.1 / 3, 6), round(0.9 + 0.1 / 3, 6)}


def test_the_bandit_learns_what_waiting_brings_from_what_it_paid_itself() -> None:
    frame, later = frame_for(quote_bandit.POLICY, days=10), frame_for(quote_bandit.POLICY, days=4, seed=9)
    rows, weights = matrix_of(later, quote_bandit.POLICY.kind), quote_bandit.fit(frame, 1)
    best = np.argmin(later.select("cost_now_bps", "cost_split_bps", "cost_wait_bps").to_numpy(), axis=1)
    assert (weights.answers(rows).argmax(axis=1) == best).mean() > 0.65
