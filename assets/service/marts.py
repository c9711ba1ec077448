"""The marts: tables that each answer one question, computed in SQL by dbt from the tables of the lake."""

from collections.abc import Iterator

import dagster as dg

from assets.service.analyst import Analyst
from assets.service.catalog import lake_tables
from assets.service.dbt_build import Verdict, build_marts, key_of, sweep_unfinished_builds
from assets.service.dbt_project import DbtProject, Mart, Promise
from assets.warehouse import Warehouse
from domain.problems import BadInput

PROJECT = DbtProject()


def spec_of(mart: Mart) -> dg.AssetSpec:
    """A mart as Dagster shows it."""
    return dg.AssetSpec(
        mart.name,
        deps=list(mart.lake_tables),
        description=mart.description,
        kinds={"dbt", "duckdb"},
        code_version=mart.version,
        metadata={"dagster/column_schema": column_schema(mart), "dagster/table_name": mart.name},
    )


def check_spec_of(promise: Promise) -> dg.AssetCheckSpec:
    """A dbt test as a check that keeps what is downstream from being built when it fails."""
    return dg.AssetCheckSpec(promise.name, asset=promise.mart, description=promise.says, blocking=True)


def column_schema(mart: Mart) -> dg.TableSchema:
    """The columns as the asset page shows them."""
    return dg.TableSchema([dg.TableColumn(column.name, column.type, description=column.description) for column in mart.columns])


@dg.multi_asset(
    specs=[spec_of(mart) for mart in PROJECT.marts],
    check_specs=[check_spec_of(promise) for mart in PROJECT.marts for promise in mart.promises],
)
def marts(context: dg.AssetExecutionContext, warehouse: Warehouse, analyst: Analyst) -> Iterator[dg.MaterializeResult]:
    """Builds and tests every mart with dbt; a test that fails stops the snapshot from being published."""
    refuse_unwritten_tables(warehouse)
    sweep_unfinished_builds(analyst)
    verdicts = build_marts(warehouse, analyst, context.log.info)
    rows = count_rows(analyst)
    for mart in PROJECT.marts:
        yield dg.MaterializeResult(
            asset_key=mart.name,
            metadata={"dagster/row_count": rows[mart.name]},
            check_results=[result_of(promise, verdicts[key_of(promise)]) for promise in mart.promises],
        )


def result_of(promise: Promise, verdict: Verdict) -> dg.AssetCheckResult:
    """How a promise came out; when it is broken, with the query that shows the rows."""
    facts = {} if verdict.holds else {"rows": verdict.rows, "sql": dg.MetadataValue.md(f"```sql\n{verdict.sql.strip()}\n```")}
    return dg.AssetCheckResult(passed=verdict.holds, asset_key=promise.mart, check_name=promise.name, metadata=facts)


def refuse_unwritten_tables(warehouse: Warehouse) -> None:
    """Raises BadInput naming the tables of the lake that the marts read and that were never written."""
    unwritten = [table.name for table in lake_tables() if table.name in PROJECT.lake_tables and not warehouse.exists(table)]
    if unwritten:
        raise BadInput(f"The marts read tables that were never written: {', '.join(unwritten)}; materialise those first.", tables=unwritten)


def count_rows(analyst: Analyst) -> dict[str, int]:
    """Rows of each mart in the file that dbt built."""
    import duckdb

    with duckdb.connect(str(analyst.marts), read_only=True) as connection:
        return {mart.name: _count(connection.execute(f"select count(*) from {mart.name}").fetchone()) for mart in PROJECT.marts}


def _count(row: tuple[int] | None) -> int:
    return row[0] if row else 0
