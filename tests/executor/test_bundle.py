"""Verification of a bundle: every way it can be wrong is refused by name, and nothing half-checked is loaded."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import executor.bundle
from domain.bundles import ACTIONS, INPUT, canonical, sha256
from domain.features import NAMES
from domain.kinds import EXECUTION, KINDS, MISS
from domain.problems import BadInput, BundleRejected
from executor.bundle import load_bundle
from models.bundle import write_bundle
from models.graphs import graph_of
from models.policies import execute_now
from tests.executor.trading_floor import ORIGIN, champion


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
        (lambda told: told["golden"].update(inputs={"0": []}), "golden_rows"),
        (lambda told: told.pop("kind"), "manifest"),
        (lambda told: told.update(kind="oracle"), "kind"),
        (lambda told: told.update(kind=["execution"]), "kind"),
        (lambda told: told.update(kind="miss"), "feature_schema"),
        (lambda told: told["outputs"][0].update(unit="percent"), "output_schema"),
        (lambda told: told.update(outputs=None), "output_schema"),
        (lambda told: [told["golden"][side].extend(told["golden"][side] * 300) for side in ("inputs", "outputs")], "oversized"),
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


@pytest.mark.parametrize("model", [b"a pickle, perhaps", b"\x08\x08"])
def test_what_is_no_onnx_graph_is_refused(bundle: Path, model: bytes) -> None:
    assert refused(*rewritten(bundle, lambda told: None, model=model)) == "model"


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


@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_for_any_bit_flipped_in_either_file_the_bundle_is_refused(bundle: Path, data: st.DataObject) -> None:
    file = bundle / data.draw(st.sampled_from(["manifest.json", "model.onnx"]))
    whole = file.read_bytes()
    flipped = bytearray(whole)
    flipped[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        file.write_bytes(flipped)
        assert refused(bundle, bundle.name) in ("manifest_hash", "model_hash")
    finally:
        file.write_bytes(whole)


@given(st.data())
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_for_any_length_a_bundle_cut_off_there_is_refused(bundle: Path, data: st.DataObject) -> None:
    file = bundle / data.draw(st.sampled_from(["manifest.json", "model.onnx"]))
    whole = file.read_bytes()
    try:
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
        assert refused(bundle, bundle.name) in ("manifest_hash", "model_hash")
    finally:
        file.write_bytes(whole)


@pytest.mark.parametrize("limit", ["LARGEST_MANIFEST_BYTES", "LARGEST_MODEL_BYTES"])
def test_a_file_larger_than_any_policy_is_not_read_to_its_end(bundle: Path, limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor.bundle, limit, 100)
    assert refused(bundle, bundle.name) == "oversized"


def test_a_manifest_with_a_number_that_is_none_is_refused(bundle: Path) -> None:
    content = (bundle / "manifest.json").read_bytes().replace(b'"wait_seconds":60', b'"wait_seconds":NaN')
    (bundle / "manifest.json").write_bytes(content)
    assert refused(bundle, sha256(content)) == "manifest"


def test_weights_that_lie_in_another_file_are_never_fetched(bundle: Path) -> None:
    import onnx
    from onnx import TensorProto

    graph = onnx.load_from_string(execute_now.export())
    weights = graph.graph.initializer[0]
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    weights.external_data.add(key="location", value="/etc/hostname")
    assert refused(*rewritten(bundle, lambda told: None, model=graph.SerializeToString())) == "graph"


def test_an_operator_of_an_unknown_vendor_is_refused(bundle: Path) -> None:
    import onnx

    graph = onnx.load_from_string(execute_now.export())
    graph.graph.node[0].domain = "com.somebody"
    assert refused(*rewritten(bundle, lambda told: None, model=graph.SerializeToString())) == "graph"


def test_a_feature_that_is_not_a_number_is_refused_by_name_before_the_model_sees_it(bundle: Path) -> None:
    loaded = load_bundle(bundle, bundle.name)
    for wrong in (float("nan"), float("inf"), -float("inf")):
        row = [0.0] * len(NAMES)
        row[3] = wrong
        for ask in (loaded.savings, loaded.answers, lambda features: loaded.answer([[0.0] * len(NAMES), features])):
            with pytest.raises(BadInput) as problem:
                ask(row)
            assert problem.value.facts["field"] == NAMES[3]


def test_too_few_features_are_refused_with_the_names_of_all(bundle: Path) -> None:
    with pytest.raises(BadInput, match="log_value"):
        load_bundle(bundle, bundle.name).savings([1.0])


def tampered_savings(expression: str) -> bytes:
    """A graph that answers like the rule at the golden rows, and otherwise far from them."""
    from onnx import helper

    operator, far = {"log": ("Log", -2.0), "exp": ("Exp", 1.0)}[expression]
    weights = np.zeros((len(NAMES), len(ACTIONS)), dtype=np.float32)
    weights[0, 1] = far
    ones, savings = np.ones((1, len(ACTIONS)), np.float32), np.array([[0.0, -1.0, -1.0]], np.float32)
    base = np.zeros((1, len(ACTIONS)), np.float32) if operator == "Exp" else ones
    less = ones if operator == "Exp" else np.zeros((1, len(ACTIONS)), np.float32)
    nodes = [
        helper.make_node("Gemm", [INPUT, "weights", "base"], ["line"]),
        helper.make_node(operator, ["line"], ["curve"]),
        helper.make_node("Sub", ["curve", "less"], ["level"]),
        helper.make_node("Add", ["level", "savings"], [EXECUTION.tensor]),
    ]
    return graph_of(EXECUTION, "tampered", nodes, {"weights": weights, "base": base, "less": less, "savings": savings})


@pytest.mark.parametrize("expression", ["log", "exp"])
def test_a_model_that_is_no_number_away_from_its_golden_rows_is_refused(bundle: Path, expression: str) -> None:
    assert refused(*rewritten(bundle, lambda told: None, model=tampered_savings(expression))) == "finite_answers"


def test_an_answer_that_is_no_number_on_the_day_is_refused_by_name(bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = load_bundle(bundle, bundle.name)
    monkeypatch.setattr(loaded.one_row, "ask", lambda features: [0.0, float("nan"), 0.0])
    with pytest.raises(BundleRejected, match="roll back") as problem:
        loaded.savings([0.0] * len(NAMES))
    assert problem.value.facts["check"] == "finite_answers"


def probability(under: Path, level: float) -> Path:
    """A bundle of the kind `miss` that always answers so."""
    from onnx import helper

    weights = np.zeros((len(MISS.features), 1), np.float32)
    nodes = [helper.make_node("Gemm", [INPUT, "weights", "level"], [MISS.tensor])]
    graph = graph_of(MISS, "level", nodes, {"weights": weights, "level": np.array([level], np.float32)})
    rows = np.zeros((3, len(MISS.features)), np.float32)
    return write_bundle(under, graph, rows, np.full((3, 1), np.float64(np.float32(level))), 0, ORIGIN, MISS).folder


def test_a_bundle_of_another_kind_answers_by_its_own_names(tmp_path: Path) -> None:
    folder = probability(tmp_path, 0.25)
    loaded = load_bundle(folder, folder.name)
    assert loaded.kind is KINDS["miss"] and loaded.actions == ()
    assert loaded.answers([0.0] * len(MISS.features)) == {"miss_probability": 0.25}


def test_a_probability_above_one_is_refused(tmp_path: Path) -> None:
    folder = probability(tmp_path, 1.25)
    assert refused(folder, folder.name) == "finite_answers"


def test_actions_of_a_bundle_that_chooses_nothing_are_refused(tmp_path: Path) -> None:
    folder = probability(tmp_path, 0.25)
    assert refused(*rewritten(folder, lambda told: told["actions"].append({"name": "now"}))) == "actions"


def test_two_threads_never_get_each_other_s_answer(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    from models.policies import quote_bandit
    from models.training import matrix
    from tests.models.order_book import orders

    frame = orders(days=2)
    model = quote_bandit.fit(frame, 1)
    rows = matrix(frame)
    made = write_bundle(tmp_path, model.export(), rows, model.answers(rows), 60, ORIGIN)
    loaded = load_bundle(made.folder, made.sha256)
    told = loaded.answer(rows.tolist())
    with ThreadPoolExecutor(4) as threads:
        one_by_one = list(threads.map(lambda row: list(loaded.savings(row).values()), rows.tolist()))
    assert one_by_one == told
