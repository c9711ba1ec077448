"""The stamp knows when there is nothing to do."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from assets.warehouse import Warehouse
from domain.schemas import COUNT, Column, Table, columns
from pipelines import stamp
from pipelines.home import Home

NUMBERS = Table("numbers", "One number.", columns(Column("n", COUNT, "n")), ("n",))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    recording = tmp_path / "week"
    recording.mkdir()
    (recording / "manifest.json").write_text("{}")
    made = Home(tmp_path / "home", recording)
    Warehouse(lake=str(made.lake)).replace(NUMBERS, pl.DataFrame({"n": [1]}))
    made.analyst.write_bytes(b"")
    return made


def test_a_home_without_a_stamp_is_not_up_to_date(home: Home):
    assert not stamp.is_up_to_date(home)


def test_a_stamped_home_is_up_to_date_until_something_changes(home: Home):
    stamp.write(home, "run-1")
    assert stamp.is_up_to_date(home)
    assert json.loads(home.stamp.read_text())["tables"] == {"numbers": 0}


def test_a_table_that_somebody_touched_calls_for_a_rebuild(home: Home):
    stamp.write(home, "run-1")
    Warehouse(lake=str(home.lake)).replace(NUMBERS, pl.DataFrame({"n": [2]}))
    assert not stamp.is_up_to_date(home)


def test_another_recording_calls_for_a_rebuild(home: Home):
    stamp.write(home, "run-1")
    (home.recording / "manifest.json").write_text('{"name": "another"}')
    assert not stamp.is_up_to_date(home)


def test_a_missing_snapshot_calls_for_a_rebuild(home: Home):
    stamp.write(home, "run-1")
    home.analyst.unlink()
    assert not stamp.is_up_to_date(home)


def test_an_empty_home_has_no_tables(tmp_path: Path):
    assert stamp.table_versions(Home(tmp_path / "nowhere", tmp_path)) == {}
