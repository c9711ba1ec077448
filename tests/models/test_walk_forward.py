"""Splits: nothing that teaches reaches into what it is judged on, whatever the times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput
from models.walk_forward import purged_folds, walk_forward

START = datetime(2026, 1, 5, tzinfo=UTC)
spans = st.integers(0, 600).map(lambda minutes: timedelta(minutes=minutes))


def moments(minutes: list[int]) -> pl.Series:
    return pl.Series("arrived_at", [START + timedelta(minutes=minute) for minute in minutes], dtype=pl.Datetime("us", "UTC"))


@given(st.lists(st.integers(0, 6 * 1440), min_size=1, max_size=80), spans, spans)
def test_for_any_orders_every_lesson_was_over_an_embargo_before_its_day_began(minutes: list[int], horizon, embargo) -> None:
    arrived = moments(minutes)
    judged: list[int] = []
    for split in walk_forward(arrived, horizon, embargo):
        assert all(arrived[int(at)] + horizon + embargo < split.begins for at in split.learns)
        assert all(split.begins <= arrived[int(at)] < split.begins + timedelta(days=1) for at in split.judges)
        judged += split.judges.tolist()
    # Each order of a later day is judged once, none of the first day ever is.
    first = min(minutes) // 1440
    assert sorted(judged) == [at for at, minute in enumerate(minutes) if minute // 1440 > first]


@given(st.lists(st.integers(0, 6 * 1440), min_size=1, max_size=80), spans, spans)
def test_for_any_orders_a_fold_s_lessons_do_not_overlap_it(minutes: list[int], horizon, embargo) -> None:
    arrived = moments(minutes)
    judged: list[int] = []
    for split in purged_folds(arrived, horizon, embargo):
        inside = [arrived[int(at)] for at in split.judges]
        for at in split.learns:
            one = arrived[int(at)]
            assert one + horizon < min(inside) or one > max(inside) + horizon + embargo
        judged += split.judges.tolist()
    assert sorted(judged) == list(range(len(minutes)))


def test_no_orders_have_no_days() -> None:
    assert list(walk_forward(moments([]), timedelta(0))) == []
    assert list(purged_folds(moments([]), timedelta(0))) == []


@pytest.mark.parametrize(("horizon", "embargo", "field"), [(-1, 0, "horizon"), (0, -1, "embargo")])
def test_a_negative_span_is_refused(horizon: int, embargo: int, field: str) -> None:
    for splits in (walk_forward, purged_folds):
        with pytest.raises(BadInput) as problem:
            list(splits(moments([0]), timedelta(minutes=horizon), timedelta(minutes=embargo)))
        assert problem.value.facts["field"] == field
