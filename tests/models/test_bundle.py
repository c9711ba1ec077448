"""Bundles: written whole, named by their content, and never with a graph that answers otherwise than the policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from domain.bundles import ACTIONS, GOLDEN_ROWS
from domain.features import NAMES
from domain.problems import Broken
from executor.bundle import load_bundle
from models.bundle import Origin, code_sha256, read_bundle, write_bundle
from models.policies import execute_now
from models.training import matrix, train
from tests.models.order_book import orders

ORIGIN = Origin("quote_offset", 5, "2026-01-05", "2026-01-09", 450, "d" * 64, "p" * 64)


@pytest.fixture(scope="module")
def taught():
    trained = train(orders(days=3), timedelta(seconds=60), seed=5)
    assert trained is not None
    rows = matrix(orders(days=3))
    return trained.model.export(), rows, trained.model.savings(rows)


def test_training_twice_gives_the_same_bundle(taught, tmp_path: Path) -> None:
    first = write_bundle(tmp_path / "one", *taught, 60, ORIGIN)
    again = train(orders(days=3), timedelta(seconds=60), seed=5)
    assert again is not None
    second = write_bundle(tmp_path / "two", again.model.export(), taught[1], again.model.savings(taught[1]), 60, ORIGIN)
    assert first.sha256 == second.sha256 == first.folder.name


def test_the_manifest_says_what_it_is_and_where_it_comes_from(taught, tmp_path: Path) -> None:
    manifest = write_bundle(tmp_path, *taught, 60, ORIGIN).manifest
    assert [action["name"] for action in manifest["actions"]] == list(ACTIONS)
    assert [feature["name"] for feature in manifest["features"]] == list(NAMES)
    assert len(manifest["golden"]["inputs"]) == len(manifest["golden"]["outputs"]) == GOLDEN_ROWS
    assert manifest["training"] == {
        "seed": 5, "first_order": "2026-01-05", "last_order": "2026-01-09", "orders": 450, "data_sha256": "d" * 64,
    }  # fmt: skip
    assert manifest["policy_sha256"] == "p" * 64
    assert manifest["code_sha256"] == code_sha256()


def test_other_lessons_or_another_rule_are_another_bundle(taught, tmp_path: Path) -> None:
    first = write_bundle(tmp_path, *taught, 60, ORIGIN)
    assert write_bundle(tmp_path, *taught, 60, replace(ORIGIN, data_sha256="e" * 64)).sha256 != first.sha256
    assert write_bundle(tmp_path, *taught, 61, ORIGIN).sha256 != first.sha256


def test_writing_it_again_leaves_what_is_there(taught, tmp_path: Path) -> None:
    first = write_bundle(tmp_path, *taught, 60, ORIGIN)
    stamp = (first.folder / "model.onnx").stat().st_mtime_ns
    again = write_bundle(tmp_path, *taught, 60, ORIGIN)
    assert (again.folder / "model.onnx").stat().st_mtime_ns == stamp
    assert read_bundle(first.folder).manifest == first.manifest
    assert [entry.name for entry in tmp_path.iterdir()] == [first.sha256]


def test_a_slower_writer_of_the_same_bundle_gives_way(taught, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = write_bundle(tmp_path, *taught, 60, ORIGIN)
    # It looked before the faster one had finished.
    looked = Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda self: self != first.folder and looked(self))
    second = write_bundle(tmp_path, *taught, 60, ORIGIN)
    monkeypatch.undo()
    assert second.sha256 == first.sha256
    assert [entry.name for entry in tmp_path.iterdir()] == [first.sha256]


def test_a_graph_that_answers_otherwise_is_never_written(taught, tmp_path: Path) -> None:
    onnx, rows, answers = taught
    with pytest.raises(Broken, match="differs from the policy"):
        write_bundle(tmp_path, onnx, rows, answers + 0.5, 60, ORIGIN)
    assert not list(tmp_path.iterdir())


def test_the_executor_takes_what_was_written(taught, tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path, *taught, 60, ORIGIN)
    loaded = load_bundle(bundle.folder, bundle.sha256)
    assert loaded.wait == timedelta(seconds=60)
    assert loaded.savings(taught[1][0])["now"] == 0.0


def test_a_rule_without_lessons_has_no_golden_rows_and_the_executor_will_ask_for_some(tmp_path: Path) -> None:
    nothing = np.zeros((0, len(NAMES)))
    bundle = write_bundle(tmp_path, execute_now.export(), nothing, np.zeros((0, len(ACTIONS))), 60, ORIGIN)
    assert bundle.manifest["golden"]["inputs"] == []
