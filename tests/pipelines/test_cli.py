"""The command line tells what went wrong and what to do, to people and to programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from domain.problems import BadInput
from pipelines import cli
from pipelines.cli import main


def test_the_first_page_names_every_command(capsys: pytest.CaptureFixture[str]):
    assert main(["--help"]) == 0
    page = capsys.readouterr().out
    for command in ("demo", "dev", "serve", "replay", "quote", "route", "record", "import-logs", "verify"):
        assert command in page


def test_a_problem_is_one_line_for_a_person_and_a_document_for_a_program(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    missing = str(tmp_path / "nothing")
    assert main(["demo", "--recording", missing]) == 2
    assert capsys.readouterr().err.startswith("BadInput: ")
    assert main(["verify", missing, "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"] == "BadInput"


def test_wrong_usage_exits_with_two(capsys: pytest.CaptureFixture[str]):
    assert main(["quote", "--no-such-option"]) == 2
    assert "No such option" in capsys.readouterr().err


@pytest.mark.parametrize(("raised", "code"), [(typer.Exit(3), 3), (typer.Abort(), 130), (BadInput("No."), 2)])
def test_the_exit_code_says_how_it_ended(monkeypatch: pytest.MonkeyPatch, raised: Exception, code: int):
    def app(*args: object, **kwargs: object) -> None:
        raise raised

    monkeypatch.setattr(cli, "app", app)
    assert main([]) == code


def test_the_demo_command_fails_when_the_demo_is_not_green(monkeypatch: pytest.MonkeyPatch, shipped_recording: Path, tmp_path: Path):
    asked = []
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr("pipelines.demo.run_demo", lambda home, again: asked.append((home.root, again)) or again)
    assert main(["demo", "--recording", str(shipped_recording), "--home", str(tmp_path), "--again"]) == 0
    assert main(["demo", "--recording", str(shipped_recording), "--home", str(tmp_path)]) == 1
    assert asked == [(tmp_path, True), (tmp_path, False)]


def test_dev_opens_dagster_on_the_home_at_loopback(monkeypatch: pytest.MonkeyPatch, shipped_recording: Path, tmp_path: Path):
    started = []
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(os, "chdir", lambda folder: None)
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.append(arguments[1:]))
    assert main(["dev", "--recording", str(shipped_recording), "--home", str(tmp_path), "--port", "3999"]) == 0
    assert started == [["dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", "3999"]]
    assert os.environ["DAGSTER_HOME"] == str(tmp_path / "dagster")


def test_the_module_runs_as_a_program():
    ran = subprocess.run([sys.executable, "-m", "pipelines.cli", "--help"], capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0 and "grekko" in ran.stdout.lower()
