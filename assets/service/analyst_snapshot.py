"""The analysts' snapshot: one read-only DuckDB file with the marts and the tables of the lake."""

import dagster as dg
import duckdb
import polars as pl

from assets import pictures
from assets.compliance.reports import report_tables
from assets.service.analyst import Analyst
from assets.service.catalog import lake_tables
from assets.service.marts import PROJECT
from assets.service.snapshot import GUIDE, in_snapshot, publish
from assets.warehouse import Warehouse, digest_of
from domain.schemas import Table

TABLES = [table for table in lake_tables() if in_snapshot(table)]
REPORTS = {table.name for table in report_tables()}


def tables_to_show(warehouse: Warehouse) -> list[Table]:
    """The tables of the snapshot; those of reports, which have runs of their own, once they were written."""
    return [table for table in TABLES if table.name not in REPORTS or warehouse.exists(table)]


GUIDE_COLUMNS = dg.TableSchema(
    [
        dg.TableColumn("table_name", "varchar", "Name of a table of the snapshot."),
        dg.TableColumn("kind", "varchar", "mart, table (a copy of a table of the lake) or view (reads the lake)."),
        dg.TableColumn("description", "varchar", "What the table, or one of its rows, is."),
        dg.TableColumn("rows", "bigint", "Rows when the snapshot was published."),
        dg.TableColumn("lake_version", "bigint", "Version of the lake's table that was copied."),
    ]
)


@dg.asset(
    deps=[*(mart.name for mart in PROJECT.marts), *(table.name for table in TABLES)],
    kinds={"duckdb"},
    code_version="1",
    metadata={"dagster/column_schema": GUIDE_COLUMNS, "dagster/table_name": GUIDE},
)
def analyst_snapshot(warehouse: Warehouse, analyst: Analyst) -> dg.MaterializeResult:
    """The one file analysts open: marts and lake tables.

    `analyst.duckdb` in the data home, replaced as a whole; `select * from guide_tables` says what is in it.
    """
    published = publish(warehouse, analyst, PROJECT.marts, tables_to_show(warehouse))
    rows = {entry.name: entry.rows for entry in published.entries}
    listing = [dg.TableRecord({"table": entry.name, "kind": entry.kind, "rows": entry.rows}) for entry in published.entries]
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": sum(rows.values()),
            "path": dg.MetadataValue.path(str(analyst.snapshot)),
            "size_bytes": published.bytes,
            "tables": dg.MetadataValue.table(listing),
            "largest": pictures.bars(rows, "rows"),
        }
    )


@dg.asset_check(asset=analyst_snapshot, blocking=True)
def it_opens_read_only(analyst: Analyst) -> dg.AssetCheckResult:
    """Two readers open the snapshot at once, and neither can change it."""
    with duckdb.connect(str(analyst.snapshot), read_only=True) as one, duckdb.connect(str(analyst.snapshot), read_only=True) as two:
        listed = {name for (name,) in one.execute(f"select table_name from {GUIDE}").fetchall()}
        found = {name for (name,) in two.execute("select table_name from information_schema.tables").fetchall()}
        is_closed = _refuses_writes(one)
    missing = sorted(listed - found)
    return dg.AssetCheckResult(
        passed=is_closed and not missing, metadata={"tables": len(found), "missing": missing, "refuses_writes": is_closed}
    )


@dg.asset_check(asset=analyst_snapshot, blocking=True)
def it_has_the_lakes_rows(warehouse: Warehouse, analyst: Analyst) -> dg.AssetCheckResult:
    """Every table of the snapshot has as many rows as the lake has."""
    with analyst.open(analyst.snapshot) as connection:
        kinds = _kinds(connection)
    views, shown = kinds.get("view", set()), {name for names in kinds.values() for name in names}
    # A report that was made for the first time since is in the next snapshot.
    wanted = [table for table in TABLES if table.name not in REPORTS or table.name in shown]
    with (analyst.open_with_lake if views else analyst.open)(analyst.snapshot) as connection:
        counts = {table.name: _one(connection, f"select count(*) from {table.name}") for table in wanted}
    differing = {
        table.name: [counts[table.name], rows]
        for table in wanted
        if (rows := warehouse.scan(table).select(pl.len()).collect().item()) != counts[table.name]
    }
    return dg.AssetCheckResult(passed=not differing, metadata={"rows": sum(counts.values()), "differing": differing})


@dg.asset_check(asset=analyst_snapshot, blocking=True)
def it_is_the_lake_to_the_last_digit(warehouse: Warehouse, analyst: Analyst) -> dg.AssetCheckResult:
    """Amounts, words and times in the snapshot are those of the lake, exactly: equal tables have equal digests."""
    with analyst.open(analyst.snapshot) as connection:
        copied = _kinds(connection).get("table", set())
        differing = [table.name for table in TABLES if table.name in copied and _digest(connection, table) != warehouse.digest(table)]
    return dg.AssetCheckResult(passed=not differing, metadata={"compared": len(copied), "differing": differing})


def _refuses_writes(connection: duckdb.DuckDBPyConnection) -> bool:
    try:
        connection.execute("create table a_readers_table (x integer)")
    except duckdb.InvalidInputException:
        return True
    return False


def _kinds(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """Names of the snapshot's tables by kind: mart, table or view."""
    kinds: dict[str, set[str]] = {}
    for name, kind in connection.execute(f"select table_name, kind from {GUIDE}").fetchall():
        kinds.setdefault(kind, set()).add(name)
    return kinds


def _digest(connection: duckdb.DuckDBPyConnection, table: Table) -> str:
    return digest_of(table.conform(connection.execute(f"select * from {table.name}").pl()))


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = connection.execute(sql).fetchone()
    return row[0] if row else 0
