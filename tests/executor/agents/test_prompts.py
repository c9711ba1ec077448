"""Prompts that are published are in force within a second; what is broken changes nothing."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from domain.problems import BadInput, Unavailable
from executor.agents.prompts import FILE, LARGEST, Prompts, read_prompts
from executor.virtual.loop import VirtualClock, run_virtually


def document(template: str = "Buy {{ base }}?", version: int = 1, **changed) -> dict:
    one = {"version": version, "alias": "production", "template": template, "sha256": hashlib.sha256(template.encode()).hexdigest()}
    return {"format": "grekko-prompts/1", "prompts": {"news-llm": one | changed}}


def publish(folder: Path, told: object) -> None:
    half = folder / "prompts.half"
    half.write_text(told if isinstance(told, str) else json.dumps(told))
    half.replace(folder / FILE)


def test_a_published_change_is_in_force_within_a_second(tmp_path: Path) -> None:
    async def story(clock: VirtualClock) -> list[str]:
        import asyncio

        prompts = Prompts(tmp_path)
        watching = asyncio.ensure_future(prompts.run(clock))
        publish(tmp_path, document())
        await clock.sleep(0.9)
        seen = [prompts.prompt("news-llm").label]
        publish(tmp_path, document("Sell {{ base }}?", 2))
        await clock.sleep(0.9)
        seen.append(prompts.prompt("news-llm").label)
        watching.cancel()
        return seen

    assert run_virtually(story) == ["news-llm/1", "news-llm/2"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ("{", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ([], "format"),
        ({"format": "grekko-prompts/2", "prompts": {}}, "format"),
        (document(sha256="00"), "sha256"),
        (document(version=0), "version"),
        (document(version=True), "version"),
        (document(template=" "), "template"),
        ({"format": "grekko-prompts/1", "prompts": {"Bad Name": {}}}, "no prompt"),
        ('{"format":"grekko-prompts/1","prompts":{"a":{"version":1,"template":"\\ud800","sha256":""}}}', "half a character"),
        (" " * (LARGEST + 1), "larger"),
    ],
    ids=lambda told: str(told)[:24],
)
def test_a_broken_file_keeps_the_prompts_in_force_and_says_why(tmp_path: Path, told: object, why: str) -> None:
    prompts = Prompts(tmp_path)
    publish(tmp_path, document())
    assert prompts.look()
    publish(tmp_path, told)
    assert not prompts.look() and not prompts.look()
    assert prompts.prompt("news-llm").version == 1
    assert prompts.trouble is not None and why in prompts.trouble
    publish(tmp_path, document(version=3))
    assert prompts.look() and prompts.trouble is None


def test_a_file_that_is_gone_or_only_touched_changes_nothing(tmp_path: Path) -> None:
    prompts = Prompts(tmp_path)
    assert not prompts.look() and prompts.trouble is None
    with pytest.raises(Unavailable, match="publish it"):
        prompts.prompt("news-llm")
    publish(tmp_path, document())
    assert prompts.look()
    os.utime(tmp_path / FILE, ns=(1, 1))
    assert not prompts.look() and prompts.trouble is None
    (tmp_path / FILE).unlink()
    assert not prompts.look() and "not there" in str(prompts.trouble)
    (tmp_path / FILE).mkdir()
    assert not prompts.look() and "cannot be read" in str(prompts.trouble)
    assert prompts.prompt("news-llm").version == 1


def test_a_value_is_put_in_once_and_is_no_template_itself() -> None:
    (prompt,) = read_prompts(json.dumps(document("{{base}} {{ base }} {x}")).encode()).values()
    assert prompt.filled(base="{{ quote }}", quote="no") == "{{ quote }} {{ quote }} {x}"
    with pytest.raises(BadInput, match="asks for base"):
        prompt.filled(quote="x")
