"""For any interleaving of activations, rollbacks, hand-overs, kills and decisions, the log says what was decided by whom, and is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.problems import Problem
from domain.sequential import CHALLENGER
from executor.activation import Activation, placed
from executor.decision_log import FILE, read_decisions
from executor.journal.sealing import faults
from tests.executor.activation.shelves import activate, again, decide, fill, opened
from tests.executor.trading_floor import always, champion, hand_over

STEPS = st.one_of(
    st.tuples(st.just("activate"), st.sampled_from([1, 2, 3]), st.sampled_from([100, 50, 5, 0])),
    st.tuples(st.just("decide"), st.integers(0, 30), st.integers(1, 8)),
    st.tuples(st.sampled_from(["rollback", "kill"]), st.just(0), st.just(0)),
    st.tuples(st.just("hand over"), st.sampled_from([0, 1]), st.just(0)),
)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles that are made once."""
    return tmp_path_factory.mktemp("bundles")


@given(steps=st.lists(STEPS, max_size=12))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
def test_for_any_interleaving_the_record_is_what_a_stranger_computes(
    steps: list[tuple[str, int, int]], template: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("executor")
    handed = [champion(template), always("wait", template)]
    hand_over(folder, handed[0])
    fill(folder, template)
    activation, told = opened(folder), {}
    for step, one, other in steps:
        activation = _done(activation, step, one, other, told, handed, folder)
    _judge(folder, told)
    activation.log.close()


def _done(activation: Activation, step: str, one: int, other: int, told: dict, handed: list, folder: Path) -> Activation:
    before = activation.deployment.generation
    try:
        match step:
            case "activate":
                activate(activation, one, share_percent=other or 100, shadow=other == 0)
            case "rollback":
                activation.rollback("a test")
            case "kill":
                activation = again(activation)
                assert activation.deployment.generation == before
            case "hand over":
                hand_over(folder, handed[one], f"v{one}")
                activation.refresh()
            case "decide":
                for entry in decide(activation, *(str(number) for number in range(one, one + other))):
                    assert told.setdefault(entry.order_id, entry) == entry, "decided once, and the same ever after"
    except Problem:
        assert activation.deployment.generation == before, "what was refused changed nothing"
    return activation


def _judge(folder: Path, told: dict) -> None:
    rows = list(read_decisions(folder / FILE))
    assert not list(faults(rows))
    in_force, newest, drained, found = {}, 0, 0, {}
    for row in rows:
        entry = row.entry
        facts = entry.facts
        if entry.kind in ("model_activated", "model_rolled_back"):
            newest += 1
            assert facts["generation"] == newest
            in_force[newest] = facts
        elif entry.kind == "model_drained":
            drained = facts["generation"]
        elif entry.order_id is not None:
            deployment = in_force[facts["generation"]]
            assert facts["generation"] >= drained and entry.order_id not in found
            place = placed(entry.order_id, deployment["salt"], deployment["share_bp"])
            arms = (deployment["champion"], deployment["challenger"])
            mine, other = arms[::-1] if place.arm == CHALLENGER else arms
            assert (facts["bucket"], facts["arm"]) == place
            assert (facts["model_version"], facts["bundle_sha256"]) == (mine["version"], mine["bundle_sha256"])
            assert (facts["shadow"] or {}).get("bundle_sha256") == (other or {}).get("bundle_sha256")
            found[entry.order_id] = entry
    assert found == told
