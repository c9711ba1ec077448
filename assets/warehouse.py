"""The lake: Delta tables that are rewritten whole or day by day, atomically, and only when something changed.

A run that is killed leaves the last complete version of each table; a run that computes the same rows again writes nothing.
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
from deltalake import DeltaTable, write_deltalake

from assets import boundaries
from assets.partitions import Span
from domain.problems import BadInput
from domain.schemas import Table


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the rows now there (per day when daily), whether anything changed, and the table's version."""

    rows: int
    rows_per_day: dict[date, int]
    changed: bool
    version: int


class Warehouse(dg.ConfigurableResource):
    """The lake's door: reads and rewrites tables by their definition. `lake` is a folder or an object store's address."""

    lake: str

    def uri(self, table: Table) -> str:
        return f"{self.lake.rstrip('/')}/{table.name}"

    def exists(self, table: Table) -> bool:
        return DeltaTable.is_deltatable(self.uri(table))

    def is_outdated(self, table: Table) -> bool:
        """Whether the table was written when its definition had other columns."""
        return self.exists(table) and {field.name for field in DeltaTable(self.uri(table)).schema().fields} != set(table.names)

    def retire(self, table: Table) -> None:
        """Moves an outdated table aside, history and all, so that it can be built anew; only for a lake in a folder."""
        aside = Path(self.lake) / "retired" / f"{table.name}-{DeltaTable(self.uri(table)).version()}"
        aside.parent.mkdir(exist_ok=True)
        shutil.rmtree(aside, ignore_errors=True)
        Path(self.uri(table)).rename(aside)

    def scan(self, table: Table, span: Span | None = None) -> pl.LazyFrame:
        """The table, lazily, only the span's days when one is given; no rows when it was never written.

        Raises BadInput when the table lies there with other columns than its definition has by now.
        """
        if not self.exists(table):
            return table.empty().lazy()
        if self.is_outdated(table):
            raise BadInput(
                f"Table {table.name} in the lake has other columns than its definition; rebuild all days with `grekko demo --again`.",
                table=table.name,
            )
        rows = pl.scan_delta(self.uri(table))
        if span is not None and table.is_daily:
            rows = rows.filter(pl.col("day").is_between(span.first, span.last))
        return rows.select(table.names)

    def read(self, table: Table, span: Span | None = None) -> pl.DataFrame:
        """The table in memory, sorted by its key."""
        return self.scan(table, span).collect().sort(table.key)

    def count(self, table: Table, predicate: str, span: Span | None = None) -> int:
        """How many rows hold the SQL predicate."""
        rows = self.scan(table, span).filter(pl.sql_expr(predicate))
        return int(rows.select(pl.len()).collect().item())

    def write(self, table: Table, frame: pl.DataFrame, context: dg.AssetExecutionContext, **metadata: Any) -> dg.MaterializeResult:
        """Rewrites the run's days (or the whole table) with the frame and tells Dagster how many rows there are.

        Keyword arguments become metadata of the materialisation: pictures, and numbers to follow over time.
        Raises BadInput and leaves the table as it was when the frame is not what the table's definition says.
        """
        written = self.replace(table, frame, Span.of(context))
        key = dg.AssetKey(table.name)  # named because one step may write two tables
        # A daily asset's numbers belong to its partitions: each day carries its own row count.
        for day, rows in written.rows_per_day.items():
            context.add_asset_metadata({"dagster/partition_row_count": rows}, asset_key=key, partition_key=day.isoformat())
        return dg.MaterializeResult(
            asset_key=key,
            metadata={
                "dagster/row_count": written.rows,
                "table_version": written.version,
                "changed": written.changed,
                **metadata,
            },
            data_version=dg.DataVersion(self.digest(table, Span.of(context))) if not table.is_daily else None,
        )

    def replace(self, table: Table, frame: pl.DataFrame, span: Span | None = None) -> Written:
        """Rewrites the span's days, or the whole table, in one atomic commit; the same rows again are no commit at all."""
        ours = boundaries.check(table, table.conform(frame))
        dates = span.dates() if span is not None and table.is_daily else None
        if dates is not None:
            strangers = ours.filter(~pl.col("day").is_in(dates))
            if strangers.height:
                raise dg.Failure(f"Table {table.name}: {strangers.height} rows lie outside {span}; write only the run's days.")
        changed = not self.exists(table) or digest_of(ours) != self.digest(table, span)
        if changed:
            self._commit(table, ours, dates)
        per_day = _rows_per_day(ours, dates) if dates is not None else {}
        return Written(ours.height, per_day, changed, DeltaTable(self.uri(table)).version())

    def digest(self, table: Table, span: Span | None = None) -> str:
        """A hash of the rows themselves, in key order: equal tables have equal digests, however they were written."""
        return digest_of(self.read(table, span))

    def drop(self, table: Table, span: Span | None = None) -> None:
        """Deletes the span's days, or all rows; time travel still shows what was there."""
        if self.exists(table):
            DeltaTable(self.uri(table)).delete(_between(span) if span is not None and table.is_daily else None)

    def _commit(self, table: Table, ours: pl.DataFrame, dates: Sequence[date] | None) -> None:
        if "://" not in self.lake:
            Path(self.lake).mkdir(parents=True, exist_ok=True)
        partition_by = ["day"] if table.is_daily else None
        if dates is not None and self.exists(table):
            predicate = _between(Span(dates[0], dates[-1]))
            write_deltalake(self.uri(table), ours.to_arrow(), mode="overwrite", predicate=predicate)
        else:
            write_deltalake(self.uri(table), ours.to_arrow(), mode="overwrite", partition_by=partition_by, schema_mode="overwrite")


def digest_of(frame: pl.DataFrame) -> str:
    """SHA-256 of the rows' values in order; floats count by their bits, how the frame lies in memory does not."""
    # Parquet writes logical values only: chunks, views and what stands under a null leave no trace in it.
    sink = io.BytesIO()
    frame.rechunk().write_parquet(sink, compression="uncompressed", statistics=False, row_group_size=1 << 20)
    return hashlib.sha256(sink.getbuffer()).hexdigest()


def _rows_per_day(frame: pl.DataFrame, dates: Sequence[date]) -> dict[date, int]:
    found = dict(frame.group_by("day").len().iter_rows())
    return {day: found.get(day, 0) for day in dates}


def _between(span: Span) -> str:
    return f"day >= '{span.first.isoformat()}' AND day <= '{span.last.isoformat()}'"
