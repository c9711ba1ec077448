"""The house keeps its plan: who may import whom, which names are ours, and what importing costs."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import distributions
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("pipelines", "assets", "models", "executor", "domain")


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=120)


def test_imports_only_go_downstairs():
    linter = subprocess.run([Path(sys.executable).parent / "lint-imports"], capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert linter.returncode == 0, linter.stdout


def test_the_dbt_folder_is_no_package_so_the_library_keeps_its_name():
    assert not (ROOT / "dbt" / "__init__.py").exists()


def test_no_other_distribution_brings_a_package_of_our_name():
    owners = {
        str(distribution.metadata["Name"])
        for distribution in distributions()
        for file in distribution.files or []
        if file.parts[0] in PACKAGES and file.suffix == ".py"
    }
    assert owners <= {"grekko"}


def test_loading_the_graph_opens_no_socket_and_no_database():
    code = """
import socket, sqlite3
def refuse(*args, **kwargs): raise AssertionError("opened at import")
socket.socket.connect = refuse
sqlite3.connect = refuse
import pipelines.definitions
import duckdb, sys
heavy = {"mlflow", "great_expectations", "web3", "dbt.cli.main"} & set(sys.modules)
assert not heavy, heavy
"""
    loaded = run(code)
    assert loaded.returncode == 0, loaded.stderr[-2000:]


def test_no_module_hides_behind_a_name_that_says_nothing():
    vague = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
    found = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if path.stem in vague]
    assert found == []
