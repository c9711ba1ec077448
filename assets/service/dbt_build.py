"""Building the marts with dbt, in a process of its own, into a file that takes the old one's place only when it is whole."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assets.service.analyst import Analyst
from assets.service.dbt_project import PROJECT, Promise
from assets.warehouse import Warehouse
from domain.problems import Broken


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a dbt test came out: whether it holds, how many rows break it, and the SQL that finds them."""

    holds: bool
    rows: int
    sql: str


def build_marts(
    warehouse: Warehouse, analyst: Analyst, say: Callable[[str], None], project: Path = PROJECT
) -> dict[tuple[str, str, str | None], Verdict]:
    """Builds and tests every mart; returns how each test came out, keyed by mart, test and column.

    The new file of marts replaces the old one also when a test fails: the checks say so, and nothing further is published.
    Raises Broken and leaves the old file when a mart or a test could not be computed at all.
    """
    analyst.workshop.mkdir(parents=True, exist_ok=True)
    # Each build has a folder of its own: one that outlived a killed run cannot hold the next one's file.
    with tempfile.TemporaryDirectory(prefix="building-", dir=analyst.workshop) as folder:
        file = Path(folder) / "marts.duckdb"
        code, lines = _run_dbt(_command(analyst, project), _environment(warehouse, analyst, file), say)
        results = _results(analyst, code, lines)
        file.replace(analyst.marts)
    return results


def sweep_unfinished_builds(analyst: Analyst) -> None:
    """Removes what builds that were killed left behind."""
    for folder in analyst.workshop.glob("building-*"):
        shutil.rmtree(folder, ignore_errors=True)


def key_of(promise: Promise) -> tuple[str, str, str | None]:
    """How the verdicts call a promise."""
    return promise.mart, promise.test, promise.column


def _command(analyst: Analyst, project: Path) -> list[str]:
    target, logs = analyst.workshop / "dbt", analyst.workshop / "dbt_logs"
    # -P keeps the current folder off the import path: a project has folders with the names of packages.
    return [
        sys.executable, "-P", "-W", "ignore", "-m", "dbt.cli.main", "--no-use-colors", "--no-version-check", "--log-level-file", "none",
        "build", "--project-dir", str(project), "--profiles-dir", str(project), "--target-path", str(target), "--log-path", str(logs),
    ]  # fmt: skip


def _environment(warehouse: Warehouse, analyst: Analyst, file: Path) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DBT_")}
    return {
        **inherited,
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "GREKKO_LAKE": warehouse.lake.rstrip("/"),
        "GREKKO_MARTS_FILE": str(file),
        "GREKKO_DELTA_EXTENSION": str(analyst.delta_extension),
    }


def _run_dbt(command: list[str], environment: dict[str, str], say: Callable[[str], None]) -> tuple[int, list[str]]:
    lines, finished = [], False
    with subprocess.Popen(command, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                lines.append(line.rstrip())
                say(lines[-1])
            finished = True
        finally:
            # When the run is cancelled dbt must not go on without it.
            if not finished:
                process.kill()
    return process.returncode, lines


def _results(analyst: Analyst, code: int, lines: list[str]) -> dict[tuple[str, str, str | None], Verdict]:
    """The verdicts out of dbt's result files; anything that was not computed is a broken build, never a broken promise."""
    if code not in (0, 1):
        raise Broken(f"dbt could not start (exit code {code}): {_tail(lines)}", exit_code=code)
    nodes = _json(analyst, "manifest.json")["nodes"]
    outcomes = _json(analyst, "run_results.json")["results"]
    lost = [outcome for outcome in outcomes if outcome["status"] in ("error", "skipped", "partial success")]
    if lost:
        reasons = "; ".join(
            f"{nodes[outcome['unique_id']]['name']}: {outcome['message']}" for outcome in lost if outcome["status"] == "error"
        )
        raise Broken(
            f"dbt could not compute {len(lost)} of the marts and tests. {reasons}", nodes=[outcome["unique_id"] for outcome in lost]
        )
    tests = [(nodes[outcome["unique_id"]], outcome) for outcome in outcomes if outcome["unique_id"].startswith("test.")]
    return {_key_of_node(node): _verdict(node, outcome) for node, outcome in tests}


def _json(analyst: Analyst, name: str) -> dict[str, Any]:
    return json.loads((analyst.workshop / "dbt" / name).read_text())


def _key_of_node(node: Mapping[str, Any]) -> tuple[str, str, str | None]:
    if node.get("test_metadata"):
        return node["attached_node"].rsplit(".", 1)[-1], node["test_metadata"]["name"], node["column_name"]
    first = next((name for name in _refs(node) if name.startswith("mart_")), "")
    return first, node["name"], None


def _refs(node: Mapping[str, Any]) -> list[str]:
    return [ref["name"] for ref in node["refs"]]


def _verdict(node: Mapping[str, Any], outcome: Mapping[str, Any]) -> Verdict:
    return Verdict(outcome["status"] == "pass", int(outcome["failures"] or 0), node.get("compiled_code") or node["raw_code"])


def _tail(lines: list[str]) -> str:
    return " / ".join([line for line in lines if line.strip()][-6:])
