"""The small chain's finished lake, as the chain's tests use it, and a home in which reports are made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.warehouse import Warehouse
from executor.chain.recording import Recording
from pipelines.home import Home
from tests.assets.chain.conftest import chain, lake, recording
from tests.assets.compliance.reporting_home import SCHEMAS, build_reporting_home, copy_of, work_on

__all__ = ["chain", "lake", "own_home", "recording", "reporting_home", "reporting_settings"]


@pytest.fixture(scope="session")
def reporting_home(lake: Warehouse, recording: Recording, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Built once a process, for all folders whose tests look at reports; not to be changed."""
    if not SCHEMAS.parent.is_dir():
        pytest.skip(f"the official schemas are not here: {SCHEMAS.parent} does not exist")
    if not _built:
        _built.append(build_reporting_home(lake, recording.path, tmp_path_factory.mktemp("reporting") / "home"))
    return _built[0]


@pytest.fixture
def reporting_settings(reporting_home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process works on the home."""
    work_on(reporting_home, monkeypatch)


@pytest.fixture
def own_home(reporting_home: Home, reporting_settings: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A copy that the test may change; this process works on it."""
    home = copy_of(reporting_home, tmp_path / "home")
    work_on(home, monkeypatch)
    return home


_built: list[Home] = []
