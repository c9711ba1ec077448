"""The analysts' files have their places in the home, and DuckDB reads Delta tables without the network."""

from pathlib import Path

import pytest

from assets.service import analyst as module
from assets.service.analyst import Analyst
from domain.problems import Unavailable
from tests.assets.service.small_home import analyst_of, warehouse_of
from tests.assets.service.small_lake import TRADES


def test_readers_find_one_file_at_the_top_of_the_home(tmp_path: Path):
    analyst = Analyst(home=str(tmp_path))
    assert analyst.snapshot == tmp_path / "analyst.duckdb"
    assert analyst.marts.parent == analyst.workshop == tmp_path / "analyst"


def test_a_connection_with_the_lake_reads_delta_tables(small_home: Path):
    uri = warehouse_of(small_home).lake + "/trade_ledger"
    with analyst_of(small_home).open_with_lake(small_home / "analyst.duckdb") as connection:
        assert connection.execute(f"select count(*), max(amount_in) from delta_scan('{uri}')").fetchone() == (len(TRADES), 5 * 10**18)


def test_times_are_shown_in_utc(small_home: Path):
    with analyst_of(small_home).open(small_home / "analyst.duckdb") as connection:
        assert connection.execute("select cast(min(block_time) as varchar) from trade_ledger").fetchone() == ("2026-01-05 12:00:00+00",)


def test_without_the_extensions_package_it_says_which_one_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(Unavailable, match="duckdb-extension-delta is not installed"):
        _ = Analyst(home=str(tmp_path)).delta_extension
