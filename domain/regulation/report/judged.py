"""The rows of a report after the judgement: what is told, what is not and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import polars as pl

from domain.regulation.report.documents import RULE_RESULTS
from domain.regulation.report.field_values import FieldReader
from domain.regulation.rulebook import ACTIONS, Action, Report

KEY, ROW = "row_key__", "row_number__"
_RESULTS = ("not_applicable", "passed", "failed")
Outcome = Literal["reported", "not_reportable", "blocked"]


@dataclass(frozen=True, slots=True)
class Judged:
    """The rows of a report after the judgement.

    `reported` are the rows as they came, `told` the columns of them that the document reads: a correction may be two rows there.
    `outcomes` has one row for each row that came, `findings` one for each thing that is wrong with a field, or with a rule.
    """

    report: Report
    told: pl.DataFrame
    outcomes: pl.DataFrame
    findings: pl.DataFrame
    reader: FieldReader
    _rows: pl.DataFrame
    _kept: pl.Series
    _keys: pl.Series
    _results: Mapping[str, pl.Series] = field(default_factory=dict)

    @property
    def reported(self) -> pl.DataFrame:
        """The rows that are reported."""
        return self._rows[self._kept.to_list()] if self._kept.len() < self._rows.height else self._rows

    def count(self, outcome: Outcome) -> int:
        """How many rows ended so."""
        return int((self.outcomes["outcome"] == outcome).sum())

    def reasons(self) -> list[tuple[str, int]]:
        """Why rows are left out, with how many are, the most frequent first."""
        left_out = (
            self.outcomes.filter(pl.col("outcome") != "reported").group_by("reason").len().sort("len", "reason", descending=[True, False])
        )
        return [(reason, count) for reason, count in left_out.iter_rows()]

    def rule_results(self) -> pl.DataFrame:
        """Each rule over each eligible row: passed, failed or not_applicable, with the article."""
        references = {rule.id: str(rule.doc_ref) for rule in self.report.rules}
        parts = [
            pl.DataFrame({"row_key": self._keys, "result": result}).select(
                "row_key",
                pl.lit(rule).alias("rule_id"),
                pl.col("result").replace_strict(dict(enumerate(_RESULTS)), return_dtype=pl.String),
                pl.lit(references[rule]).alias("doc_ref"),
            )
            for rule, result in self._results.items()
        ]
        return pl.concat(parts) if parts else RULE_RESULTS.to_frame()

    @property
    def actions(self) -> tuple[Action, ...]:
        """The actions that the document tells."""
        there = set(self.told["action"].unique().to_list())
        return tuple(action for action in ACTIONS if action in there)
