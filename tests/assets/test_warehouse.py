"""The lake keeps whole days, writes them at once, and writes nothing when nothing changed."""

from datetime import date
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from assets.partitions import Span
from assets.warehouse import Warehouse, digest_of
from domain.problems import BadInput
from domain.schemas import AMOUNT, COUNT, DATE, WORD, Column, Table, columns

MONDAY, TUESDAY = date(2026, 1, 5), date(2026, 1, 6)
BOTH, ONLY_TUESDAY = Span(MONDAY, TUESDAY), Span(TUESDAY, TUESDAY)
DAILY = Table(
    "daily",
    "One row.",
    columns(Column("n", COUNT, "n"), Column("amount", AMOUNT, "a"), Column("word", WORD, "w", nullable=True), DATE),
    ("n",),
)
WHOLE = Table("whole", "One row.", columns(Column("n", COUNT, "n")), ("n",))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(lake=str(tmp_path / "lake"))


def rows(days: list[date], amount: int = 10**37) -> pl.DataFrame:
    count = len(days)
    return pl.DataFrame(
        {"n": list(range(count)), "amount": [amount] * count, "word": [b"\xff" * 32] * count, "day": days}, schema=DAILY.schema
    )


def test_a_table_that_was_never_written_reads_as_no_rows(warehouse: Warehouse):
    assert warehouse.read(DAILY).schema == DAILY.schema
    assert warehouse.count(DAILY, "n >= 0") == 0
    warehouse.drop(DAILY)


def test_what_is_written_comes_back_to_the_last_unit(warehouse: Warehouse):
    written = warehouse.replace(DAILY, rows([MONDAY, TUESDAY]), BOTH)
    assert (written.rows, written.rows_per_day, written.changed) == (2, {MONDAY: 1, TUESDAY: 1}, True)
    assert warehouse.read(DAILY).equals(rows([MONDAY, TUESDAY]))


def test_the_same_rows_again_make_no_new_version(warehouse: Warehouse):
    first = warehouse.replace(DAILY, rows([MONDAY, TUESDAY]), BOTH)
    again = warehouse.replace(DAILY, rows([TUESDAY, MONDAY]).with_columns(n=1 - pl.col("n")), BOTH)
    assert (again.changed, again.version) == (False, first.version)


def test_rewriting_one_day_leaves_the_others(warehouse: Warehouse):
    warehouse.replace(DAILY, rows([MONDAY, TUESDAY]), BOTH)
    warehouse.replace(DAILY, rows([MONDAY, TUESDAY], amount=7).filter(pl.col("day") == TUESDAY), ONLY_TUESDAY)
    assert warehouse.read(DAILY)["amount"].cast(pl.String).to_list() == [str(10**37), "7"]


def test_a_deleted_day_comes_back_with_the_same_digest(warehouse: Warehouse):
    warehouse.replace(DAILY, rows([MONDAY, TUESDAY]), BOTH)
    before = warehouse.digest(DAILY)
    warehouse.drop(DAILY, ONLY_TUESDAY)
    assert warehouse.read(DAILY).height == 1
    warehouse.replace(DAILY, rows([MONDAY, TUESDAY]).filter(pl.col("day") == TUESDAY), ONLY_TUESDAY)
    assert warehouse.digest(DAILY) == before


def test_a_refused_frame_leaves_the_table_as_it_was(warehouse: Warehouse):
    warehouse.replace(DAILY, rows([MONDAY]), Span(MONDAY, MONDAY))
    with pytest.raises(BadInput):
        warehouse.replace(DAILY, rows([MONDAY]).drop("amount"), Span(MONDAY, MONDAY))
    assert warehouse.read(DAILY).equals(rows([MONDAY]))


def test_rows_outside_the_run_are_refused(warehouse: Warehouse):
    with pytest.raises(dg.Failure, match="outside"):
        warehouse.replace(DAILY, rows([MONDAY]), ONLY_TUESDAY)


def test_a_whole_table_is_replaced_whole(warehouse: Warehouse):
    warehouse.replace(WHOLE, pl.DataFrame({"n": [1, 2]}))
    written = warehouse.replace(WHOLE, pl.DataFrame({"n": [3]}))
    assert (written.rows, written.rows_per_day) == (1, {})
    assert warehouse.read(WHOLE)["n"].to_list() == [3]
    warehouse.drop(WHOLE)
    assert warehouse.read(WHOLE).is_empty()


def test_a_table_whose_columns_changed_is_refused_until_it_is_retired_and_built_anew(warehouse: Warehouse, tmp_path: Path):
    warehouse.replace(Table("whole", "One row.", columns(Column("old", COUNT, "o")), ("old",)), pl.DataFrame({"old": [1]}))
    assert warehouse.is_outdated(WHOLE)
    with pytest.raises(BadInput, match="other columns than its definition"):
        warehouse.read(WHOLE)
    warehouse.retire(WHOLE)
    assert (tmp_path / "lake" / "retired" / "whole-0").is_dir() and not warehouse.exists(WHOLE)
    warehouse.replace(WHOLE, pl.DataFrame({"n": [1]}))
    assert not warehouse.is_outdated(WHOLE)


def test_a_digest_is_of_the_rows_not_of_how_they_lie_in_memory():
    whole = rows([MONDAY, TUESDAY])
    assert digest_of(pl.concat([whole[:1], whole[1:]], rechunk=False)) == digest_of(whole)
    assert digest_of(whole) != digest_of(rows([MONDAY, TUESDAY], amount=1))


def test_a_materialisation_tells_rows_by_day_and_in_all(warehouse: Warehouse):
    days = dg.DailyPartitionsDefinition(start_date="2026-01-05", end_date="2026-01-07")

    @dg.asset(partitions_def=days, backfill_policy=dg.BackfillPolicy.single_run())
    def daily(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        return warehouse.write(DAILY, rows([MONDAY, TUESDAY]), context, mean_usd=1.5)

    @dg.asset
    def whole(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult:
        return warehouse.write(WHOLE, pl.DataFrame({"n": [1]}), context)

    with dg.DagsterInstance.ephemeral() as instance:
        tags = {"dagster/asset_partition_range_start": "2026-01-05", "dagster/asset_partition_range_end": "2026-01-06"}
        assert dg.materialize([daily, whole], resources={"warehouse": warehouse}, instance=instance, tags=tags).success
        tuesday = instance.fetch_materializations(dg.AssetKey("daily"), limit=1).records[0].asset_materialization
        assert tuesday is not None and tuesday.partition == "2026-01-06"
        told = {name: value.value for name, value in tuesday.metadata.items()}
        assert (told["dagster/partition_row_count"], told["dagster/row_count"], told["mean_usd"]) == (1, 2, 1.5)
        alone = instance.fetch_materializations(dg.AssetKey("whole"), limit=1).records[0].asset_materialization
        assert alone is not None and alone.metadata["dagster/row_count"].value == 1
