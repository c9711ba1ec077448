"""The dbt project keeps the house's style: every mart described, every column with its unit, every query in steps."""

import re
from pathlib import Path

import pytest
import yaml

from assets.service.catalog import lake_tables
from assets.service.dbt_project import PROJECT, DbtProject, Mart, MartColumn

MARTS = DbtProject().marts
COLUMNS = [(mart.name, column) for mart in MARTS for column in mart.columns]
MODELS = sorted((PROJECT / "models").rglob("*.sql"))
# The end of a column's name and a word that its description must have.
UNITS = {"_usd": "dollars", "_bps": "basis points", "_wei": "wei", "_gwei": "gwei", "_at": "UTC", "day": "UTC day"}


def test_every_source_is_a_table_of_the_lake_and_is_read():
    declared = yaml.safe_load((PROJECT / "models/staging/lake.yml").read_text())["sources"][0]["tables"]
    names = {table["name"] for table in declared}
    assert names <= {table.name for table in lake_tables()}
    assert names == DbtProject().lake_tables


@pytest.mark.parametrize("model", MODELS, ids=lambda path: path.stem)
def test_every_query_says_what_it_is_goes_in_steps_and_ends_with_the_last_one(model: Path):
    sql = model.read_text()
    assert sql.startswith("-- ")
    steps = re.findall(r"^(?:with )?(\w+) as \($", sql, flags=re.MULTILINE)
    assert sql.endswith(f"\n\nselect * from {steps[-1]}\n")


@pytest.mark.parametrize("model", [path for path in MODELS if path.parent.name == "marts"], ids=lambda path: path.stem)
def test_a_mart_asks_a_question_and_reads_staging_models_only(model: Path):
    sql = model.read_text()
    assert sql.splitlines()[0].endswith("?")
    assert "source(" not in sql


@pytest.mark.parametrize("mart", MARTS, ids=lambda mart: mart.name)
def test_every_mart_says_what_names_a_row(mart: Mart):
    assert [promise.name for promise in mart.promises if promise.test == "one_row_per"]
    assert mart.description.endswith(".")


@pytest.mark.parametrize(("mart", "column"), COLUMNS, ids=[f"{mart}.{column.name}" for mart, column in COLUMNS])
def test_every_column_is_described_with_its_unit(mart: str, column: MartColumn):
    assert column.description.endswith(".")
    ending = next((ending for ending in sorted(UNITS, key=len, reverse=True) if column.name.endswith(ending)), None)
    assert ending is None or UNITS[ending] in column.description, f"say that it is in {UNITS[ending or '']}"


def test_every_promise_written_in_sql_says_what_it_promises():
    written = [promise for mart in MARTS for promise in mart.promises if promise.column is None and promise.test not in ("one_row_per",)]
    assert {promise.test for promise in written} == {path.stem for path in (PROJECT / "tests").glob("*.sql")}
    assert all(promise.says.endswith(".") for promise in written)
