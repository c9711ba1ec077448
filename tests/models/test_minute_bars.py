"""Minute bars: every row is used or set aside with its reason, and nothing goes missing unseen."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from models.minute_bars import COLUMNS, sift
from tests.models.minutes import START, changed, minute_bars, minute_rows


def test_good_rows_become_bars_in_the_order_of_time():
    rows = minute_rows(30)
    bars = sift(rows.sample(fraction=1, shuffle=True, seed=1))
    assert bars.frame["timestamp"].to_list() == rows["timestamp"].to_list()
    assert (bars.set_aside.height, bars.gaps, bars.strays) == (0, (), 0)
    assert bars.frame["settled_tick"].to_list() == rows["closeTick"].to_list()


@pytest.mark.parametrize(
    ("reason", "wrong"),
    [
        ("missing_value", {"netAmount0": None}),
        ("missing_value", {"closeTick": None}),
        ("not_on_the_minute", {"timestamp": START + timedelta(minutes=4, seconds=1)}),
        ("not_a_whole_number", {"netAmount1": "1.5"}),
        ("not_a_whole_number", {"currentLiquidity": "1" * 60}),
        ("not_a_whole_number", {"inAmount0": "a lot"}),
        ("tick_out_of_range", {"closeTick": 900_000}),
        ("tick_out_of_range", {"highestTick": 887_272}),
        ("lowest_above_highest", {"lowestTick": 203_000}),
        ("open_outside_range", {"openTick": 203_000}),
        ("impossible_amount", {"inAmount0": "-1"}),
        ("impossible_amount", {"netAmount1": str(10**30)}),
        ("no_liquidity", {"currentLiquidity": "0"}),
    ],
)
def test_a_row_that_cannot_be_used_is_set_aside_with_its_reason_and_leaves_a_named_gap(reason, wrong):
    bars = sift(changed(minute_rows(10), 4, **wrong))
    assert bars.reasons() == {reason: 1}
    assert bars.set_aside["row"].to_list() == [4]
    assert bars.frame.height == 9
    assert [(gap.after, gap.minutes) for gap in bars.gaps] == [(START + timedelta(minutes=3), 1)]
    assert str(bars.gaps[0]) == "1 after 2026-03-02 00:03"


def test_a_minute_told_twice_is_kept_once():
    rows = minute_rows(10)
    bars = sift(pl.concat([rows, rows[3:5]]))
    assert bars.reasons() == {"duplicate_minute": 2}
    assert bars.frame.height == 10 and bars.set_aside["row"].to_list() == [10, 11]


def test_of_a_minute_told_twice_the_usable_row_is_kept():
    rows = minute_rows(10)
    bars = sift(pl.concat([changed(rows, 3, currentLiquidity="0"), rows[3:4]]))
    assert bars.reasons() == {"no_liquidity": 1}
    assert bars.gaps == ()


def test_a_close_that_its_minute_never_saw_is_counted_and_does_not_settle():
    rows = minute_rows(10, step=0)
    bars = sift(changed(changed(rows, 2, closeTick=202_050), 5, closeTick=201_900))
    assert bars.strays == 2
    assert bars.frame["settled_tick"].to_list()[2] == 202_003
    assert bars.frame["settled_tick"].to_list()[5] == 201_997
    assert bars.frame["closeTick"].to_list()[2] == 202_050


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 59), max_size=20), st.lists(st.integers(0, 59), max_size=20))
def test_for_any_spoilt_and_repeated_rows_what_comes_in_is_used_or_set_aside(spoilt, repeated):
    rows = minute_rows(60)
    for at in spoilt:
        rows = changed(rows, at, currentLiquidity="-1")
    told = pl.concat([rows, rows[sorted(repeated)]]) if repeated else rows
    bars = None
    if len(set(spoilt)) < 60:
        bars = sift(told)
        assert bars.frame.height + bars.set_aside.height == told.height
        assert bars.set_aside["reason"].null_count() == 0
        missing = sum(gap.minutes for gap in bars.gaps)
        first, last = bars.frame["timestamp"].item(0), bars.frame["timestamp"].item(-1)
        assert bars.frame.height + missing == (last - first) // timedelta(minutes=1) + 1


@pytest.mark.parametrize("column", COLUMNS)
def test_a_missing_column_is_named(column):
    with pytest.raises(BadInput, match=column):
        sift(minute_rows(5).drop(column))


@pytest.mark.parametrize(
    ("field", "kind"),
    [("timestamp", pl.Datetime("us")), ("timestamp", pl.Date), ("currentLiquidity", pl.Float64), ("closeTick", pl.Float64)],
)
def test_a_column_of_another_type_is_named(field, kind):
    rows = minute_rows(5)
    cast = pl.col(field).dt.replace_time_zone(None) if kind == pl.Datetime("us") else pl.col(field).cast(kind)
    with pytest.raises(BadInput) as refused:
        sift(rows.with_columns(cast))
    assert refused.value.facts["field"] == field


def test_a_file_without_one_usable_row_is_refused():
    with pytest.raises(BadInput, match="None of 5 rows"):
        sift(minute_rows(5).with_columns(currentLiquidity=pl.lit("0")))


def test_bars_of_a_small_world_are_whole():
    assert minute_bars(100, repeat=0.5).frame.height == 100
