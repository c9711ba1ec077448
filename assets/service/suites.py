"""What the published tables must keep to be published: expectations as plain data, judged by Great Expectations.

Each is a name that is true when it is green, a sentence, and one of Great Expectations' own expectations with its settings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from domain.schemas import Table

ORIGINS = ["observed", "simulated", "paper", "live"]
HASH = "^0x[0-9a-f]{64}$"
ADDRESS = "^0x[0-9a-f]{40}$"
WHOLE_BPS = 10_000


@dataclass(frozen=True, slots=True)
class Expectation:
    """One promise about a table: its name, its sentence, and Great Expectations' kind with the settings of it."""

    name: str
    says: str
    kind: str
    settings: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Suite:
    """The promises of one published table; `derived` are columns computed for the promises only."""

    table: Table
    expectations: tuple[Expectation, ...]
    derived: Mapping[str, pl.Expr] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The table's columns that the promises speak of; no other is handed over."""
        named = {name for expectation in self.expectations for name in _columns(expectation.settings)}
        needed = {name for expression in self.derived.values() for name in expression.meta.root_names()}
        return [name for name in self.table.names if name in named | needed]


def _columns(settings: Mapping[str, Any]) -> list[str]:
    return [settings["column"]] if "column" in settings else list(settings.get("column_list", []))


def between(name: str, says: str, column: str, low: float | None, high: float | None = None) -> Expectation:
    """Every known value of the column lies between the two, ends included."""
    return Expectation(name, says, "ExpectColumnValuesToBeBetween", {"column": column, "min_value": low, "max_value": high})


def one_of(name: str, says: str, column: str, values: list[Any]) -> Expectation:
    """Every value of the column is one of those."""
    return Expectation(name, says, "ExpectColumnValuesToBeInSet", {"column": column, "value_set": values})


def matches(name: str, says: str, column: str, pattern: str) -> Expectation:
    """Every value of the column has that form."""
    return Expectation(name, says, "ExpectColumnValuesToMatchRegex", {"column": column, "regex": pattern})


def unique(name: str, says: str, column: str) -> Expectation:
    """No value of the column repeats."""
    return Expectation(name, says, "ExpectColumnValuesToBeUnique", {"column": column})


def unique_together(name: str, says: str, columns: list[str]) -> Expectation:
    """No two rows share all those columns."""
    return Expectation(name, says, "ExpectCompoundColumnsToBeUnique", {"column_list": columns})
