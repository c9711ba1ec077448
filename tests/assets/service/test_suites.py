"""A suite hands over only the columns that its promises speak of."""

import polars as pl

from assets.service.suites import Expectation, Suite, between, matches, one_of, unique, unique_together
from domain.schemas import COUNT, TEXT, Column, Table, columns

TABLE = Table("trades", "One trade.", columns(*(Column(name, COUNT, name) for name in "abcd"), Column("note", TEXT, "Words.")), key=("a",))


def test_columns_named_by_a_promise_or_a_derived_column_are_handed_over_and_no_others():
    suite = Suite(
        TABLE, (unique("u", "", "a"), between("b", "", "gap", 0), unique_together("t", "", ["a", "b"])), {"gap": pl.col("b") - pl.col("c")}
    )
    assert suite.columns == ["a", "b", "c"]


def test_every_kind_of_promise_is_one_of_great_expectations_own():
    assert unique("n", "s", "a") == Expectation("n", "s", "ExpectColumnValuesToBeUnique", {"column": "a"})
    assert between("n", "s", "a", 0, 1).settings == {"column": "a", "min_value": 0, "max_value": 1}
    assert one_of("n", "s", "note", ["x"]).settings == {"column": "note", "value_set": ["x"]}
    assert matches("n", "s", "note", "^x").settings == {"column": "note", "regex": "^x"}
