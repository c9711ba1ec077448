"""Marts are built aside and take the old file's place when they are whole; what dbt could not compute is never a broken promise."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from assets.service import dbt_build
from assets.service.analyst import Analyst
from assets.service.dbt_build import Verdict, build_marts, key_of, sweep_unfinished_builds
from assets.service.dbt_project import Promise
from assets.warehouse import Warehouse
from domain.problems import Broken

GENERIC = {
    "name": "not_null_mart_day_day", "attached_node": "model.grekko.mart_day", "column_name": "day", "test_metadata": {"name": "not_null"},
    "refs": [{"name": "mart_day"}], "raw_code": "{{ test }}", "compiled_code": "select * from mart_day where day is null",
}  # fmt: skip
WRITTEN = {"name": "every_day_ends", "refs": [{"name": "stg_trades"}, {"name": "mart_day"}], "raw_code": "select 1", "compiled_code": None}
MODEL = {"name": "mart_day", "refs": []}
NODES = {"model.grekko.mart_day": MODEL, "test.grekko.a": GENERIC, "test.grekko.b": WRITTEN}


@pytest.fixture
def analyst(tmp_path: Path) -> Analyst:
    analyst = Analyst(home=str(tmp_path))
    analyst.workshop.mkdir()
    analyst.marts.write_text("the marts of yesterday")
    return analyst


@pytest.fixture
def dbt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Stands in for dbt: a process that writes what it is told, says a line and ends with a code."""

    def stand_in(outcomes: dict[str, tuple[str, int | None]], code: int = 0, also: str = "") -> None:
        results = [
            {"unique_id": name, "status": status, "failures": rows, "message": f"{name} says {status}"}
            for name, (status, rows) in outcomes.items()
        ]
        files = {"manifest.json": {"nodes": NODES}, "run_results.json": {"results": results}}
        script = tmp_path / "dbt.py"
        script.write_text(
            "import json, os, pathlib, sys, time\n"
            f"for name, told in json.loads({json.dumps(json.dumps(files))}).items():\n"
            "    target = pathlib.Path(sys.argv[1]); target.mkdir(exist_ok=True); (target / name).write_text(json.dumps(told))\n"
            "pathlib.Path(os.environ['GREKKO_MARTS_FILE']).write_text('the marts of today')\n"
            "print('working on', os.environ['GREKKO_LAKE'], flush=True)\n"
            f"{also}\nsys.exit({code})\n"
        )
        monkeypatch.setattr(dbt_build, "_command", lambda analyst, project: [sys.executable, str(script), str(analyst.workshop / "dbt")])

    return stand_in


def build(analyst: Analyst, say: Any = lambda line: None) -> dict[tuple[str, str, str | None], Verdict]:
    return build_marts(Warehouse(lake="the/lake/"), analyst, say)


def test_every_test_has_a_verdict_under_the_name_its_promise_calls_it(analyst: Analyst, dbt):
    dbt({"model.grekko.mart_day": ("success", None), "test.grekko.a": ("pass", 0), "test.grekko.b": ("pass", 0)})
    verdicts = build(analyst)
    assert verdicts[key_of(Promise("mart_day", "every_row_has_day", "", "not_null", "day"))].holds
    assert verdicts[key_of(Promise("mart_day", "every_day_ends", "", "every_day_ends"))].holds
    assert analyst.marts.read_text() == "the marts of today"


def test_a_broken_promise_comes_with_its_rows_and_the_query_that_finds_them(analyst: Analyst, dbt):
    dbt({"test.grekko.a": ("fail", 3), "test.grekko.b": ("fail", 1)}, code=1)
    verdicts = build(analyst)
    assert verdicts["mart_day", "not_null", "day"] == Verdict(False, 3, "select * from mart_day where day is null")
    assert verdicts["mart_day", "every_day_ends", None] == Verdict(False, 1, "select 1")
    assert analyst.marts.read_text() == "the marts of today"


@pytest.mark.parametrize("outcomes", [{"model.grekko.mart_day": ("error", None)}, {"test.grekko.a": ("error", None)}])
def test_a_mart_or_test_that_could_not_be_computed_is_no_broken_promise_and_leaves_the_old_marts(analyst: Analyst, dbt, outcomes):
    dbt({**outcomes, "test.grekko.b": ("skipped", None)}, code=1)
    with pytest.raises(Broken, match=r"could not compute 2 of the marts and tests\. .* says error"):
        build(analyst)
    assert analyst.marts.read_text() == "the marts of yesterday"


def test_dbt_that_cannot_start_is_quoted(analyst: Analyst, dbt):
    dbt({}, code=2, also="print('Profile not found')")
    with pytest.raises(Broken, match=r"exit code 2.*Profile not found"):
        build(analyst)
    assert analyst.marts.read_text() == "the marts of yesterday"


def test_what_dbt_says_is_passed_on(analyst: Analyst, dbt):
    dbt({})
    said: list[str] = []
    build(analyst, said.append)
    assert said == ["working on the/lake"]


def test_a_run_that_is_cancelled_takes_dbt_with_it_and_leaves_the_old_marts(analyst: Analyst, dbt):
    dbt({}, also="time.sleep(60)")

    def cancel(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(analyst, cancel)
    assert analyst.marts.read_text() == "the marts of yesterday"
    assert list(analyst.workshop.glob("building-*")) == []


def test_what_a_killed_build_left_is_swept_away(analyst: Analyst):
    left = analyst.workshop / "building-x1"
    left.mkdir()
    (left / "marts.duckdb").write_text("half of the marts")
    sweep_unfinished_builds(analyst)
    assert not left.exists()
    assert analyst.marts.exists()


def test_dbt_is_told_nothing_but_what_the_build_needs(analyst: Analyst, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("DBT_TARGET", "somebody_elses")
    environment = dbt_build._environment(Warehouse(lake="lake"), analyst, Path("marts.duckdb"))
    assert "DBT_TARGET" not in environment
    assert environment["DO_NOT_TRACK"] == "1"
    assert Path(environment["GREKKO_DELTA_EXTENSION"]).is_file()
