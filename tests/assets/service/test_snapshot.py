"""The snapshot is replaced as a whole: readers keep what they opened, nobody sees half of it, and no digit is lost."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from assets.chain import pool_states, quarantine, tokens
from assets.ledger import trade_ledger
from assets.service import snapshot
from assets.service.analyst import Analyst
from assets.service.dbt_project import Mart, MartColumn
from assets.service.snapshot import in_snapshot, publish
from assets.warehouse import Warehouse
from domain.schemas import Table
from tests.assets.service.small_lake import TRADES, frame_of, rows_by_table

TABLES = [tokens.TABLE, trade_ledger.TABLE, pool_states.TABLE]
COUNTS = Mart("mart_counts", "How many there are.", (MartColumn("n", "bigint", "How many."),), (), (), "1")


def write(warehouse: Warehouse, table: Table, rows: int | None = None) -> None:
    warehouse.replace(table, frame_of(table, rows_by_table()[table.name][:rows]))


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    warehouse = Warehouse(lake=str(tmp_path / "lake"))
    for table in TABLES:
        write(warehouse, table)
    return warehouse


@pytest.fixture
def analyst(tmp_path: Path) -> Analyst:
    return with_marts(Analyst(home=str(tmp_path)))


def with_marts(analyst: Analyst) -> Analyst:
    analyst.workshop.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(analyst.marts)) as connection:
        connection.execute("create table mart_counts as select 42::bigint as n")
    return analyst


def ask_elsewhere(file: Path, sql: str) -> str:
    """What a reader in another process sees; DuckDB shares one open file within a process."""
    script = "import duckdb, sys; print(duckdb.connect(sys.argv[1], read_only=True).sql(sys.argv[2]).fetchone()[0])"
    return subprocess.run([sys.executable, "-c", script, str(file), sql], capture_output=True, text=True, check=True).stdout.strip()


def test_marts_and_tables_lie_side_by_side_in_one_file(warehouse: Warehouse, analyst: Analyst):
    published = publish(warehouse, analyst, [COUNTS], TABLES)
    with analyst.open(analyst.snapshot) as connection:
        assert connection.execute("select n from mart_counts").fetchone() == (42,)
        assert connection.execute("select symbol from tokens order by symbol").fetchall() == [("USDC",), ("WETH",)]
    assert published.bytes == analyst.snapshot.stat().st_size
    assert [(entry.name, entry.kind, entry.rows) for entry in published.entries] == [
        ("mart_counts", "mart", 1), ("tokens", "table", 2), ("trade_ledger", "table", len(TRADES)), ("pool_states", "table", 3),
    ]  # fmt: skip


def test_the_largest_amounts_and_words_come_through_to_the_last_digit(warehouse: Warehouse, analyst: Analyst):
    publish(warehouse, analyst, [COUNTS], TABLES)
    with analyst.open(analyst.snapshot) as connection:
        row = connection.execute("select liquidity, sqrt_price_x96, ticks[1].liquidity_net from pool_states limit 1").fetchone()
    assert row == (10**38 - 1, (2**160 - 1).to_bytes(32, "big"), 10**38 - 1)


def test_the_snapshot_says_what_is_in_it(warehouse: Warehouse, analyst: Analyst):
    publish(warehouse, analyst, [COUNTS], TABLES)
    with analyst.open(analyst.snapshot) as connection:
        assert connection.execute("select * from guide_tables where table_name in ('mart_counts', 'tokens')").fetchall() == [
            ("mart_counts", "mart", "How many there are.", 1, None),
            ("tokens", "table", "One token.", 2, 0),
        ]
        told = connection.execute(
            "select description from guide_columns where table_name = 'tokens' and column_name = 'decimals'"
        ).fetchone()
        shown = connection.execute(
            "select comment from duckdb_columns() where table_name = 'tokens' and column_name = 'decimals'"
        ).fetchone()
    assert told == shown == ("Base units per whole token, as a power of ten.",)


def test_a_table_that_was_never_written_is_there_with_no_rows(warehouse: Warehouse, analyst: Analyst):
    publish(warehouse, analyst, [COUNTS], [*TABLES, quarantine.TABLE])
    with analyst.open(analyst.snapshot) as connection:
        assert connection.execute("select count(*), count(distinct reason) from quarantine").fetchone() == (0, 0)


def test_a_reader_keeps_what_it_opened_and_the_next_one_gets_the_new_snapshot(warehouse: Warehouse, analyst: Analyst):
    publish(warehouse, analyst, [COUNTS], TABLES)
    with duckdb.connect(str(analyst.snapshot), read_only=True) as early:
        assert early.execute("select count(*) from trade_ledger").fetchone() == (len(TRADES),)
        write(warehouse, trade_ledger.TABLE, rows=2)
        publish(warehouse, analyst, [COUNTS], TABLES)
        assert early.execute("select count(*) from trade_ledger where amount_in > 0").fetchone() == (len(TRADES),)
        assert ask_elsewhere(analyst.snapshot, "select count(*) from trade_ledger") == "2"


def test_publishing_waits_for_no_reader(warehouse: Warehouse, analyst: Analyst):
    publish(warehouse, analyst, [COUNTS], TABLES)
    script = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script, str(analyst.snapshot)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None and reader.stdout.readline() == "open\n"
        publish(warehouse, analyst, [COUNTS], TABLES)
        assert reader.poll() is None
        reader.communicate("done")


def test_a_publication_that_fails_leaves_the_old_snapshot_and_no_litter(
    warehouse: Warehouse, analyst: Analyst, monkeypatch: pytest.MonkeyPatch
):
    publish(warehouse, analyst, [COUNTS], TABLES)
    before = analyst.snapshot.read_bytes()

    def break_off(*args: object) -> Iterator[None]:
        raise OSError("the disk is full")

    monkeypatch.setattr(snapshot, "_write_guide", break_off)
    with pytest.raises(OSError, match="the disk is full"):
        publish(warehouse, analyst, [COUNTS], TABLES)
    assert analyst.snapshot.read_bytes() == before
    assert list(analyst.snapshot.parent.glob(".analyst.duckdb.*")) == []


def test_what_a_killed_publisher_left_is_swept_and_one_at_work_is_left_alone(warehouse: Warehouse, analyst: Analyst):
    old, young = (analyst.snapshot.with_name(f".analyst.duckdb.{name}") for name in ("old", "young"))
    for path in (old, young):
        path.write_text("half of a snapshot")
    two_hours_ago = time.time() - 7200
    os.utime(old, (two_hours_ago, two_hours_ago))
    publish(warehouse, analyst, [COUNTS], TABLES)
    assert (old.exists(), young.exists()) == (False, True)


def test_a_large_table_is_a_view_over_the_lake_with_the_same_rows(warehouse: Warehouse, tmp_path: Path):
    analyst = with_marts(Analyst(home=str(tmp_path), largest_table_rows=2))
    published = publish(warehouse, analyst, [COUNTS], TABLES)
    assert {entry.name: entry.kind for entry in published.entries} == {
        "mart_counts": "mart", "tokens": "table", "trade_ledger": "view", "pool_states": "view",
    }  # fmt: skip
    with analyst.open_with_lake(analyst.snapshot) as connection:
        read = trade_ledger.TABLE.conform(connection.execute("select * from trade_ledger").pl())
    assert read.equals(warehouse.read(trade_ledger.TABLE))


def test_the_lake_on_an_object_store_is_named_as_it_is():
    uri = snapshot._whole_uri(Warehouse(lake="s3://bucket/lake"), tokens.TABLE)
    assert uri == "s3://bucket/lake/tokens"


def test_only_the_raw_logs_stay_in_the_lake():
    from assets.service.catalog import lake_tables

    assert [table.name for table in lake_tables() if not in_snapshot(table)] == ["raw_logs"]
