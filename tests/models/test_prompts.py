"""Prompts: templates that are checked before they are kept, versions that do not change, aliases that say what is in use now."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.problems import BadInput, Unavailable
from models.prompts import LONGEST, PromptRegistry, check_template, variables_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> PromptRegistry:
    return PromptRegistry(tmp_path_factory.mktemp("mlflow"))


def test_a_template_names_its_variables_once_each_in_order() -> None:
    assert variables_of('Read {{ headline }} of {{source}}, {{headline}}; answer {"side": "BUY"}.') == ("headline", "source")


@given(st.lists(st.from_regex(r"[a-z][a-z0-9_]{0,9}", fullmatch=True), max_size=8, unique=True))
def test_for_any_names_the_template_that_holds_them_names_them(names: list[str]) -> None:
    assert variables_of("Say: " + " and ".join(f"{{{{{name}}}}}" for name in names)) == tuple(names)


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", "empty"),
        (" \n", "empty"),
        ("Read {{}}", r"line 1 has \{\{\}\}"),
        ("Read\n{{two words}}", r"line 2 has \{\{two words\}\}"),
        ("Read {{headline", "without their partner"),
        ("Read headline}}", "without their partner"),
        ("Read \x00", r"U\+0000"),
        ("Read \u202eyub", r"U\+202E"),
        ("x" * (LONGEST + 1), "20,001 characters"),
        (" ".join(f"{{{{v{number}}}}}" for number in range(33)), "33 variables"),
        ([{"role": "user", "content": "x"}], "list of messages"),
    ],
)
def test_a_template_that_may_not_be_used_is_refused_with_the_reason(template: object, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        check_template(template)


def test_a_text_of_the_longest_length_with_line_ends_is_taken() -> None:
    text = ("a\r\n\t" * LONGEST)[:LONGEST]
    assert check_template(text) == text


def test_nothing_registered_is_no_prompt_and_no_database(tmp_path: Path) -> None:
    registry = PromptRegistry(tmp_path / "mlflow")
    assert registry.names() == [] and registry.versions("news") == [] and registry.in_use().prompts == ()
    assert not registry.folder.exists()


def test_the_same_text_again_is_the_same_version(registry: PromptRegistry) -> None:
    first = registry.register("repeated", "Read {{headline}}.", "the first")
    assert registry.register("repeated", "Read {{headline}}.").version == first.version == 1
    assert registry.register("repeated", "Read {{headline}} twice.").version == 2
    assert [one.version for one in registry.versions("repeated")] == [2, 1]
    assert first.variables == ("headline",) and len(first.sha256) == 64


def test_what_is_refused_is_not_kept(registry: PromptRegistry) -> None:
    with pytest.raises(BadInput, match="stands one name"):
        registry.register("refused", "Read {{a b}}")
    with pytest.raises(BadInput, match="'No Name'"):
        registry.register("No Name", "Read")
    assert "refused" not in registry.names() and "No Name" not in registry.names()


def test_an_alias_points_where_it_was_pointed_last_also_from_another_process(registry: PromptRegistry) -> None:
    registry.register("moved", "one")
    registry.register("moved", "two")
    assert registry.load("moved") is None
    registry.point("moved", 1)
    assert registry.load("moved").template == "one"  # type: ignore[union-attr]
    elsewhere = f"from models.prompts import PromptRegistry; PromptRegistry({str(registry.folder)!r}).point('moved', 2)"
    subprocess.run([sys.executable, "-c", elsewhere], cwd=ROOT, check=True, timeout=60)
    assert registry.load("moved").template == "two"  # type: ignore[union-attr]
    assert {one.name: one.version for one in registry.in_use().prompts}["moved"] == 2


def test_a_version_or_an_alias_that_is_not_there_is_told(registry: PromptRegistry) -> None:
    registry.register("short", "one")
    with pytest.raises(BadInput, match="version=9"):
        registry.point("short", 9)
    with pytest.raises(BadInput, match="alias must be"):
        registry.point("short", 1, "Not An Alias")
    with pytest.raises(BadInput, match="MLflow refused"):
        registry.load("no_such_prompt")


def test_what_somebody_else_registered_badly_is_told_apart(registry: PromptRegistry) -> None:
    registry.register("good", "Read {{headline}}.")
    registry.point("good", 1)
    theirs = registry._client
    for name, template in (("bad", "Read {{head line}}"), ("Bad.Name", "Read"), ("chat", [{"role": "user", "content": "x"}])):
        theirs.register_prompt(name, template)
        theirs.set_prompt_alias(name, "production", 1)
    found = registry.in_use()
    assert {"bad", "Bad.Name", "chat"} == set(found.refused)
    assert "good" in {one.name for one in found.prompts}


def test_more_prompts_than_a_page_are_all_found(registry: PromptRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("page_one", "page_two", "page_three"):
        registry.register(name, "one")
    search = registry._client.search_prompts
    monkeypatch.setattr(registry._client, "search_prompts", lambda page_token=None: search(max_results=2, page_token=page_token))
    assert {"page_one", "page_two", "page_three"} <= set(registry.names())


def test_a_server_that_does_not_answer_is_unavailable(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        registry = PromptRegistry(tmp_path, f"http://127.0.0.1:{taken.getsockname()[1]}")
        assert registry.exists
        with pytest.raises(Unavailable, match="MLflow does not answer"):
            registry.names()
        with pytest.raises(Unavailable, match="MLflow does not answer"):
            registry.load("news")


def test_a_disk_that_fails_is_unavailable(registry: PromptRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(**page: object) -> None:
        raise OSError("disk I/O error")

    monkeypatch.setattr(registry._client, "search_prompts", failing)
    with pytest.raises(Unavailable, match="disk I/O error"):
        registry.names()
