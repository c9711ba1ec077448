"""`grekko prompt`: from a file to what the executor reads, in two commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from domain.problems import BadInput
from models.published_prompts import published
from pipelines.commands.prompt import prompt


def run(*arguments: object) -> Result:
    return CliRunner().invoke(prompt, [str(one) for one in arguments])


def told(*arguments: object) -> dict:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def file(home: Path) -> Path:
    (home / "news.txt").write_text("Read {{headline}} of {{source}}.")
    return home / "news.txt"


def test_a_registered_prompt_is_in_use_once_it_is_pointed_to(home: Path, file: Path) -> None:
    assert told("register", "news", "--file", file, "--why", "the first", "--home", home)["variables"] == ["headline", "source"]
    assert published(home / "executor") == {}
    assert told("point", "news", "--version", 1, "--home", home)["published"] is True
    assert published(home / "executor")["news"]["template"] == "Read {{headline}} of {{source}}."
    assert told("point", "news", "--version", 1, "--home", home)["published"] is False
    assert told("point", "news", "--version", 1, "--alias", "staging", "--home", home)["alias"] == "staging"
    [listed] = told("list", "--home", home)["prompts"]
    assert listed == {"name": "news", "versions": [1], "production": 1, "published": 1, "refused": None}


def test_a_person_sees_what_is_in_use(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "no prompt yet" in run("list", "--home", tmp_path).stdout
    monkeypatch.setenv("GREKKO_HOME", str(home))
    (home / "macro.txt").write_text("Say something.")
    assert "none" in run("register", "macro", "--file", home / "macro.txt").stdout
    assert "production nowhere" in run("list").stdout


def test_a_file_that_cannot_be_read_or_used_is_told(home: Path, tmp_path: Path) -> None:
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9")
    (tmp_path / "braces.txt").write_text("Read {{head line}}")
    for name in ("latin.txt", "braces.txt", "missing.txt"):
        result = run("register", "news", "--file", tmp_path / name, "--home", home)
        assert isinstance(result.exception, BadInput)
    assert isinstance(run("point", "news", "--version", 77, "--home", home).exception, BadInput)
