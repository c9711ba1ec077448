"""Forecasts: judged on days they had not seen, beside a baseline that learned nothing."""

from __future__ import annotations

import polars as pl
import pytest

from domain.problems import BadInput
from models.forecasting import train_forecast
from models.policies import base_fee, markout, miss
from tests.models.made_up import frame_for


@pytest.mark.parametrize("policy", [markout.POLICY, miss.POLICY, base_fee.POLICY], ids=lambda policy: policy.name)
def test_what_is_there_to_be_foreseen_beats_the_baseline(policy) -> None:
    trained = train_forecast(policy, frame_for(policy, days=4), 1)
    assert trained is not None
    assert trained.rows == 600 and trained.judged == 450
    assert trained.error < trained.baseline_error


def test_too_few_rows_teach_nothing_and_one_day_cannot_be_judged() -> None:
    one_day = frame_for(markout.POLICY, days=1)
    assert train_forecast(markout.POLICY, one_day, 1) is None
    many = pl.concat([one_day, one_day])
    trained = train_forecast(markout.POLICY, many, 1)
    assert trained is not None and (trained.judged, trained.error) == (0, 0.0)


def test_a_frame_without_its_label_is_refused() -> None:
    with pytest.raises(BadInput, match="markout_1m_bps"):
        train_forecast(markout.POLICY, frame_for(markout.POLICY, days=1).drop("markout_1m_bps"), 1)
