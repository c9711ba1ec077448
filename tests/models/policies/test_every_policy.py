"""What every policy in the folder promises, whoever wrote it: the same model twice, a graph that answers alike, a bundle that is taken."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from domain.bundles import TOLERANCE
from domain.problems import BadInput
from executor.bundle import load_bundle
from models.bundle import Origin, predict, write_bundle
from models.policy import every_policy, matrix_of
from tests.models.made_up import frame_for, rows_for

POLICIES = every_policy()
FOLDER = Path(__file__).resolve().parents[3] / "models" / "policies"

each_policy = pytest.mark.parametrize("name", POLICIES)


def test_each_file_of_the_folder_is_a_policy() -> None:
    assert sorted(POLICIES) == sorted(file.stem for file in FOLDER.glob("*.py") if file.stem != "__init__")
    assert all(policy.description.endswith(".") for policy in POLICIES.values())


@each_policy
def test_the_same_rows_and_seed_give_the_same_bytes(name: str) -> None:
    policy = POLICIES[name]
    frame = frame_for(policy)
    policy.check(frame)
    assert policy.fit(frame, 5).export() == policy.fit(frame, 5).export()


@each_policy
def test_the_graph_answers_like_the_policy_on_rows_it_never_saw(name: str) -> None:
    policy = POLICIES[name]
    model = policy.fit(frame_for(policy), 5)
    rows = rows_for(policy, 2_000)
    told, asked = predict(model.export(), rows, policy.kind), model.answers(rows)
    assert told.shape == asked.shape == (len(rows), len(policy.kind.outputs))
    assert (np.abs(told - asked) / np.maximum(np.abs(asked), 1)).max() <= TOLERANCE


@each_policy
def test_the_executor_takes_its_bundle_and_answers_by_name(name: str, tmp_path: Path) -> None:
    policy = POLICIES[name]
    frame = frame_for(policy)
    model, rows = policy.fit(frame, 5), matrix_of(frame, policy.kind)
    origin = Origin(name, 5, "2026-01-05", "2026-01-08", frame.height, "d" * 64, "p" * 64)
    bundle = write_bundle(tmp_path, model.export(), rows, model.answers(rows), 60, origin, policy.kind)
    loaded = load_bundle(bundle.folder, bundle.sha256)
    assert loaded.kind is policy.kind
    assert list(loaded.answers(rows[0].tolist())) == [output.name for output in policy.kind.outputs]


@each_policy
def test_a_frame_that_lacks_a_column_or_a_number_is_refused_by_name(name: str) -> None:
    policy = POLICIES[name]
    frame, last = frame_for(policy, days=1), policy.columns[-1]
    with pytest.raises(BadInput) as problem:
        policy.check(frame.drop(last))
    assert problem.value.facts["field"] == last
    with pytest.raises(BadInput) as problem:
        policy.check(frame.with_columns(frame[last].cast(float).scatter(0, float("nan"))))
    assert problem.value.facts["field"] == last
