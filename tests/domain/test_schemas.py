"""A table takes whole frames or refuses them with the column's name."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import polars as pl
import pytest

from domain.problems import BadInput
from domain.schemas import AMOUNT, COUNT, DATE, RATIO, TEXT, TIME, WORD, Column, Table, columns

SWAPS = Table(
    "swaps",
    row="One swap.",
    columns=columns(
        Column("n", COUNT, "Its number."),
        Column("amount", AMOUNT, "Base units."),
        Column("price", RATIO, "Dollars.", nullable=True),
        Column("word", WORD, "Raw.", nullable=True),
        Column("at", TIME, "When.", nullable=True),
        Column("tags", pl.List(TEXT), "Tags.", nullable=True),
        DATE,
    ),
    key=("n",),
)


def frame(**changes: object) -> pl.DataFrame:
    rows = {
        "n": [2, 1],
        "amount": pl.Series([10**37, -(10**37)], dtype=pl.Decimal(38, 0)),
        "price": [1, 2],
        "word": [None, None],
        "at": [datetime(2026, 1, 5, tzinfo=UTC)] * 2,
        "tags": [["a"], None],
        "day": [date(2026, 1, 5)] * 2,
    }
    return pl.DataFrame({**rows, **changes})


def test_a_conforming_frame_is_typed_ordered_and_sorted_by_key():
    whole = SWAPS.conform(frame().select(sorted(frame().columns)))
    assert whole.schema == SWAPS.schema
    assert whole["n"].to_list() == [1, 2]
    assert whole["amount"].to_list() == [Decimal(-(10**37)), Decimal(10**37)]


def test_an_empty_table_conforms_to_itself():
    assert SWAPS.conform(SWAPS.empty()).height == 0


def test_a_table_without_a_day_is_not_daily():
    assert SWAPS.is_daily
    assert not Table("t", "One.", columns(Column("n", COUNT, "x")), ("n",)).is_daily


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (frame().drop("amount"), "missing columns \\['amount'\\]"),
        (frame(more=[1, 2]), "unknown columns \\['more'\\]"),
        (frame(amount=[1.5, 2.5]), "column amount: expected Decimal"),
        (frame(day=[None, date(2026, 1, 5)]), "nulls in {'day': 1}"),
        (frame(n=[1, 1]), "1 rows repeat the key"),
        (frame(at=[datetime(2026, 1, 5)] * 2), "column at"),
    ],
)
def test_a_frame_that_is_not_the_table_is_refused_with_the_column_named(broken: pl.DataFrame, says: str):
    with pytest.raises(BadInput, match=says):
        SWAPS.conform(broken)


def test_a_key_that_is_no_column_is_refused_when_the_table_is_defined():
    with pytest.raises(BadInput, match="the key names"):
        Table("t", "One.", columns(Column("n", COUNT, "x")), ("m",))
