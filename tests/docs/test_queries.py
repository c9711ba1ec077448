"""The worked queries work: each runs on a snapshot as it stands in the page, and gives the columns that the page names."""

import re
from pathlib import Path

import duckdb
import pytest

from tests.docs.pages import ROOT, Page, every_page

QUERIES = Page(ROOT / "docs" / "queries.md")
SECTIONS = re.split(r"^## (?=\d+\. )", QUERIES.text, flags=re.MULTILINE)[1:]
SQL = [(str(page.path.relative_to(ROOT)), n, sql) for page in every_page() for n, sql in enumerate(page.blocks("sql"))]


@pytest.fixture
def snapshot(small_home: Path):
    with duckdb.connect(str(small_home / "analyst.duckdb"), read_only=True) as connection:
        yield connection


def test_there_are_ten():
    assert len(SECTIONS) == 10


@pytest.mark.parametrize("section", SECTIONS, ids=[section.splitlines()[0] for section in SECTIONS])
def test_a_worked_query_gives_the_columns_that_the_page_names(section: str, snapshot: duckdb.DuckDBPyConnection):
    sql = re.findall(r"^```sql\n(.*?)^```$", section, flags=re.MULTILINE | re.DOTALL)
    shape = re.search(r"^\*\*Shape\.\*\*[^`]*(.*)$", section, flags=re.MULTILINE)
    assert len(sql) == 1 and shape is not None and "**How to read it.**" in section
    result = snapshot.execute(sql[0])
    assert [column[0] for column in result.description] == re.findall(r"`(\w+)`", shape[1])
    assert result.fetchall(), "a worked query should show something"


@pytest.mark.parametrize(("page", "n", "sql"), SQL, ids=[f"{page}-{n}" for page, n, _ in SQL])
def test_every_query_in_every_page_runs(page: str, n: int, sql: str, snapshot: duckdb.DuckDBPyConnection):
    assert snapshot.execute(sql).fetchall()


def test_the_names_in_the_prose_are_tables_or_columns_of_the_snapshot(snapshot: duckdb.DuckDBPyConnection):
    known = {name for (name,) in snapshot.execute("select column_name from information_schema.columns").fetchall()}
    known |= {name for (name,) in snapshot.execute("select table_name from information_schema.tables").fetchall()}
    computed = {name for sql in QUERIES.blocks("sql") for name in re.findall(r"\bas (\w+)", sql)}
    patterns = {"mart_", "slippage_bps", "markout_bps", "_usd", "_bps", "_wei"}
    named = set(re.findall(r"`([a-z]+_[a-z_0-9]*|_[a-z]+)`", re.sub(r"^```.*?^```$", "", QUERIES.text, flags=re.MULTILINE | re.DOTALL)))
    assert named - known - computed - patterns == set()
