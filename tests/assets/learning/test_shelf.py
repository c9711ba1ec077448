"""Placing a model on the shelf: whole, once, and never as something else under the same version."""

from __future__ import annotations

from pathlib import Path

import pytest

from assets.learning import handover
from assets.learning.shelf import place
from domain.problems import BadInput
from domain.shelf import read_pointer
from executor.bundle import load_bundle
from tests.executor.trading_floor import always


def test_what_was_placed_can_be_loaded(tmp_path: Path) -> None:
    bundle = always("split", tmp_path / "bundles")
    pointer = place(tmp_path / "executor", "execution", 3, bundle.folder)
    file = tmp_path / "executor" / "models" / "execution" / "3.json"
    assert read_pointer(file.read_bytes(), "execution", "3") == pointer
    assert (pointer.bundle, pointer.policy) == (bundle.sha256, "execute_now")
    assert load_bundle(tmp_path / "executor" / "bundle" / pointer.bundle, pointer.bundle).savings([0.0] * len(_names()))["split"] == 5.0


def test_the_same_again_changes_nothing(tmp_path: Path) -> None:
    bundle = always("split", tmp_path / "bundles")
    place(tmp_path, "execution", 3, bundle.folder)
    files = {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()}
    place(tmp_path, "execution", 3, bundle.folder)
    assert {file: file.stat().st_mtime_ns for file in tmp_path.rglob("*") if file.is_file()} == files


def test_a_version_never_becomes_another_bundle(tmp_path: Path) -> None:
    place(tmp_path, "execution", 3, always("split", tmp_path / "bundles").folder)
    with pytest.raises(BadInput, match="give the new one a new version"):
        place(tmp_path, "execution", 3, always("wait", tmp_path / "bundles").folder)


def test_the_pointer_is_written_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[str] = []
    keep = handover.write_durably
    monkeypatch.setattr("assets.learning.shelf.write_durably", lambda file, content: (written.append(file.name), keep(file, content)))
    place(tmp_path, "execution", 3, always("split", tmp_path / "bundles").folder)
    assert written == ["manifest.json", "model.onnx", "3.json"]


@pytest.mark.parametrize(("name", "version"), [("../x", 1), ("x", "../1"), ("", 1), ("x", True)])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path, name: str, version: int | str) -> None:
    with pytest.raises(BadInput):
        place(tmp_path, name, version, always("split", tmp_path / "bundles").folder)


def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    for content in (None, b"rubbish", b"[]", b"{}"):
        if content is not None:
            (tmp_path / "manifest.json").write_bytes(content)
        with pytest.raises(BadInput, match="holds no bundle"):
            place(tmp_path / "executor", "execution", 3, tmp_path)


def _names() -> tuple[str, ...]:
    from domain.features import NAMES

    return NAMES
