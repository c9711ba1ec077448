"""Days: together or one by one, deleted and rebuilt, or cut off in the middle, the tables come out the same."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from assets.chain import pool_states, swaps
from assets.ledger import trade_ledger
from assets.partitions import Span
from assets.warehouse import Warehouse
from executor.chain.recording import Recording
from tests.assets.chain.materialising import materialise, tables
from tests.assets.chain.small_chain import DAYS, SmallChain, word
from tests.untraced import untraced

ROOT = Path(__file__).resolve().parents[3]


def digests(warehouse: Warehouse, span: Span | None = None) -> dict[str, str]:
    return {table.name: warehouse.digest(table, span) for table in tables()}


def versions(warehouse: Warehouse) -> dict[str, int]:
    return {table.name: warehouse.replace(table, warehouse.read(table)).version for table in tables()}


@pytest.fixture
def copy(lake: Warehouse, tmp_path: Path) -> Warehouse:
    """The finished lake, to be spoiled."""
    shutil.copytree(lake.lake, tmp_path / "lake")
    return Warehouse(lake=str(tmp_path / "lake"))


def test_day_by_day_gives_the_tables_of_one_run(lake: Warehouse, recording: Recording, tmp_path: Path):
    alone = Warehouse(lake=str(tmp_path / "lake"))
    with untraced():
        for day in DAYS:
            materialise(alone, recording.path, day, day, checks=False)
    assert digests(alone) == digests(lake)


def test_a_second_run_changes_no_table(copy: Warehouse, recording: Recording):
    before = versions(copy)
    found = materialise(copy, recording.path, DAYS[0], DAYS[-1], checks=False)
    assert not any(event.materialization.metadata["changed"].value for event in found.get_asset_materialization_events())
    assert versions(copy) == before


def test_a_deleted_day_is_restored_to_the_bit(lake: Warehouse, copy: Warehouse, recording: Recording):
    middle = Span(date.fromisoformat(DAYS[1]), date.fromisoformat(DAYS[1]))
    for table in tables():
        copy.drop(table, middle)
    assert digests(copy) != digests(lake)
    materialise(copy, recording.path, DAYS[1], DAYS[1], checks=False)
    assert digests(copy) == digests(lake)


def test_a_day_without_the_day_before_says_which_day_to_build(copy: Warehouse, recording: Recording):
    first = Span(date.fromisoformat(DAYS[0]), date.fromisoformat(DAYS[0]))
    copy.drop(pool_states.TABLE, first)
    before = digests(copy)
    found = materialise(copy, recording.path, DAYS[1], DAYS[1], checks=False, raise_on_error=False)
    [failure] = [event for event in found.all_events if event.is_step_failure]
    assert "The pools' states at the close of 2026-01-05 are missing" in str(failure.event_specific_data.error)  # type: ignore[union-attr]
    assert digests(copy) == before


def test_a_forged_swap_stops_the_ledger_and_leaves_it_as_it_was(chain: SmallChain, copy: Warehouse, tmp_path: Path):
    logs = chain.tables()["logs"].to_dicts()
    logs[0]["data"] = word(10**18) + word(-1) + logs[0]["data"][64:]
    forged = chain.write(tmp_path / "forged", logs=chain.tables()["logs"].clear().vstack(_frame(chain, logs)))
    ledger = {name: digest for name, digest in digests(copy).items() if name in ("fills", "orders", "trade_ledger")}
    with untraced():
        found = materialise(copy, forged.path, DAYS[0], DAYS[-1], raise_on_error=False)
    assert not found.success
    wrong = [check for check in found.get_asset_check_evaluations() if not check.passed]
    assert "every_swap_is_rederived_to_the_wei" in {check.check_name for check in wrong}
    assert {name: digests(copy)[name] for name in ledger} == ledger


def _frame(chain: SmallChain, rows: list):
    import polars as pl

    return pl.DataFrame(rows, schema=chain.tables()["logs"].schema)


def test_a_run_killed_in_the_middle_is_finished_by_the_next(lake: Warehouse, recording: Recording, tmp_path: Path):
    folder = tmp_path / "lake"
    environment = {**os.environ, "GREKKO_RECORDING": str(recording.path), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.assets.chain.materialising", str(recording.path), str(folder)]
    victim = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (folder / "pool_states").exists() and victim.poll() is None:
        time.sleep(0.005)
    victim.send_signal(signal.SIGKILL)
    assert victim.wait() == -signal.SIGKILL
    survivor = Warehouse(lake=str(folder))
    assert survivor.exists(swaps.TABLE) and not survivor.exists(trade_ledger.TABLE)
    with untraced():
        materialise(survivor, recording.path, DAYS[0], DAYS[-1], checks=False)
    assert digests(survivor) == digests(lake)
