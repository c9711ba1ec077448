"""Arithmetic of the rulebook's expressions in Python's exact numbers, a column at a time.

Polars rounds a product of decimals to the wider scale and has no room past 38 digits; here nothing is rounded but a quotient that does
not end, and that only when it is written as text. Decimals where no division is, fractions where one is: they are four times slower.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Context, Decimal, Inexact, localcontext
from fractions import Fraction
from typing import Any

import polars as pl

from domain.problems import BadInput
from domain.regulation.expression_grammar import Term, shown

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SIGNS = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
ARITHMETIC = ("abs", "decimal", "sum", "power10", *_SIGNS)
PLACES = 40
_TEXT_DECIMAL = re.compile(r"[+-]?[0-9]{1,100}(\.[0-9]{1,100})?")
# Wide enough for what a rule multiplies; what would not fit raises instead of being rounded.
_WIDE = Context(prec=10_000, traps=[Inexact])
Number = Callable[[Any], Any]


def exactly(term: Term, compiled: Callable[[Term], pl.Expr]) -> pl.Expr:
    """Arithmetic as text, or a comparison over it as true, false or null. `compiled` makes the Polars of what is no arithmetic."""
    leaves = list(dict.fromkeys(_leaves(term)))
    grouped = any(one.op in ("sum", "count") for one in term.every())
    rows = next((pl.col(one.value) for leaf in leaves for one in leaf.every() if one.op == "column"), None)
    return pl.map_batches(
        [pl.int_range(pl.len()) if rows is None else rows, *(compiled(leaf) for leaf in leaves)],
        lambda columns: computed(term, dict(zip(leaves, columns[1:], strict=True)), len(columns[0])),
        return_dtype=pl.Boolean() if term.op in COMPARE else pl.String(),
        is_elementwise=not grouped and rows is not None,
        returns_scalar=_is_scalar(term),
    )


def computed(term: Term, columns: Mapping[Term, pl.Series], rows: int) -> pl.Series:
    """The answers as text, or as true, false or null, for this many rows (one for all where they share it); `columns` holds what stands in
    the term and is no arithmetic.

    Raises BadInput for what cannot be counted with, and for more digits than there is room for.
    """
    number: Number = Fraction if any(one.op == "/" for one in term.every()) else Decimal
    read = {leaf: _read(leaf, series) for leaf, series in columns.items()}
    with localcontext(_WIDE):
        try:
            found = _values(term, read, rows, number)
        except Inexact as error:
            raise BadInput(f"{shown(term)} has more digits than {_WIDE.prec}; write shorter numbers.", text=shown(term)) from error
        told = found if isinstance(found, list) else [found] * (1 if _is_scalar(term) else rows)
        if term.op in COMPARE:
            return pl.Series(told, dtype=pl.Boolean)
        return pl.Series([None if one is None else _written(one) for one in told], dtype=pl.String)


def _leaves(term: Term) -> list[Term]:
    """What is no arithmetic itself and stands in it: columns, texts, lengths."""
    if term.op in ("number", "count"):
        return []
    if term.op in ARITHMETIC or term.op in COMPARE:
        return [leaf for one in term.args for leaf in _leaves(one)]
    return [term]


def _is_scalar(term: Term) -> bool:
    """Whether there is one value for all rows."""
    if term.op in ("sum", "count"):
        return True
    return term.op != "column" and all(_is_scalar(one) for one in term.args)


def _read(leaf: Term, series: pl.Series) -> Any:
    """What stands in a column; one value where the leaf names no column. Floats that are no number are null."""
    told = series.to_list()
    if series.dtype.is_float():
        told = [None if one is None or one - one != 0 else Decimal(repr(one)) for one in told]
    elif not series.dtype.is_numeric():
        told = [one if isinstance(one, str) or one is None else _NotNumber(shown(leaf)) for one in told]
    return told[0] if _is_scalar(leaf) else told


class _NotNumber:
    """A value that cannot be counted with; its column's name is for the error."""

    def __init__(self, name: str) -> None:
        self.name = name


def _values(term: Term, read: Mapping[Term, Any], rows: int, number: Number) -> Any:
    """One number or truth for each row in a list, or a single one for all."""
    if term in read:
        return _each(lambda told: _counted(told, term, number), read[term])
    match term.op:
        case "number":
            return number(term.value)
        case "count":
            return number(rows)
        case "decimal":
            inner = term.args[0]
            if inner in read:
                return _each(lambda told: _from_text(told, inner, number), read[inner])
            return _values(inner, read, rows, number)
    args = [_values(one, read, rows, number) for one in term.args]
    match term.op:
        case "sum":
            told = args[0] if isinstance(args[0], list) else [args[0]] * rows
            return sum((one for one in told if one is not None), number(0))
        case "abs":
            return _each(abs, args[0])
        case "power10":
            powers = {place: number(10**place) for place in range(101)}  # equal numbers have equal hashes, of whatever type
            return _each(powers.get, args[0])
        case "-" if len(args) == 1:
            return _each(operator.neg, args[0])
        case "/":
            return _pairs(lambda one, other: one / other if other else None, *args)
    return _pairs(COMPARE.get(term.op) or _SIGNS[term.op], *args)


def _counted(told: Any, term: Term, number: Number) -> Any:
    if isinstance(told, str | _NotNumber):
        raise BadInput(f"{shown(term)} is not a number and is counted with; write decimal({shown(term)}) for digits in text.")
    return number(told)


def _from_text(told: Any, term: Term, number: Number) -> Any:
    if isinstance(told, str):
        return number(told) if _TEXT_DECIMAL.fullmatch(told) else None
    return _counted(told, term, number)


def _each(act: Callable[[Any], Any], values: Any) -> Any:
    if not isinstance(values, list):
        return None if values is None else act(values)
    return [None if one is None else act(one) for one in values]


def _pairs(act: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    if not isinstance(left, list) and not isinstance(right, list):
        return None if left is None or right is None else act(left, right)
    rows = len(left if isinstance(left, list) else right)
    lefts = left if isinstance(left, list) else [left] * rows
    rights = right if isinstance(right, list) else [right] * rows
    return [None if one is None or other is None else act(one, other) for one, other in zip(lefts, rights, strict=True)]


def _written(value: Any) -> str:
    """The number as text, without exponent and without zeros at its end."""
    if isinstance(value, Fraction):
        value = Decimal(round(value * 10**PLACES)).scaleb(-PLACES)  # half-even
    told = format(value, "f")
    told = told.rstrip("0").rstrip(".") if "." in told else told
    return "0" if told == "-0" else told
