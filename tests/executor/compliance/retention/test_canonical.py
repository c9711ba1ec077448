"""The fingerprint of rows is the same however they lie, and another one when a value is another one."""

from __future__ import annotations

import hashlib
import io
from datetime import date
from decimal import Decimal

import polars as pl
import pytest

from domain.problems import BadInput
from executor.compliance.retention.canonical import fingerprint
from tests.executor.compliance.retention.lives import rows_of

KEY = ("trade_id",)


def test_the_hash_can_be_computed_by_hand():
    rows = pl.DataFrame({"id": ["b", "a"], "n": [2, None], "x": [0.0, 1.5], "d": [date(2026, 1, 2)] * 2, "t": ["ü", ""]})
    text = "id:String\nn:Int64\nx:Float64\nd:Date\nt:String\n"
    text += "1:a,-,19:4609434218613702656,10:2026-01-02,0:,\n"
    text += "1:b,1:2,1:0,10:2026-01-02,2:ü,\n"
    found = fingerprint(rows, ("id",))
    assert found.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (found.rows, found.first_key, found.last_key) == (2, ("a",), ("b",))


def test_order_chunks_and_a_trip_through_parquet_leave_it_as_it_is():
    rows = rows_of(count=30)
    sink = io.BytesIO()
    rows.write_parquet(sink, compression="zstd")
    sink.seek(0)
    for other in (rows.reverse(), pl.concat([rows[20:], rows[:20]], rechunk=False), pl.read_parquet(sink)):
        assert fingerprint(other, KEY) == fingerprint(rows, KEY)


@pytest.mark.parametrize(
    "change",
    [
        pl.col("amount") + Decimal(1),
        pl.lit(None, pl.Float64).alias("price_usd"),
        (-pl.col("price_usd")).alias("price_usd"),
        pl.lit(b"").alias("raw"),
        pl.col("block_time").dt.offset_by("1us"),
        (~pl.col("settled")).alias("settled"),
        pl.col("note").fill_null(""),
        pl.col("day").dt.offset_by("1d"),
        pl.col("settled").cast(pl.String),
    ],
)
def test_one_changed_value_or_type_is_another_hash(change: pl.Expr):
    rows = rows_of()
    assert fingerprint(rows.with_columns(change), KEY).sha256 != fingerprint(rows, KEY).sha256


def test_no_rows_have_a_fingerprint_without_keys():
    assert fingerprint(rows_of(count=0), KEY).first_key == ()


def test_a_key_that_repeats_is_refused():
    with pytest.raises(BadInput, match="stands twice"):
        fingerprint(pl.concat([rows_of(), rows_of()]), KEY)


def test_a_column_without_plain_values_is_refused():
    with pytest.raises(BadInput, match="has no plain form"):
        fingerprint(pl.DataFrame({"trade_id": ["a"], "list": [[1]]}), KEY)
