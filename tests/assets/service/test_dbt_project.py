"""The dbt project is read from its own files: what a mart reads, what it promises, and which version of it this is."""

from pathlib import Path

import pytest

from assets.service.dbt_project import DbtProject, Mart, Promise

STAGING = "with source as (\n    select * from {{ source('lake', 'trade_ledger') }}\n)\nselect * from source\n"
MART = "select day from {{ ref('stg_trades') }}\n"
DESCRIBED = """
models:
  - name: mart_day
    description: What happened each day.
    data_tests:
      - one_row_per:
          arguments: {columns: [day, center]}
      - never_on_sundays
    columns:
      - name: day
        data_type: date
        description: UTC day.
        data_tests:
          - not_null
          - accepted_values:
              arguments: {values: [monday, tuesday]}
          - relationships:
              arguments: {to: ref('stg_days'), field: day}
          - in_the_past
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("models/staging", "models/marts", "tests"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "models/staging/stg_trades.sql").write_text(STAGING)
    (tmp_path / "models/marts/mart_day.sql").write_text(MART)
    (tmp_path / "models/marts/mart_day.yml").write_text(DESCRIBED)
    (tmp_path / "tests/every_day_ends.sql").write_text("-- Each day ends.\nselect * from {{ ref('stg_trades') }}, {{ ref('mart_day') }}\n")
    return tmp_path


def mart_of(folder: Path) -> Mart:
    return DbtProject(folder).marts[0]


def test_a_mart_reads_the_tables_behind_its_staging_models(folder: Path):
    assert mart_of(folder).lake_tables == ("trade_ledger",)
    assert DbtProject(folder).lake_tables == {"trade_ledger"}


def test_a_mart_is_described_in_the_file_beside_it(folder: Path):
    mart = mart_of(folder)
    assert (mart.name, mart.description) == ("mart_day", "What happened each day.")
    assert [(column.name, column.type, column.description) for column in mart.columns] == [("day", "date", "UTC day.")]


def test_every_dbt_test_is_a_sentence_that_is_true_when_green(folder: Path):
    assert mart_of(folder).promises == (
        Promise("mart_day", "one_row_per_day_center", "No two rows share day, center.", "one_row_per"),
        Promise("mart_day", "never_on_sundays_row", "dbt's test never_on_sundays on row.", "never_on_sundays"),
        Promise("mart_day", "every_row_has_day", "Every row has a day.", "not_null", "day"),
        Promise("mart_day", "day_is_one_of_the_known", "Every day is one of monday, tuesday.", "accepted_values", "day"),
        Promise("mart_day", "every_day_is_known", "Every day is found in ref('stg_days').", "relationships", "day"),
        Promise("mart_day", "in_the_past_day", "dbt's test in_the_past on day.", "in_the_past", "day"),
        Promise("mart_day", "every_day_ends", "Each day ends.", "every_day_ends"),
    )


@pytest.mark.parametrize("changed", ["models/staging/stg_trades.sql", "models/marts/mart_day.sql"])
def test_a_mart_has_another_version_when_its_sql_or_that_of_what_it_reads_changes(folder: Path, changed: str):
    before = mart_of(folder).version
    assert mart_of(folder).version == before
    (folder / changed).write_text((folder / changed).read_text() + "-- another thought\n")
    assert mart_of(folder).version != before
