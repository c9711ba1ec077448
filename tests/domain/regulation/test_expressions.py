"""The closed language: what it computes, against a plain reading in Python, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.problems import BadInput
from domain.regulation.expression_grammar import MAX_DEPTH, Term, parse, shown
from domain.regulation.expressions import columns_of, compile_expression, is_condition

LISTS = {"sides": ("BUY", "SELL"), "nobody": ()}
SCHEMA: dict[str, Any] = {
    "wei": pl.Decimal(38, 0),
    "rate": pl.Decimal(38, 18),
    "count_": pl.Int64(),
    "small": pl.Int32(),
    "price": pl.String(),
    "side": pl.String(),
    "heading.reference": pl.String(),
    "ours": pl.Boolean(),
    "day": pl.Date(),
    "at": pl.Datetime("us", "UTC"),
    "at_local": pl.Datetime("us"),
    "ratio": pl.Float64(),
    "raw": pl.Binary(),
}
ROWS = [
    {"wei": 10**37, "rate": Decimal("0.000000000000000001"), "count_": 3, "small": -1, "price": "3000.000000000000000001", "side": "BUY",
     "heading.reference": "R-1", "ours": True, "day": date(2026, 1, 2), "at": datetime(2026, 1, 2, 9, tzinfo=UTC),
     "at_local": datetime(2026, 1, 2, 9), "ratio": 0.1, "raw": b"x"},
    {"wei": 5, "rate": Decimal("2.5"), "count_": 2**62, "small": 0, "price": "-0.50", "side": "it's", "heading.reference": "",
     "ours": False, "day": date(2027, 1, 1), "at": datetime(2026, 6, 1, tzinfo=UTC),
     "at_local": datetime(2027, 1, 1), "ratio": float("nan"), "raw": b""},
    {"price": "no number", "side": "SELL", "ours": True, "small": 7},
    {},
]  # fmt: skip
FRAME = pl.DataFrame([{name: row.get(name) for name in SCHEMA} for row in ROWS], schema=SCHEMA)


def told(text: str, frame: pl.DataFrame = FRAME) -> list[Any]:
    return frame.select(compile_expression(text, frame.schema, LISTS).alias("told"))["told"].to_list()


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("side == 'BUY'", [True, False, False, False]),
        ("side == 'it''s'", [False, True, False, False]),
        ("not side == 'BUY'", [False, True, True, False]),
        ("side != 'BUY' or ours", [True, True, True, False]),
        ("side is null", [False, False, False, True]),
        ("side is not null and not ours", [False, True, False, False]),
        ("side in @sides", [True, False, True, False]),
        ("side not in @sides", [False, True, False, False]),
        ("side in @nobody", [False, False, False, False]),
        ("small in (-1, 7)", [True, False, True, False]),
        ("side in ('BUY', 'X')", [True, False, False, False]),
        ("side matches '[A-Z]+'", [True, False, True, False]),
        ("side matches 'B'", [False, False, False, False]),
        ("side not matches '[A-Z]+'", [False, True, False, False]),
        ("length(side) <= 3", [True, False, False, False]),
        ("length(side) + 1 == 5", [False, True, True, False]),
        ("length(price) * 2 > 0", [True, True, True, False]),
        ("wei > 9999999999999999999999999999999999999", [True, False, False, False]),
        ("wei * rate == 10000000000000000000", [True, False, False, False]),
        ("wei * decimal(price) > 0.5", [True, False, False, False]),
        ("decimal(price) == -0.5", [False, True, False, False]),
        ("decimal(wei) == 5", [False, True, False, False]),
        ("decimal(decimal(price)) == -0.5", [False, True, False, False]),
        ("decimal('7.5') == 7.5", [True]),
        ("1 + 2 * 3 == 7", [True]),
        ("(1 + 2) * 3 == 9 and 10 - 2 - 3 == 5", [True]),
        ("1 / 3 * 3 == 1", [True]),
        ("count_ / small == -3", [True, False, False, False]),
        ("abs(small) >= 1", [True, False, True, False]),
        ("- small > 0", [True, False, False, False]),
        ("count() == 4", [True]),
        ("count() * 2 == 8", [True]),
        ("sum(small) == 6", [True]),
        ("sum(small) / count() == 1.5", [True]),
        ("small > sum(small) / count()", [False, False, True, False]),
        ("sum(1) == 4", [True]),
        ("wei == 5 * power10(small)", [False, True, False, False]),
        ("power10(small + 200) == 1", [False, False, False, False]),
        ("day >= '2026-06-30'", [False, True, False, False]),
        ("at < '2026-02-01T00:00:00'", [True, False, False, False]),
        ("at == '2026-01-02T10:00:00+01:00'", [True, False, False, False]),
        ("at_local == '2026-01-02T09:00:00Z'", [True, False, False, False]),
        ("ratio + 0 == 0.1", [True, False, False, False]),
        ("ours", [True, False, True, None]),
        ("true", [True]),
        ("ours == true", [True, False, True, False]),
        ("raw is null", [False, False, True, True]),
        ("wei * 2", ["20000000000000000000000000000000000000", "10", None, None]),
        ("decimal(price) * 1", ["3000.000000000000000001", "-0.5", None, None]),
        ("small * 0.5", ["-0.5", "0", "3.5", None]),
        ("1 / 3", ["0." + "3" * 40]),
        ("1 / 0", [None]),
        ("length(joined(side, 'x')) * 2 == 8", [True, False, False, False]),
        ("length('abc') * 2 == 6", [True]),
        ("decimal('x') + small > 0", [False, False, False, False]),
        ("small * -1 * 0", ["0", "0", "0", None]),
        ("joined(heading.reference, '-', side)", ["R-1-BUY", "-it's", None, None]),
    ],
)  # fmt: skip
def test_an_expression_says_what_it_reads_like(text: str, answers: list[Any]) -> None:
    assert told(text) == answers


def test_a_group_has_a_count_and_a_sum_of_its_own() -> None:
    frame = pl.DataFrame({"side": ["BUY", "BUY", "SELL"], "x": [1, 2, 4]})
    of_group = frame.with_columns(
        compile_expression("sum(x) * 2").over("side").alias("two"), compile_expression("count() == 2").over("side")
    )
    assert of_group["two"].to_list() == ["6", "6", "8"]
    assert of_group["len"].to_list() == [True, True, False]


def test_no_rows_are_no_answers_and_sum_to_nothing() -> None:
    assert told("wei * 2 > 1", FRAME.clear()) == []
    assert FRAME.clear().select(compile_expression("sum(wei) == 0")).to_series().to_list() == [True]


@pytest.mark.parametrize(
    ("text", "position", "fix"),
    [
        ("sidd == 'x'", 1, "did you mean side?"),
        ("zzz == 'x'", 1, "there are: at, at_local"),
        ("side in @sidez", 9, "did you mean sides?"),
        ("side = 'x'", 6, "write =="),
        ("side == \"x\"", 9, "write '…'"),
        ("side == 'x", 9, "close it"),
        ("side # 1", 6, "leave it out"),
        ("1x == 2", 1, "a name begins with a letter"),
        ("side == null", 9, "is null"),
        ("side is 3", 9, "null after is"),
        ("side in 3", 9, "a list such as"),
        ("side in (side)", 10, "a list holds"),
        ("side in ('A' 'B')", 14, "a comma or )"),
        ("side matches 3", 14, "a 'text'"),
        ("side matches '('", 6, "is not a regex"),
        ("small < 1 < 2", 11, "join two with and"),
        ("small ==", 9, "write a column"),
        ("(small == 1", 12, "an operator or )"),
        ("small == 1 small", 12, "an operator such as"),
        ("abz(small) > 1", 1, "did you mean abs?"),
        ("abs() > 1", 5, "write a column"),
        ("count(1) > 1", 7, "count takes nothing"),
        ("abs(small, 2) > 1", 10, "abs takes 1"),
        ("joined(side) == 'x'", 12, "joined takes 2 or more"),
        ("side == 3", 6, "without quotes"),
        ("ours == 3", 6, "compare values of one kind"),
        ("ours > false", 6, "no order"),
        ("price > 3", 7, "write decimal(x)"),
        ("price + 3 > 3", 1, "write decimal(price)"),
        ("'a' + 3 > 3", 1, "write decimal(x)"),
        ("side and ours", 1, "write a condition"),
        ("small matches 'x'", 1, "matches is for text"),
        ("length(small) > 3", 8, "length is for text"),
        ("joined(side, small) == 'x'", 14, "joined is for text"),
        ("decimal(ours) > 3", 1, "decimal is for text"),
        ("day > 'soon'", 7, "write it as 2026-01-31"),
        (f"small == {'9' * 39}", 10, "38 digits"),
        ("", 1, "is empty"),
        ("   ", 1, "is empty"),
        ("a" * 2_001, 2_000, "at most 2000"),
        ("(" * 50 + "ours" + ")" * 50, MAX_DEPTH + 1, "write two rules"),
        ("not " * 50 + "ours", 4 * MAX_DEPTH + 1, "write two rules"),
        ("- " * 50 + "small > 1", 2 * MAX_DEPTH + 1, "write two rules"),
        ("1" + " + 1" * 50 + " == 51", 159, "write two rules"),
    ],
)  # fmt: skip
def test_a_wrong_expression_is_told_with_its_position_and_the_fix(text: str, position: int, fix: str) -> None:
    with pytest.raises(BadInput) as refused:
        compile_expression(text, SCHEMA, LISTS)
    assert refused.value.facts["position"] == position
    assert fix in refused.value.message


@pytest.mark.parametrize(
    "text", ["__import__('os')", "side.upper()", "[x for x in side]", "lambda: 1", "side if ours else 1", "f'{x}'", "x;y"]
)
def test_python_is_not_the_language(text: str) -> None:
    with pytest.raises(BadInput):
        compile_expression(text)


def test_text_that_is_counted_with_is_refused_when_only_the_rows_can_tell() -> None:
    with pytest.raises(BadInput, match=r"write decimal\(side\)"):
        FRAME.select(compile_expression("side + 1 > 2"))
    with pytest.raises(BadInput, match="ours is not a number"):
        FRAME.select(compile_expression("decimal(ours) > 2"))


def test_numbers_wider_than_any_column_are_refused_instead_of_rounded() -> None:
    frame = pl.DataFrame({"x": ["9" * 100 + "." + "9" * 100]})
    product = " * ".join(["decimal(x)"] * 30)
    assert frame.select(compile_expression(f"{product} > 1")).item()
    wide = f"({product}) * ({product})"
    with pytest.raises(BadInput, match="write shorter numbers"):
        frame.select(compile_expression(f"({wide}) * ({wide}) > 1"))


def test_the_columns_of_an_expression_are_known_before_there_are_rows() -> None:
    assert columns_of("a > 1 and heading.firm_lei == 'x' and length(b) > count()") == {"a", "b", "heading.firm_lei"}
    assert is_condition("a > 1") and is_condition("a") and not is_condition("a + 1")


# For any expression: a plain reading in Python, over exact fractions, says the same.

NUMBERS = st.one_of(st.integers(0, 20), st.decimals("0", "100", places=3), st.integers(0, 10**38 - 1)).map(lambda one: Decimal(str(one)))
TEXTS = st.sampled_from(["BUY", "SELL", "it's", "", "ü"])


def numbers() -> st.SearchStrategy[Term]:
    leaves = st.one_of(
        NUMBERS.map(lambda one: Term("number", value=one)),
        st.sampled_from(["wei", "rate", "count_", "small"]).map(lambda name: Term("column", value=name)),
        st.just(Term("decimal", (Term("column", value="price"),))),
        st.just(Term("length", (Term("column", value="side"),))),
        st.just(Term("count")),
    )

    def grown(below: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        return st.one_of(
            st.builds(lambda op, one, other: Term(op, (one, other)), st.sampled_from("+-*/"), below, below),
            below.map(lambda one: Term("abs", (one,))),
            below.map(lambda one: Term("sum", (one,))),
            below.filter(lambda one: one.op != "number").map(lambda one: Term("-", (one,))),
        )

    return st.recursive(leaves, grown, max_leaves=5)


def conditions() -> st.SearchStrategy[Term]:
    side = Term("column", value="side")
    leaves = st.one_of(
        st.builds(lambda op, one, other: Term(op, (one, other)), st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), numbers(), numbers()),
        st.builds(lambda op, one: Term(op, (side, Term("text", value=one))), st.sampled_from(["==", "!=", "<"]), TEXTS),
        st.lists(TEXTS, min_size=1, max_size=3).map(lambda them: Term("in", (side, *(Term("text", value=one) for one in them)))),
        st.just(Term("in", (side,), "sides")),
        st.sampled_from(["side", "wei", "ours", "rate"]).map(lambda name: Term("is null", (Term("column", value=name),))),
        st.sampled_from(["[A-Z]+", "it.s", ".*"]).map(lambda pattern: Term("matches", (side,), pattern)),
        st.just(Term("column", value="ours")),
        st.booleans().map(lambda one: Term("boolean", value=one)),
    )

    def grown(below: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        return st.one_of(
            st.builds(lambda op, them: Term(op, tuple(them)), st.sampled_from(["and", "or"]), st.lists(below, min_size=2, max_size=3)),
            below.map(lambda one: Term("not", (one,))),
        )

    return st.recursive(leaves, grown, max_leaves=6)


ROW = st.fixed_dictionaries(
    {
        "wei": st.none() | st.integers(-(10**30), 10**37),
        "rate": st.none() | st.decimals("-1000", "1000", places=18),
        "count_": st.none() | st.integers(-(2**63), 2**63 - 1),
        "small": st.none() | st.integers(-5, 5),
        "price": st.none() | st.sampled_from(["0.1", "12", "-3.50", "x", ""]),
        "side": st.none() | TEXTS,
        "ours": st.none() | st.booleans(),
    }
)


def plainly(term: Term, row: dict[str, Any], rows: list[dict[str, Any]]) -> Any:
    """The term for one row; None is null."""
    args = [plainly(one, row, rows) for one in term.args] if term.op != "sum" else []
    match term.op:
        case "column":
            value = row[term.value]
            return Fraction(value) if isinstance(value, int | Decimal) and not isinstance(value, bool) else value
        case "number":
            return Fraction(term.value)
        case "text" | "boolean":
            return term.value
        case "count":
            return Fraction(len(rows))
        case "sum":
            them = [plainly(term.args[0], one, rows) for one in rows]
            return sum((one for one in them if one is not None), Fraction(0))
        case "is null":
            return args[0] is None
        case "and" | "or":
            decides = term.op == "or"
            return decides if decides in args else (None if None in args else not decides)
    if None in args:
        return None
    act: dict[str, Callable[..., Any]] = {
        "not": lambda one: not one,
        "abs": abs,
        "length": lambda one: Fraction(len(one)),
        "decimal": lambda one: Fraction(one) if re.fullmatch(r"-?\d+(\.\d+)?", one) else None,
        "in": lambda one, *them: one in (them or LISTS["sides"]),
        "matches": lambda one: re.fullmatch(term.value, one) is not None,
        "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b,
        "<=": lambda a, b: a <= b, ">": lambda a, b: a > b, ">=": lambda a, b: a >= b,
        "+": lambda a, b: a + b, "*": lambda a, b: a * b, "/": lambda a, b: a / b if b else None,
        "-": lambda a, b=None: -a if b is None else a - b,
    }  # fmt: skip
    return act[term.op](*args)


@settings(max_examples=250, deadline=None)
@given(conditions(), st.lists(ROW, min_size=1, max_size=3))
def test_for_any_condition_printing_and_parsing_changes_nothing_and_polars_says_what_a_plain_reading_says(
    term: Term, rows: list[dict[str, Any]]
) -> None:
    text = shown(term)
    assert shown(parse(text)) == text
    schema = {name: SCHEMA[name] for name in rows[0]}
    frame = pl.DataFrame(rows, schema=schema).with_columns(compile_expression(text, schema, LISTS).alias("told"))
    expected = [plainly(term, row, rows) for row in rows]
    assert frame["told"].to_list() == [one if term.op == "column" else one is True for one in expected]


@settings(max_examples=150, deadline=None)
@given(numbers().filter(lambda one: one.op in ("+", "-", "*", "/", "abs", "sum")), st.lists(ROW, min_size=1, max_size=3))
def test_for_any_arithmetic_the_text_that_comes_out_is_the_exact_number(term: Term, rows: list[dict[str, Any]]) -> None:
    schema = {name: SCHEMA[name] for name in rows[0]}
    frame = pl.DataFrame(rows, schema=schema).with_columns(compile_expression(shown(term), schema).alias("told"))
    for text, row in zip(frame["told"].to_list(), rows, strict=True):
        expected = plainly(term, row, rows)
        if expected is None:
            assert text is None
        else:
            assert Fraction(text) == Fraction(round(expected * 10**40), 10**40)
            assert "E" not in text


def test_a_chain_of_conditions_is_one_term_however_long() -> None:
    them = [f"small == {number}" for number in range(60)]
    assert told(" or ".join(them)) == [False, True, True, False]
    assert reduce(max, (one.depth for one in parse(" or ".join(them)).every())) == 3
