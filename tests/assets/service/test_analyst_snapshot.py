"""The published snapshot is the lake, row for row and digit for digit, and its checks notice when it is not."""

import shutil
from pathlib import Path

import dagster as dg
import duckdb
import pytest

from assets.service import analyst_snapshot as asset
from assets.service.analyst import Analyst
from tests.assets.service.small_home import analyst_of, warehouse_of


@pytest.fixture
def doctored(small_home: Path, tmp_path: Path):
    """A copy of the snapshot that somebody changed with the given statements."""

    def change(*statements: str) -> Analyst:
        shutil.copy(small_home / "analyst.duckdb", tmp_path / "analyst.duckdb")
        with duckdb.connect(str(tmp_path / "analyst.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)
        return analyst_of(tmp_path)

    return change


def result(check: dg.AssetChecksDefinition, small_home: Path, analyst: Analyst) -> dg.AssetCheckResult:
    needed = {"analyst": analyst, "warehouse": warehouse_of(small_home)}
    found = check(**{name: needed[name] for name in needed.keys() & check.required_resource_keys})
    assert isinstance(found, dg.AssetCheckResult)
    return found


@pytest.mark.parametrize("check", [asset.it_opens_read_only, asset.it_has_the_lakes_rows, asset.it_is_the_lake_to_the_last_digit])
def test_the_snapshot_as_it_was_published_keeps_every_promise(small_home: Path, check: dg.AssetChecksDefinition):
    assert result(check, small_home, analyst_of(small_home)).passed


def test_a_table_that_the_guide_lists_and_the_file_lacks_is_noticed(small_home: Path, doctored):
    found = result(asset.it_opens_read_only, small_home, doctored("drop table tokens"))
    assert not found.passed
    assert found.metadata["missing"].value == ["tokens"]


def test_a_missing_row_is_noticed(small_home: Path, doctored):
    found = result(
        asset.it_has_the_lakes_rows, small_home, doctored("delete from trade_ledger where leg = 0 and amount_in = 2000000000000000001")
    )
    assert not found.passed
    assert found.metadata["differing"].value == {"trade_ledger": [5, 6]}


def test_one_base_unit_of_difference_is_noticed(small_home: Path, doctored):
    analyst = doctored("update trade_ledger set amount_in = amount_in + 1 where amount_in = 2000000000000000001")
    assert result(asset.it_has_the_lakes_rows, small_home, analyst).passed
    found = result(asset.it_is_the_lake_to_the_last_digit, small_home, analyst)
    assert not found.passed
    assert found.metadata["differing"].value == ["trade_ledger"]


def test_rows_of_a_view_over_the_lake_are_counted_too(small_home: Path, doctored):
    uri = warehouse_of(small_home).lake + "/tokens"
    load = f"load '{analyst_of(small_home).delta_extension}'"
    as_view = (
        "drop table tokens",
        f"create view tokens as select * from delta_scan('{uri}')",
        "update guide_tables set kind = 'view' where table_name = 'tokens'",
    )
    found = result(asset.it_has_the_lakes_rows, small_home, doctored(load, *as_view))
    assert found.passed


def test_a_file_that_can_be_written_through_a_reader_is_noticed():
    with duckdb.connect() as writable:
        assert not asset._refuses_writes(writable)


def test_the_page_shows_size_and_tables(small_home: Path, tmp_path: Path):
    shutil.copytree(small_home / "analyst", tmp_path / "analyst")
    shutil.copytree(small_home / "lake", tmp_path / "lake")
    published = asset.analyst_snapshot(warehouse=warehouse_of(tmp_path), analyst=analyst_of(tmp_path))
    assert isinstance(published, dg.MaterializeResult) and published.metadata is not None
    assert published.metadata["size_bytes"] == (tmp_path / "analyst.duckdb").stat().st_size
