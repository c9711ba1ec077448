"""The published prompts: what the executor reads is what the alias points to, whole, and the last good one where the newest is not."""

from __future__ import annotations

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.problems import Unavailable
from models.prompts import InUse, Prompt, PromptRegistry
from models.published_prompts import FILE, publish, published


class Shelf(PromptRegistry):
    """A registry whose answers the test sets; MLflow's own are tried in test_prompts.py."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, "memory")
        self.now = InUse((), {})

    def in_use(self, alias: str = "production") -> InUse:
        return self.now


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "mlflow")


def test_the_file_holds_what_the_executor_was_promised(shelf: Shelf, tmp_path: Path) -> None:
    shelf.now = InUse((Prompt("news", 3, "Read {{headline}} – now."),), {})
    assert publish(shelf, tmp_path / "executor").changed
    assert json.loads((tmp_path / "executor" / FILE).read_text()) == {
        "format": "grekko-prompts/1",
        "prompts": {
            "news": {
                "version": 3,
                "alias": "production",
                "template": "Read {{headline}} – now.",
                "sha256": hashlib.sha256("Read {{headline}} – now.".encode()).hexdigest(),
            }
        },
    }


def test_nothing_new_leaves_the_file_untouched(shelf: Shelf, tmp_path: Path) -> None:
    shelf.now = InUse((Prompt("news", 1, "one"),), {})
    publish(shelf, tmp_path)
    written = (tmp_path / FILE).stat().st_mtime_ns
    assert not publish(shelf, tmp_path).changed
    assert (tmp_path / FILE).stat().st_mtime_ns == written


def test_a_prompt_that_may_not_be_used_keeps_its_last_good_version(shelf: Shelf, tmp_path: Path) -> None:
    shelf.now = InUse((Prompt("news", 1, "one"), Prompt("macro", 1, "one")), {})
    publish(shelf, tmp_path)
    shelf.now = InUse((Prompt("macro", 2, "two"),), {"news": Unavailable("bad"), "new": Unavailable("bad")})
    done = publish(shelf, tmp_path)
    assert {name: told["version"] for name, told in done.prompts.items()} == {"news": 1, "macro": 2}
    assert set(done.refused) == {"news", "new"}


def test_an_alias_that_was_taken_away_takes_the_prompt_away(shelf: Shelf, tmp_path: Path) -> None:
    shelf.now = InUse((Prompt("news", 1, "one"),), {})
    publish(shelf, tmp_path)
    shelf.now = InUse((), {})
    assert publish(shelf, tmp_path).changed and published(tmp_path) == {}


def test_without_a_registry_nothing_is_written(tmp_path: Path) -> None:
    done = publish(PromptRegistry(tmp_path / "mlflow"), tmp_path / "executor")
    assert (done.prompts, done.refused, done.changed) == ({}, {}, False)
    assert list(tmp_path.iterdir()) == []


def test_a_registry_that_is_down_leaves_what_was_published(shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf.now = InUse((Prompt("news", 1, "one"),), {})
    publish(shelf, tmp_path)

    def down(alias: str) -> InUse:
        raise Unavailable("MLflow does not answer")

    monkeypatch.setattr(shelf, "in_use", down)
    with pytest.raises(Unavailable):
        publish(shelf, tmp_path)
    assert published(tmp_path)["news"]["version"] == 1


@pytest.mark.parametrize("broken", ["not json", "[]", '{"format": "another/1", "prompts": {}}', '{"format": "grekko-prompts/1"}'])
def test_a_file_that_is_not_ours_is_replaced(shelf: Shelf, tmp_path: Path, broken: str) -> None:
    (tmp_path / FILE).write_text(broken)
    shelf.now = InUse((Prompt("news", 1, "one"),), {})
    assert publish(shelf, tmp_path).changed
    assert published(tmp_path)["news"]["version"] == 1


def test_what_was_read_earlier_never_overwrites_what_was_read_later(shelf: Shelf, tmp_path: Path) -> None:
    """Each publication reads a version that counts up; whoever is last in the file also read last."""
    read: list[int] = []

    def counting(alias: str = "production") -> InUse:
        read.append(len(read) + 1)
        return InUse((Prompt("news", read[-1], str(read[-1])),), {})

    shelf.in_use = counting  # type: ignore[method-assign]
    publish(shelf, tmp_path)
    read.clear()
    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(lambda _: publish(shelf, tmp_path).prompts["news"]["version"], range(64)))
    assert sorted(done) == list(range(1, 65))
    assert published(tmp_path)["news"]["version"] == 64
