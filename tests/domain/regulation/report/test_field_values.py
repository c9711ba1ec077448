"""Values of fields: each kind of column comes out in the form that the field asks for, and nothing else does."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from domain.problems import BadInput
from domain.regulation.report.field_values import FieldReader
from domain.regulation.rulebook import DocRef, Field

NOON = datetime(2026, 1, 2, 12, 0, 0, 5, tzinfo=UTC)


def read(values, **told):
    one = Field("F", "f", DocRef("act"), **({"source": "x"} | told))
    series = values if isinstance(values, pl.Series) else pl.Series(values)
    return FieldReader({"words": ("a", "b")}).read(one, series.alias("x").to_frame()).texts.to_list()


@pytest.mark.parametrize(
    ("values", "form", "told"),
    [
        ([NOON, None], "datetime_us", ["2026-01-02T12:00:00.000005Z", None]),
        ([NOON.replace(tzinfo=None)], "datetime_s", ["2026-01-02T12:00:00Z"]),
        ([NOON], "date", ["2026-01-02"]),
        ([date(2026, 1, 2)], "date", ["2026-01-02"]),
        ([date(2026, 1, 2)], "datetime_s", ["2026-01-02T00:00:00Z"]),
        (["2026-01-02", "2026-02-30", "soon"], "date", ["2026-01-02", None, None]),
        (["2026-01-02T12:00:00+01:00", "soon"], "datetime_s", ["2026-01-02T11:00:00Z", None]),
        ([None], "date", [None]),
        ([True, False, None], "boolean", ["true", "false", None]),
        (["1", "False", "perhaps"], "boolean", ["true", "false", None]),
        ([7, None], "integer", ["7", None]),
        ([Decimal(10**30)], "integer", [str(10**30)]),
        (["7", "7.5", "seven"], "integer", ["7", None, None]),
        ([None], "integer", [None]),
        ([b"\xab\xcd"], "text", ["0xabcd"]),
        ([NOON], "text", ["2026-01-02T12:00:00.000005Z"]),
    ],
)
def test_each_kind_of_column_comes_out_in_the_form_asked_for(values, form, told):
    assert read(values, format=form) == told


def test_text_is_mapped_and_cleaned_before_it_is_told():
    assert read(["BUY", "x-1", ""], map={"BUY": "BUYI"}) == ["BUYI", "x-1", None]
    assert read(["0xAb-1"], clean=("strip_0x", "alnum")) == ["AB1"]
    assert read(["ab"], clean=("upper",)) == ["AB"]
    assert read(["a"], expr="x == 'a'", source=None) == ["true"]


@pytest.mark.parametrize(
    ("values", "told", "words"),
    [
        ([1.5], {}, "floats"),
        (["a"], {"format": "roman"}, "not one"),
        ([1], {"format": "date"}, "its column is"),
        (["a"], {"clean": ("wash",)}, "cleans by 'wash'"),
        (["a"], {"validate": "@nothing"}, "@nothing"),
        (["a"], {"source": "y"}, "the column 'y'"),
    ],
)
def test_what_a_field_cannot_mean_is_refused_with_its_id(values, told, words):
    with pytest.raises(BadInput, match=words) as refused:
        read(values, **told)
    assert refused.value.facts["field"] == "F"
