"""The hot tier of retention: the days of the lake's compliance tables."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.partitions import Span
from assets.warehouse import Warehouse
from domain.regulation.retention import RECORD_DATE, SWAP_TERMINATION
from domain.regulation.rulebook import Rulebook
from domain.schemas import Table
from executor.compliance.parties import FIRM
from executor.compliance.retention.archive import Batch

CLIENT = "client_id"


def classes_of(table: str, rulebook: Rulebook) -> tuple[str, ...]:
    """The record classes of a table's rows: those of the reports that are made from it."""
    return tuple(sorted({report.record for report in rulebook.reports.values() if report.source.table == table}))


class LakeTier:
    """Tables of the lake by day. Only tables that a report of the rulebook is made from have a record class, and only those move."""

    def __init__(self, warehouse: Warehouse, tables: Sequence[Table], rulebook: Rulebook) -> None:
        self._warehouse = warehouse
        self._classes = {table.name: classes_of(table.name, rulebook) for table in tables}
        self._tables = {table.name: table for table in tables if self._classes[table.name]}

        self._rows: dict[str, int] = {}

    def batches(self) -> Sequence[Batch]:
        """Every day of every table that has rows, without reading more of them than day and client."""
        return [batch for table in self._tables.values() for batch in self._batches_of(table)]

    def read(self, batch: Batch) -> pl.DataFrame:
        return self._warehouse.read(self._tables[batch.table], Span(batch.first, batch.last))

    def count(self, batch: Batch) -> int:
        """As of the last look at the batches: a count of its own for each would cost more than all else."""
        return self._rows.get(batch.name, 0)

    def drop(self, batch: Batch) -> None:
        self._warehouse.drop(self._tables[batch.table], Span(batch.first, batch.last))

    def _batches_of(self, table: Table) -> list[Batch]:
        who = [pl.col(name) for name in table.names if name == CLIENT or name.endswith(f"_{CLIENT}")]
        asked = [one.drop_nulls().unique().implode().alias(one.meta.output_name()) for one in who]
        days = self._warehouse.scan(table).group_by("day").agg(*asked, rows=pl.len()).sort("day").collect()
        return [self._batch(table, row, [one.meta.output_name() for one in who]) for row in days.iter_rows(named=True)]

    def _batch(self, table: Table, row: dict[str, object], who: Sequence[str]) -> Batch:
        day = row["day"]
        assert isinstance(day, date)
        clients = {str(one) for name in who for one in _listed(row[name])} - {FIRM}
        # What lies in a daily table is over when it settles: an exchange of tokens has no later termination.
        events = {RECORD_DATE: day, SWAP_TERMINATION: day}
        batch = Batch(table.name, self._classes[table.name], day, day, table.key, events, tuple(sorted(clients)) if who else None)
        self._rows[batch.name] = int(str(row["rows"]))
        return batch


def _listed(value: object) -> list[object]:
    """A column's values in a group: a list of them, however deep."""
    found = value if isinstance(value, list) else []
    return [one for part in found for one in (_listed(part) if isinstance(part, list) else [part])]
