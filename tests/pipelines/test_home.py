"""A home belongs to one recording."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from domain.problems import BadInput
from pipelines.home import Home
from pipelines.resources import resources_of


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("GREKKO_HOME", "GREKKO_RECORDING", "DAGSTER_HOME"):
        monkeypatch.setenv(name, "")
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    folder = tmp_path / "week"
    folder.mkdir()
    (folder / "manifest.json").write_text("{}")
    return folder


def test_a_recording_gets_a_home_of_its_own_below_the_current_folder(recording: Path, tmp_path: Path):
    home = Home.here(recording)
    assert (home.root, home.recording) == (tmp_path / ".grekko" / "week", recording)
    assert {path.parent for path in (home.lake, home.dagster, home.mlflow, home.executor, home.analyst, home.stamp)} == {home.root}


def test_the_settings_name_the_home_and_the_recording(recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GREKKO_HOME", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GREKKO_RECORDING", str(recording))
    assert Home.here().root == tmp_path / "elsewhere"


def test_a_folder_without_a_manifest_is_no_recording(tmp_path: Path):
    with pytest.raises(BadInput, match=r"no manifest\.json"):
        Home.here(tmp_path)


def test_a_home_built_from_another_recording_is_not_overwritten(recording: Path, tmp_path: Path):
    root = tmp_path / "home"
    root.mkdir()
    (root / "demo.json").write_text(json.dumps({"recording": "/another"}))
    with pytest.raises(BadInput, match="--home"):
        Home.here(recording, root)


def test_settling_gives_dagster_its_settings_and_children_their_bearings(recording: Path):
    home = Home.here(recording)
    home.settle()
    assert "telemetry" in (home.dagster / "dagster.yaml").read_text()
    assert os.environ["GREKKO_RECORDING"] == str(recording)
    (home.stamp).write_text(json.dumps({"recording": str(recording)}))
    assert Home.here(recording).root == home.root


def test_resources_live_in_the_home(recording: Path, monkeypatch: pytest.MonkeyPatch):
    home = Home.here(recording)
    assert resources_of(home.root)["warehouse"].lake == str(home.lake)
    monkeypatch.setenv("GREKKO_HOME", str(home.root))
    assert resources_of()["warehouse"].lake == str(home.lake)


def test_the_graph_has_the_partitions_of_the_recording_that_was_asked_for(recording: Path):
    (recording / "manifest.json").write_text(json.dumps({"first_day": "2024-01-05", "last_day": "2024-01-06"}))
    code = f"""
from pathlib import Path
from pipelines.home import Home
Home.here(Path({str(recording)!r})).settle()
from assets.partitions import days
print(days.get_partition_keys())
"""
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout.strip() == "['2024-01-05', '2024-01-06']"
