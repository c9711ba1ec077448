"""The catalogue, and the questions that catch a feature which knows too much."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from domain.features import NAMES
from domain.kinds import KINDS
from models.features import catalogue, differing, late, off_by_one, shifted, too_good
from models.training import WAIT_RESIDUAL
from tests.models.order_book import orders


def test_the_catalogue_has_a_row_for_every_feature() -> None:
    told = catalogue()
    assert told["name"].to_list()[: len(NAMES)] == list(NAMES)
    assert set(told["name"]) == {name for kind in KINDS.values() for name in kind.names}
    assert told.null_count().sum_horizontal().item() == 0


def test_a_late_fact_is_counted() -> None:
    frame = orders(days=1, per_day=3).with_columns(known_at=pl.col("arrived_at"))
    assert late(frame) == 0
    assert late(frame.with_columns(known_at=pl.col("arrived_at") + timedelta(seconds=1))) == 3


def test_a_feature_that_changes_when_the_future_is_cut_away_is_named() -> None:
    frame = orders(days=1, per_day=3)
    assert differing(frame, frame.reverse()) == []
    assert differing(frame, frame.with_columns(hour=pl.col("hour") + 1)) == ["hour"]
    assert differing(frame, frame.head(2)) == list(NAMES)


def test_a_feature_made_from_the_outcome_is_named() -> None:
    frame = orders(days=2, noise_bps=30)
    assert too_good(frame, WAIT_RESIDUAL) == []
    assert too_good(frame.with_columns(hops=pl.col(WAIT_RESIDUAL) * 2 + 1), WAIT_RESIDUAL) == ["hops"]
    assert too_good(frame.head(2), WAIT_RESIDUAL) == []


def test_shifted_features_are_those_of_the_row_that_comes_next() -> None:
    frame = orders(days=1, per_day=4)
    moved = shifted(frame)
    assert moved.height == 3
    assert moved["hops"].to_list() == frame["hops"].to_list()[1:]
    assert moved[WAIT_RESIDUAL].to_list() == frame[WAIT_RESIDUAL].to_list()[:3]


def test_a_feature_that_was_written_down_one_row_late_is_named() -> None:
    frame = orders(days=3)
    assert off_by_one(frame, WAIT_RESIDUAL) == []
    assert off_by_one(frame.with_columns(pl.col("deviation_bps").shift(1, fill_value=0.0)), WAIT_RESIDUAL) == ["deviation_bps"]


def test_nothing_is_said_of_no_rows() -> None:
    assert off_by_one(orders(days=1, per_day=3).clear(), WAIT_RESIDUAL) == []
