"""How a table becomes an asset: its name, columns and partitions come from its definition, its page text from the function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import dagster as dg
import polars as pl

from assets.partitions import days, in_one_run
from domain.schemas import Table


def daily(
    table: Table, *, deps: Iterable[Any] = (), kinds: Iterable[str] = ("polars", "deltalake"), **options: Any
) -> Callable[..., dg.AssetsDefinition]:
    """An asset rewritten day by day; one run may cover many days."""
    return _asset(table, deps, kinds, partitions_def=days, backfill_policy=in_one_run, **options)


def whole(
    table: Table, *, deps: Iterable[Any] = (), kinds: Iterable[str] = ("polars", "deltalake"), **options: Any
) -> Callable[..., dg.AssetsDefinition]:
    """An asset rewritten as a whole."""
    return _asset(table, deps, kinds, **options)


def _asset(table: Table, deps: Iterable[Any], kinds: Iterable[str], **options: Any) -> Callable[..., dg.AssetsDefinition]:
    options.setdefault("code_version", "1")
    return dg.asset(
        name=table.name,
        deps=list(deps),
        kinds=set(kinds),
        metadata={"dagster/column_schema": column_schema(table), "dagster/table_name": table.name, "one_row_is": table.row},
        **options,
    )


def column_schema(table: Table) -> dg.TableSchema:
    """The columns as the asset page shows them: name, type, description, and which ones form the key."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                name=column.name,
                type=_type_name(column.dtype),
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable, unique=table.key == (column.name,)),
            )
            for column in table.columns
        ]
    )


def _type_name(dtype: pl.DataType) -> str:
    return {"Decimal(precision=38, scale=0)": "decimal(38,0)", "Datetime(time_unit='us', time_zone='UTC')": "timestamp (UTC)"}.get(
        str(dtype), str(dtype).split("(")[0].lower()
    )
