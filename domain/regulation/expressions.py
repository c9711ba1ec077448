"""Expressions of the rulebook, compiled to Polars. The grammar is in `expression_grammar.py`.

Nulls follow SQL: a comparison with null is not true, and neither is its `not`; `and` and `or` decide where the other side does.
The answer of a condition is therefore true or false, never null: null counts as false. Only `is null` sees a null.

Numbers are exact. A column compared with a number or a column is compared by Polars, whose comparison of integers and decimals is
exact at any scale. Arithmetic (`+ - * / abs sum decimal power10`) is done in Python's decimals or fractions, because Polars rounds a
product to the wider scale; as a value it comes out as text, without exponent, a quotient that does not end rounded half-even to 40
places. A division by zero is null. `decimal(x)` reads text such as '12.50' as a number, and is null for other text. `power10(x)` is 1
with x zeros, for x from 0 to 100, else null: it turns base units into tokens. Floats (there are none where money is) take part as the
shortest decimal that names them.

`matches` asks for the whole text, in the syntax of Rust's regex, which runs in linear time. `count()` and `sum(x)` are over the rows at
hand: the frame, or the group in `.over`. A text beside a date or time column is read as ISO 8601 (UTC when it names no zone).
"""

from __future__ import annotations

import operator
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import reduce

import polars as pl

from domain.regulation.exact_numbers import ARITHMETIC, COMPARE, exactly
from domain.regulation.expression_grammar import COMPARISONS, Term, closest, parse, refuse

_CONDITIONS = ("and", "or", "not", "in", "is null", "matches", *COMPARISONS)


def compile_expression(text: str, columns: Mapping[str, pl.DataType] | None = None, lists: Mapping[str, tuple[str, ...]] = {}) -> pl.Expr:
    """The expression for Polars. With `columns` the names and the types are checked too.

    Raises BadInput naming the text, the position and the fix: a wrong grammar, an unknown column or list, a regex that is none, text
    where a number must be.
    """
    term = parse(text)
    compiler = _Compiler(text, columns, lists)
    compiler.kind(term)
    expression = compiler.compiled(term)
    return expression.fill_null(False) if term.op in _CONDITIONS else expression


def columns_of(text: str) -> frozenset[str]:
    """The columns that an expression names."""
    return frozenset(term.value for term in parse(text).every() if term.op == "column")


def is_condition(text: str) -> bool:
    """Whether the expression can be true or false: a condition, or a column by itself."""
    return parse(text).op in (*_CONDITIONS, "boolean", "column")


class _Compiler:
    def __init__(self, text: str, columns: Mapping[str, pl.DataType] | None, lists: Mapping[str, tuple[str, ...]]) -> None:
        self.text, self.columns, self.lists = text, columns, lists

    def kind(self, term: Term) -> str | None:
        """boolean, number, text, time, or None where only the rows can tell. Raises BadInput where they do not go together."""
        match term.op:
            case "column":
                return self._kind_of_column(term)
            case "number" | "text" | "boolean":
                return term.op
            case "and" | "or" | "not":
                for one in term.args:
                    self._want(one, "boolean", "write a condition, such as x is not null.")
            case "matches":
                self._want(term.args[0], "text", "matches is for text.")
                _check_regex(self.text, term)
            case "is null":
                self.kind(term.args[0])
            case "in":
                self._members(term)
                for one in term.args[1:] or (Term("text", value=""),):
                    self._alike(term.args[0], one, term)
            case "length":
                self._want(term.args[0], "text", "length is for text.")
                return "number"
            case "count":
                return "number"
            case "decimal":
                if self.kind(term.args[0]) not in ("text", "number", None):
                    refuse(self.text, term.at, "decimal is for text and numbers.")
                return "number"
            case "joined":
                for one in term.args:
                    self._want(one, "text", "joined is for text.")
                return "text"
            case op if op in COMPARISONS:
                self._alike(term.args[0], term.args[1], term)
            case _:
                for one in term.args:
                    name = one.value if one.op == "column" else "x"
                    self._want(one, "number", f"write decimal({name}) for digits in text.")
                return "number"
        return "boolean"

    def _kind_of_column(self, term: Term) -> str | None:
        if self.columns is None:
            return None
        if term.value not in self.columns:
            refuse(self.text, term.at, f"there is no column {term.value}; {closest(term.value, list(self.columns))}")
        dtype = self.columns[term.value]
        if dtype == pl.Boolean:
            return "boolean"
        if dtype.is_numeric():
            return "number"
        if dtype.is_temporal():
            return "time"
        return "text" if dtype == pl.String or dtype in (pl.Categorical, pl.Enum) else None

    def _want(self, term: Term, kind: str, fix: str) -> None:
        found = self.kind(term)
        if found not in (kind, None):
            refuse(self.text, term.at, f"here must be a {kind} and stands a {found}; {fix}")

    def _alike(self, left: Term, right: Term, at: Term) -> None:
        one, other = self.kind(left), self.kind(right)
        if "time" in (one, other) and "text" in (left.op, right.op):
            return
        if one and other and one != other:
            fix = "compare values of one kind."
            if {one, other} == {"text", "number"}:
                fix = "write decimal(x) for digits in text, and a number without quotes."
            refuse(self.text, at.at, f"a {one} is compared with a {other}; {fix}")
        if at.op not in ("==", "!=", "in") and "boolean" in (one, other):
            refuse(self.text, at.at, "true and false have no order; write == or not.")

    def _members(self, term: Term) -> tuple[str, ...]:
        if term.value is None:
            return ()
        if term.value not in self.lists:
            refuse(self.text, term.at, f"there is no list @{term.value}; {closest(term.value, list(self.lists))}")
        return tuple(self.lists[term.value])

    def compiled(self, term: Term) -> pl.Expr:
        """The term for Polars; its kinds were checked."""
        match term.op:
            case "column":
                return pl.col(term.value)
            case "number":
                return _number(term.value)
            case "text" | "boolean":
                return pl.lit(term.value)
            case "and" | "or":
                join = operator.and_ if term.op == "and" else operator.or_
                return reduce(join, (self.compiled(one) for one in term.args))
            case "not":
                return ~self.compiled(term.args[0])
            case "is null":
                return self.compiled(term.args[0]).is_null()
            case "matches":
                return self.compiled(term.args[0]).cast(pl.String).str.contains(_whole(term.value))
            case "in":
                return self._in(term)
            case "length":
                return self.compiled(term.args[0]).cast(pl.String).str.len_chars().cast(pl.Int64)
            case "count":
                return pl.len().cast(pl.Int64)
            case "joined":
                return pl.concat_str([self.compiled(one).cast(pl.String) for one in term.args], ignore_nulls=False)
            case op if op in COMPARISONS:
                if any(one.op in ARITHMETIC for one in term.args):
                    return exactly(term, self.compiled)
                left, right = (self._beside(one, other) for one, other in (term.args, term.args[::-1]))
                return COMPARE[op](left, right)
        return exactly(term, self.compiled)

    def _in(self, term: Term) -> pl.Expr:
        what, *items = term.args
        if term.value is not None:
            return self.compiled(what).cast(pl.String).is_in(pl.Series(self._members(term), dtype=pl.String).implode())
        return reduce(operator.or_, (self.compiled(Term("==", (what, one), at=one.at)) for one in items))

    def _beside(self, term: Term, other: Term) -> pl.Expr:
        """The term as it stands beside the other: text beside a time is a time."""
        if term.op != "text" or other.op != "column" or self.columns is None:
            return self.compiled(term)
        try:
            return _time(term.value, self.columns[other.value])
        except ValueError:
            refuse(self.text, term.at, f"{term.value!r} is no time; write it as 2026-01-31 or 2026-01-31T08:00:00.")


def _time(told: str, dtype: pl.DataType) -> pl.Expr:
    if dtype == pl.Date:
        return pl.lit(date.fromisoformat(told))
    if not isinstance(dtype, pl.Datetime):
        return pl.lit(told)
    moment = datetime.fromisoformat(told)
    moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    in_utc = pl.lit(moment.replace(tzinfo=None), dtype=pl.Datetime("us"))
    return in_utc.dt.replace_time_zone("UTC").dt.convert_time_zone(dtype.time_zone) if dtype.time_zone else in_utc


def _number(value: Decimal) -> pl.Expr:
    whole = int(value)
    if value == whole and abs(whole) < 2**63:
        return pl.lit(whole)
    exponent = value.as_tuple().exponent
    return pl.lit(value, dtype=pl.Decimal(38, -exponent if isinstance(exponent, int) and exponent < 0 else 0))


def _whole(pattern: str) -> str:
    return f"^(?:{pattern})$"


def _check_regex(text: str, term: Term) -> None:
    try:
        pl.select(pl.lit("x").str.contains(_whole(term.value)))
    except pl.exceptions.PolarsError:
        refuse(text, term.at, f"{term.value!r} is not a regex; close its brackets, and escape its signs with \\.")
