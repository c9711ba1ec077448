"""Writing the analysts' snapshot: one DuckDB file, built aside and moved into place, so that nobody ever reads half of it.

A reader who has the old file open keeps it for as long as he likes; the next one to open it gets the new one. Nobody
writes to the file in place, so no reader ever waits for a lock.
"""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import polars as pl
from deltalake import DeltaTable

from assets.service.analyst import Analyst
from assets.service.dbt_project import Mart
from assets.warehouse import Warehouse
from domain.schemas import Table

GUIDE = "guide_tables"
COLUMN_GUIDE = "guide_columns"
_ABANDONED_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Entry:
    """One table of the snapshot: whether it is a mart, a table of the lake or a view over one, and what it holds."""

    name: str
    kind: str
    description: str
    rows: int
    lake_version: int | None
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Published:
    """What was published: the tables, and the size of the file."""

    entries: tuple[Entry, ...]
    bytes: int


def publish(warehouse: Warehouse, analyst: Analyst, marts: Sequence[Mart], tables: Sequence[Table]) -> Published:
    """Builds the snapshot aside, forces it to the disk and moves it into place."""
    target = analyst.snapshot
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target)
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        rows = {table.name: warehouse.scan(table).select(pl.len()).collect().item() for table in tables}
        has_views = max(rows.values(), default=0) > analyst.largest_table_rows
        with (analyst.open_with_lake if has_views else analyst.open)(aside, read_only=False) as connection:
            entries = (*_copy_marts(connection, analyst, marts), *_copy_lake(connection, warehouse, analyst, tables, rows))
            _write_guide(connection, entries)
        _force_to_disk(aside)
        aside.replace(target)
        _force_to_disk(target.parent)
    finally:
        aside.unlink(missing_ok=True)
    return Published(entries, target.stat().st_size)


def in_snapshot(table: Table) -> bool:
    """Whether analysts get the table: all but the raw logs, which every decoded table already shows."""
    return table.name != "raw_logs"


def _copy_marts(connection: duckdb.DuckDBPyConnection, analyst: Analyst, marts: Sequence[Mart]) -> Iterator[Entry]:
    connection.execute(f"attach {_text(str(analyst.marts))} as built (read_only)")
    for mart in marts:
        connection.execute(f"create table {mart.name} as select * from built.{mart.name}")
        columns = tuple((column.name, column.description) for column in mart.columns)
        yield Entry(mart.name, "mart", mart.description, _rows(connection, mart.name), None, columns)
    connection.execute("detach built")


def _copy_lake(
    connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, analyst: Analyst, tables: Sequence[Table], rows: Mapping[str, int]
) -> Iterator[Entry]:
    for table in tables:
        is_large = rows[table.name] > analyst.largest_table_rows
        if is_large:
            names = ", ".join(f'"{name}"' for name in table.names)
            connection.execute(f"create view {table.name} as select {names} from delta_scan({_text(_whole_uri(warehouse, table))})")
        else:
            connection.register("frame", warehouse.read(table).to_arrow())
            connection.execute(f"create table {table.name} as select * from frame")
            connection.unregister("frame")
        version = DeltaTable(warehouse.uri(table)).version() if warehouse.exists(table) else None
        columns = tuple((column.name, column.description) for column in table.columns)
        yield Entry(table.name, "view" if is_large else "table", table.row, rows[table.name], version, columns)


def _write_guide(connection: duckdb.DuckDBPyConnection, entries: Sequence[Entry]) -> None:
    """The snapshot describes itself: two tables to read, and comments for the tools that show them."""
    connection.execute(f"create table {GUIDE} (table_name varchar, kind varchar, description varchar, rows bigint, lake_version bigint)")
    connection.execute(f"create table {COLUMN_GUIDE} (table_name varchar, column_name varchar, description varchar)")
    for entry in entries:
        connection.execute(
            f"insert into {GUIDE} values (?, ?, ?, ?, ?)", [entry.name, entry.kind, entry.description, entry.rows, entry.lake_version]
        )
        connection.execute(f"comment on {'view' if entry.kind == 'view' else 'table'} {entry.name} is {_text(entry.description)}")
        for name, description in entry.columns:
            connection.execute(f'comment on column {entry.name}."{name}" is {_text(description)}')
        connection.executemany(f"insert into {COLUMN_GUIDE} values (?, ?, ?)", [(entry.name, *column) for column in entry.columns])


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"select count(*) from {name}").fetchone()
    return row[0] if row else 0


def _whole_uri(warehouse: Warehouse, table: Table) -> str:
    uri = warehouse.uri(table)
    return uri if "://" in uri else str(Path(uri).resolve())


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _force_to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sweep(target: Path) -> None:
    """Removes what a publisher that was killed left behind; one that is still at work is left alone."""
    for path in target.parent.glob(f".{target.name}.*"):
        if time.time() - path.stat().st_mtime > _ABANDONED_SECONDS:
            path.unlink(missing_ok=True)
