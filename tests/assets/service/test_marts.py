"""The marts are assets: lineage from the lake, columns with descriptions, and a check for each promise."""

from pathlib import Path

import dagster as dg
import pytest

from assets.service.dbt_build import Verdict
from assets.service.dbt_project import Promise
from assets.service.marts import PROJECT, count_rows, marts, refuse_unwritten_tables, result_of
from assets.warehouse import Warehouse
from domain.problems import BadInput
from tests.assets.service.small_home import analyst_of, warehouse_of

PROMISE = Promise("mart_day", "every_day_ends", "Each day ends.", "every_day_ends")


def test_every_mart_shows_the_lake_tables_it_is_made_from():
    upstream = {key.to_user_string(): {dep.to_user_string() for dep in deps} for key, deps in marts.asset_deps.items()}
    assert upstream["mart_wallets"] == {"orders", "trade_ledger"}
    assert set(upstream) == {mart.name for mart in PROJECT.marts}


def test_every_column_of_every_mart_is_on_its_page():
    for mart in PROJECT.marts:
        schema = marts.specs_by_key[dg.AssetKey(mart.name)].metadata["dagster/column_schema"]
        assert [(column.name, column.description) for column in schema.columns] == [
            (column.name, column.description) for column in mart.columns
        ]


def test_every_promise_is_a_check_that_stops_what_is_downstream():
    specs = {(spec.asset_key.to_user_string(), spec.name): spec for spec in marts.check_specs}
    assert set(specs) == {(promise.mart, promise.name) for mart in PROJECT.marts for promise in mart.promises}
    assert all(spec.blocking and spec.description for spec in specs.values())


def test_a_promise_that_holds_is_green():
    assert result_of(PROMISE, Verdict(True, 0, "select 1")).passed


def test_a_broken_promise_shows_the_rows_and_the_query():
    result = result_of(PROMISE, Verdict(False, 2, "select * from mart_day"))
    assert not result.passed
    assert result.metadata["rows"].value == 2
    assert "select * from mart_day" in str(result.metadata["sql"].value)


def test_marts_over_tables_that_were_never_written_are_refused_by_name(tmp_path: Path):
    with pytest.raises(BadInput, match=r"never written: .*trade_ledger.*; materialise those first"):
        refuse_unwritten_tables(Warehouse(lake=str(tmp_path)))


def test_a_lake_that_has_every_table_is_not_refused(small_home: Path):
    refuse_unwritten_tables(warehouse_of(small_home))


def test_every_mart_says_how_many_rows_it_has(small_home: Path):
    rows = count_rows(analyst_of(small_home))
    assert rows["mart_wallets"] == 2
    assert rows["mart_quarantine_by_reason"] == 2
