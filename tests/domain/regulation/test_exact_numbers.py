"""The arithmetic of expressions, a column at a time: exact, null where something is missing, refused where it cannot be counted with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from domain.problems import BadInput
from domain.regulation.exact_numbers import computed
from domain.regulation.expression_grammar import parse

ROWS = {
    "a": pl.Series([6, -4, None], dtype=pl.Int64),
    "b": pl.Series([4, 0, 1], dtype=pl.Int64),
    "text": pl.Series(["0.10", "lots", None], dtype=pl.String),
    "real": pl.Series([0.1, float("inf"), None], dtype=pl.Float64),
    "wide": pl.Series([Decimal(10**37), Decimal(-1), None], dtype=pl.Decimal(38, 0)),
    "yes": pl.Series([True, False, None], dtype=pl.Boolean),
}


def answers(text: str) -> list[Any]:
    term = parse(text)
    leaves = {one: ROWS[str(one.value)] for one in term.every() if one.op == "column"}
    return computed(term, leaves, 3).to_list()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a + b", ["10", "-4", None]),
        ("a - b", ["2", "-4", None]),
        ("-a", ["-6", "4", None]),
        ("abs(a) * 3", ["18", "12", None]),
        ("a / b", ["1.5", None, None]),
        ("b / 3", ["1.3333333333333333333333333333333333333333", "0", "0.3333333333333333333333333333333333333333"]),
        ("a / b > 1", [True, None, None]),
        ("a * 0 == 0", [True, True, None]),
        ("decimal(text)", ["0.1", None, None]),
        ("decimal(text) * decimal(a)", ["0.6", None, None]),
        ("decimal(a + b)", ["10", "-4", None]),
        ("real + 0.2", ["0.3", None, None]),
        ("wide * wide", ["1" + "0" * 74, "1", None]),
        ("a * 0 - 0", ["0", "0", None]),
        ("sum(a)", ["2"]),
        ("sum(a) / count()", ["0.6666666666666666666666666666666666666667"]),
        ("a + sum(b)", ["11", "1", None]),
        ("sum(a) > count()", [False]),
        ("1 + 2", ["3"]),
        ("sum(2)", ["6"]),
    ],
)
def test_each_row_has_the_exact_answer_or_none(text, told):
    assert answers(text) == told


@pytest.mark.parametrize("name", ["text", "yes"])
def test_what_is_no_number_is_not_counted_with(name):
    with pytest.raises(BadInput, match=rf"{name} is not a number.*write decimal\({name}\)"):
        answers(f"{name} * 2")


def test_more_digits_than_there_is_room_for_are_refused_and_not_rounded():
    digits = pl.Series(["9" * 100 + "." + "9" * 100], dtype=pl.String)
    wide = " * ".join(["decimal(x)"] * 30)
    twice = f"({wide}) * ({wide})"
    term = parse(f"({twice}) * ({twice})")
    with pytest.raises(BadInput, match="more digits than 10000"):
        computed(term, {one: digits for one in term.every() if one.op == "column"}, 1)
