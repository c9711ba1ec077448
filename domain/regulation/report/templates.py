"""Records as text: a branch becomes one concatenation of fixed text and columns, compiled once for each block of rows.

What is in every row of the block is written as it stands; what is missing in some is written where it is there, and an element without
anything in it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import groupby

import polars as pl

from domain.regulation.report.branches import Branch
from domain.regulation.report.levels import Place, Use
from domain.regulation.rulebook import Field

Piece = str | pl.Expr
There = bool | pl.Expr


def is_json_literal(one: Field, columns: Mapping[str, pl.DataType]) -> bool:
    """Whether a value is a JSON number, true or false.

    Only counts and whole numbers of 64 bits are: most readers take a JSON number for a float, so amounts and decimals are text.
    """
    if one.agg == "count" or one.format == "boolean":
        return True
    if one.format != "integer" or one.agg is not None:
        return False
    return one.source is None or columns[one.source].is_integer()


def attribute_column(use: Use, name: str) -> str:
    """The column with the texts of an attribute."""
    return f"{use.column}@{name}"


class Block:
    """The columns of a block of records, and where they have values. `actions` are those of its rows."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self.frame = frame
        self.actions = set(frame["action"].unique().to_list())
        self._there: dict[str, There] = {}

    def column(self, name: str) -> There:
        """Where a column has values: in all rows, in none, or as an expression."""
        if name not in self._there:
            gaps = self.frame[name].null_count() if name in self.frame.columns else self.frame.height
            self._there[name] = True if not gaps else False if gaps == self.frame.height else pl.col(name).is_not_null()
        return self._there[name]

    def leaf(self, use: Use, place: Place) -> There:
        """Where a field has a value at this place."""
        there = self.column(use.column)
        if there is False or self.actions <= set(place.on):
            return there
        if not self.actions & set(place.on):
            return False
        there_for = pl.col("action").is_in(place.on)
        return there_for if there is True else there_for & there

    def branch(self, branch: Branch) -> There:
        """Where anything stands in a branch."""
        parts: list[There] = [self.leaf(use, place) for use, place in branch.leaves]
        parts += [self.column(level.fragments) for level in branch.slots]
        parts += [self.branch(child) for child in branch.children]
        return either(parts)


def either(parts: Sequence[There]) -> There:
    """Where one of them is."""
    if any(part is True for part in parts):
        return True
    some = [part for part in parts if isinstance(part, pl.Expr)]
    return pl.any_horizontal(some) if some else False


def _where(there: There, piece: Piece) -> list[Piece]:
    if there is True:
        return [piece]
    if there is False:
        return []
    text = pl.lit(piece) if isinstance(piece, str) else piece
    return [pl.when(there).then(text).otherwise(pl.lit(""))]


def joined(pieces: Sequence[Piece]) -> pl.Expr:
    """The pieces as one text; fixed texts that meet are joined beforehand."""
    parts: list[pl.Expr] = []
    for fixed, run in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        together = list(run)
        if fixed:
            parts.append(pl.lit("".join(str(piece) for piece in together)))
        else:
            parts += [piece for piece in together if isinstance(piece, pl.Expr)]
    return pl.concat_str(parts) if parts else pl.lit("")


def xml_pieces(branch: Branch, block: Block) -> list[Piece]:
    """What stands in an element, for records that are XML."""
    pieces: list[Piece] = []
    for child in branch.children:
        name = child.step.name
        for use, place in child.leaves:
            there = block.leaf(use, place)
            if there is False:
                continue
            element = [f"<{name}", *_attributes(use, block), ">", pl.col(use.column), f"</{name}>"]
            pieces += element if there is True else _where(there, joined(element))
        for level in child.slots:
            pieces += _where(block.column(level.fragments), pl.col(level.fragments))
        inside = either([block.branch(below) for below in child.children])
        if inside is not False:
            pieces += [*_where(inside, f"<{name}>"), *xml_pieces(child, block), *_where(inside, f"</{name}>")]
    return pieces


def _attributes(use: Use, block: Block) -> list[Piece]:
    pieces: list[Piece] = []
    for name in use.field.attributes:
        column = attribute_column(use, name)
        there = block.column(column)
        if there is not False:
            pieces += _where(there, pl.concat_str(pl.lit(f' {name}="'), pl.col(column), pl.lit('"')))
    return pieces


def json_pieces(branch: Branch, block: Block) -> list[Piece]:
    """The members of an object, for records that are JSON; columns hold JSON values already."""
    pieces: list[Piece] = []
    before: list[There] = []
    for child in branch.children:
        there = block.branch(child)
        if there is False:
            continue
        pieces += [*_comma(before, there), *_where(there, json.dumps(child.step.name) + ":")]
        value = json_value(child, block)
        pieces += [*_where(there, "["), *value, *_where(there, "]")] if child.in_list else value
        before.append(there)
    return pieces


def _comma(before: Sequence[There], there: There) -> list[Piece]:
    earlier = either(before)
    if earlier is False:
        return []
    if earlier is True:
        return _where(there, ",")
    return _where(earlier if there is True else earlier & there, ",")


def json_value(branch: Branch, block: Block) -> list[Piece]:
    """The value of a key: a list of records, an object, or the first value that is there."""
    if branch.slots:
        there = either([block.column(level.fragments) for level in branch.slots])
        parts = [pl.col(level.fragments) for level in branch.slots if block.column(level.fragments) is not False]
        return [*_where(there, "["), pl.concat_str(parts, separator=",", ignore_nulls=True), *_where(there, "]")] if parts else []
    if branch.children:
        there = block.branch(branch)
        return [*_where(there, "{"), *json_pieces(branch, block), *_where(there, "}")]
    values = []
    for use, place in branch.leaves:
        there = block.leaf(use, place)
        if there is True:
            values.append(pl.col(use.column))
        elif there is not False:
            values.append(pl.when(there).then(pl.col(use.column)))
    return [pl.coalesce(*values, pl.lit(""))] if values else []


def xml_text(column: pl.Series, attribute: bool = False) -> pl.Series:
    """Text with its markup written as references. What XML cannot hold was refused before."""
    signs = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
    signs |= {'"': "&quot;", "\n": "&#10;", "\t": "&#9;"} if attribute else {}
    if not column.str.contains_any(list(signs)).any():
        return column
    return column.str.replace_many(list(signs), list(signs.values()))


_JSON_SIGNS = {chr(code): json.dumps(chr(code))[1:-1] for code in (*range(32), ord('"'), ord("\\"))}


def json_text(column: pl.Series) -> pl.Series:
    """Text as a JSON string, quotes included."""
    if column.str.contains_any(list(_JSON_SIGNS)).any():
        column = column.str.replace_many(list(_JSON_SIGNS), list(_JSON_SIGNS.values()))
    return '"' + column + '"'
