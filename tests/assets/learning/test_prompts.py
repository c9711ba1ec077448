"""The prompts' table: what is in use as the executor reads it, and what may not be used told by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.learning import asking_again, prompts
from assets.learning.handover import HandoverFolder
from assets.learning.prompts import PromptBook
from assets.warehouse import Warehouse
from domain.problems import BadInput, Unavailable
from models.prompts import InUse, Prompt
from models.published_prompts import FILE


class Shown(PromptBook):
    """A prompt book whose registry says what the test lets it say; MLflow's own is tried in tests/models."""

    def open(self) -> Any:
        return REGISTRY


class Registry:
    now = InUse((), {})
    down = 0

    def in_use(self, alias: str = "production") -> InUse:
        if self.down:
            self.down -= 1
            raise Unavailable("MLflow does not answer")
        return self.now


REGISTRY = Registry()
NEWS = Prompt("news", 3, "Read {{headline}} of {{source}}.")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking_again, "pause_seconds", lambda tries: 0)
    REGISTRY.now, REGISTRY.down = InUse((NEWS,), {}), 0


def run(home: Path) -> dict[str, Any]:
    """The metadata of a run of the table and its checks, and which of those hold."""
    resources = {
        "warehouse": Warehouse(lake=str(home / "lake")),
        "prompt_book": Shown(folder=""),
        "handover": HandoverFolder(folder=str(home / "executor")),
    }
    checks = [prompts.the_executor_reads_the_prompts_in_use, prompts.every_prompt_pointed_to_may_be_used]
    done = dg.materialize([prompts.prompts, *checks], resources=resources, instance=dg.DagsterInstance.ephemeral())
    [made] = done.asset_materializations_for_node("prompts")
    held = {check.check_name: check.passed for check in done.get_asset_check_evaluations()}
    return {name: value.value for name, value in made.metadata.items()} | held


def test_a_row_tells_which_version_is_in_use(tmp_path: Path) -> None:
    told = run(tmp_path)
    [row] = Warehouse(lake=str(tmp_path / "lake")).read(prompts.TABLE).to_dicts()
    assert row == {
        "name": "news",
        "version": 3,
        "alias": "production",
        "variables": "headline source",
        "characters": 32,
        "template_sha256": NEWS.sha256,
    }
    assert told["published"] is True and told["the_executor_reads_the_prompts_in_use"] and told["every_prompt_pointed_to_may_be_used"]
    assert run(tmp_path)["published"] is False


def test_no_prompt_is_an_empty_table_and_no_file(tmp_path: Path) -> None:
    REGISTRY.now = InUse((), {})
    assert run(tmp_path)["the_executor_reads_the_prompts_in_use"]
    assert not (tmp_path / "executor").exists()


def test_a_prompt_that_may_not_be_used_is_told_and_the_last_good_one_stays(tmp_path: Path) -> None:
    run(tmp_path)
    REGISTRY.now = InUse((), {"news": BadInput("The template is empty.")})
    told = run(tmp_path)
    assert told["not_taken"] == {"news": "The template is empty."} and not told["every_prompt_pointed_to_may_be_used"]
    assert Warehouse(lake=str(tmp_path / "lake")).read(prompts.TABLE)["version"].item() == 3


def test_an_mlflow_that_does_not_answer_is_asked_again(tmp_path: Path) -> None:
    REGISTRY.down = 2
    assert run(tmp_path)["published"] is True


def test_a_file_somebody_changed_breaks_the_promise(tmp_path: Path) -> None:
    run(tmp_path)
    file = tmp_path / "executor" / FILE
    file.write_text(file.read_text().replace("Read", "Believe"))
    broken = prompts.the_executor_reads_the_prompts_in_use(
        Warehouse(lake=str(tmp_path / "lake")), HandoverFolder(folder=str(tmp_path / "executor"))
    )
    assert not broken.passed


def test_the_book_opens_mlflow_s_registry_in_its_folder(tmp_path: Path) -> None:
    assert PromptBook(folder=str(tmp_path)).open().folder == tmp_path
