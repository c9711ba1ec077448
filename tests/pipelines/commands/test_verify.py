"""`grekko verify` as a person types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from domain.problems import BadInput
from executor.chain.importer import import_logs
from pipelines.commands.verify import verify
from tests.executor.chain.log_files import log, save

app = typer.Typer()
app.command()(verify)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return import_logs([save(tmp_path, "logs", [log(1, 1)])], tmp_path / "r").path


def test_a_good_recording_holds_and_what_it_cannot_tell_is_listed(recording):
    result = CliRunner().invoke(app, [str(recording)])
    assert result.exit_code == 0
    assert "holds       logs.parquet is as the manifest says.  (1 rows)" in result.stdout
    assert "can't tell  Each canonical header names the one before it" in result.stdout
    assert "everything that can be checked holds" in result.stdout


def test_a_damaged_recording_ends_with_1_and_says_what_does_not_hold(recording):
    (recording / "ticks.parquet").unlink()
    result = CliRunner().invoke(app, [str(recording)])
    assert result.exit_code == 1
    assert "DOES NOT    ticks.parquet is as the manifest says.  (the file is missing)" in result.stdout
    assert "1 things do not hold" in result.stdout


def test_the_answer_can_be_one_json_document(recording):
    document = json.loads(CliRunner().invoke(app, [str(recording), "--json"]).stdout)
    assert document["holds"] is True
    assert {"sentence", "holds", "detail"} == set(document["findings"][0])


def test_what_is_no_recording_is_a_problem_of_the_caller(tmp_path):
    assert isinstance(CliRunner().invoke(app, [str(tmp_path)]).exception, BadInput)
