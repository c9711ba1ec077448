"""Verification of a bundle: every way it can be wrong is refused by name, and nothing half-checked is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from domain.bundles import ACTIONS, canonical, sha256
from domain.features import NAMES
from domain.problems import BundleRejected
from executor.bundle import load_bundle
from models.policies import execute_now
from tests.executor.trading_floor import champion


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return champion(tmp_path).folder


def rewritten(bundle: Path, change: Callable[[dict[str, Any]], object], model: bytes | None = None) -> tuple[Path, str]:
    """The bundle with a changed manifest whose hash is right again: only the content is wrong."""
    manifest = json.loads((bundle / "manifest.json").read_bytes())
    if model is not None:
        (bundle / "model.onnx").write_bytes(model)
        manifest["files"]["model.onnx"]["sha256"] = sha256(model)
    change(manifest)
    content = canonical(manifest)
    (bundle / "manifest.json").write_bytes(content)
    return bundle, sha256(content)


def refused(folder: Path, digest: str) -> str:
    with pytest.raises(BundleRejected) as problem:
        load_bundle(folder, digest)
    assert problem.value.message.startswith("Bundle ")
    return problem.value.facts["check"]


def test_a_whole_bundle_answers_like_its_maker(bundle: Path) -> None:
    loaded = load_bundle(bundle, bundle.name)
    assert loaded.policy == "execute_now"
    assert loaded.savings([0.0] * len(NAMES)) == {"now": 0.0, "split": -1.0, "wait": -1.0}


def test_a_manifest_changed_in_one_byte_is_refused(bundle: Path) -> None:
    manifest = bundle / "manifest.json"
    manifest.write_bytes(manifest.read_bytes().replace(b'"seed":0', b'"seed":1'))
    assert refused(bundle, bundle.name) == "manifest_hash"


def test_a_model_changed_in_one_byte_is_refused(bundle: Path) -> None:
    model = bytearray((bundle / "model.onnx").read_bytes())
    model[-1] ^= 1
    (bundle / "model.onnx").write_bytes(model)
    assert refused(bundle, bundle.name) == "model_hash"


@pytest.mark.parametrize("file", ["manifest.json", "model.onnx"])
def test_a_missing_file_is_refused(bundle: Path, file: str) -> None:
    (bundle / file).unlink()
    assert refused(bundle, bundle.name) == "missing_file"


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (lambda told: told.update(format="grekko-bundle/9"), "format"),
        (lambda told: told.pop("golden"), "manifest"),
        (lambda told: told.update(wait_seconds="soon"), "manifest"),
        (lambda told: told["features"].reverse(), "feature_schema"),
        (lambda told: told["features"].pop(), "feature_schema"),
        (lambda told: told.update(features=None), "feature_schema"),
        (lambda told: told["features"][1].update(unit="percent"), "feature_schema"),
        (lambda told: told["actions"].append({"name": "pray"}), "actions"),
        (lambda told: told["actions"].reverse(), "actions"),
        (lambda told: told.update(actions=[]), "actions"),
        (lambda told: told["golden"]["outputs"][0].__setitem__(1, 0.5), "golden_rows"),
        (lambda told: told["golden"]["outputs"].pop(), "golden_rows"),
        (lambda told: told["golden"].update(inputs=[], outputs=[]), "golden_rows"),
        (lambda told: told["golden"]["inputs"][0].pop(), "golden_rows"),
        (lambda told: told["golden"]["outputs"][0].pop(), "golden_rows"),
    ],
)
def test_a_bundle_that_means_something_else_is_refused_by_name(
    bundle: Path, change: Callable[[dict[str, Any]], object], check: str
) -> None:
    assert refused(*rewritten(bundle, change)) == check


def test_a_manifest_that_is_no_json_is_refused(bundle: Path) -> None:
    (bundle / "manifest.json").write_bytes(b"{")
    assert refused(bundle, sha256(b"{")) == "manifest"


def test_what_is_no_onnx_graph_is_refused(bundle: Path) -> None:
    assert refused(*rewritten(bundle, lambda told: None, model=b"a pickle, perhaps")) == "model"


def test_a_graph_of_other_inputs_is_refused(bundle: Path) -> None:
    import onnx

    graph = onnx.load_from_string(execute_now.export())
    graph.graph.input[0].name = graph.graph.node[0].input[0] = "something_else"
    assert refused(*rewritten(bundle, lambda told: None, model=graph.SerializeToString())) == "model"


def test_a_model_that_answers_nonsense_is_refused(bundle: Path) -> None:
    import onnx
    from onnx import numpy_helper

    graph = onnx.load_from_string(execute_now.export())
    nonsense = np.full((1, len(ACTIONS)), np.nan, dtype=np.float32)
    graph.graph.initializer[1].CopyFrom(numpy_helper.from_array(nonsense, "savings"))
    assert refused(*rewritten(bundle, lambda told: None, model=graph.SerializeToString())) == "golden_rows"
