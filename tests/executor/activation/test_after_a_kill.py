"""After kill -9 the same models are in force again; what vanished meanwhile is replaced, and that is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from executor.activation import Activation, Stage, Wish
from executor.service import ExecutorService
from tests.executor.activation.shelves import NAME, activate, again, decide, in_force
from tests.executor.trading_floor import always, hand_over


def test_the_same_models_shares_and_salt_are_in_force_again(activation: Activation) -> None:
    activate(activation, 1)
    activate(activation, 2, share_percent=12.5)
    before, places = in_force(activation), [activation.deployment.place_of(str(n)) for n in range(50)]
    after = again(activation)
    assert in_force(after) == before
    assert [after.deployment.place_of(str(n)) for n in range(50)] == places
    assert after.document()["notes"] == []
    after.rollback("and a rollback needs no loading")
    assert after.deployment.champion.version == "1"


def test_a_decision_is_the_same_after_a_kill_whatever_model_is_in_force(activation: Activation) -> None:
    before = decide(activation, "a", "b")
    activate(activation, 1)
    after = again(activation)
    assert decide(after, "a", "b") == before
    assert decide(after, "c")[0].facts["generation"] == 2


def test_operations_and_keys_are_known_again(activation: Activation) -> None:
    done = activate(activation, 1)
    failed, _ = activation.ask(Wish.of(NAME, 2), key="k")
    after = again(activation)
    assert after.operations.get(done.operation_id).stage is Stage.DONE
    left = after.operations.get(failed.operation_id)
    assert (left.stage, left.check) == (Stage.FAILED, "restart")
    assert after.ask(Wish.of(NAME, 2), key="k") == (left, False)
    assert after.ask(Wish.of(NAME, 1)) == (after.operations.get(done.operation_id), False)
    assert activate(after, 2).stage is Stage.DONE
    after.rollback("no")
    third = again(after)
    assert third.operations.get(failed.operation_id).check == "restart"
    assert third.document()["source"] == "person"


def test_a_failed_activation_is_still_one_after_a_kill(activation: Activation, folder: Path, hashes: dict[int, str]) -> None:
    (folder / "bundle" / hashes[1] / "model.onnx").unlink()
    operation = activate(activation, 1)
    found = again(activation).operations.get(operation.operation_id)
    assert (found.stage, found.check, found.reason) == (Stage.FAILED, operation.check, operation.reason)


def test_a_champion_that_vanished_gives_way_to_the_handovers_model_and_health_says_so(
    activation: Activation, folder: Path, hashes: dict[int, str]
) -> None:
    activate(activation, 1)
    shutil.rmtree(folder / "bundle" / hashes[1])
    after = again(activation)
    now = after.document()
    assert (now["champion"]["version"], now["generation"], now["source"]) == ("v1", 3, "fallback")
    assert "execution 1 was in use before the restart and is gone" in ExecutorService(folder, activation=after).health()["notes"][0]
    assert in_force(again(after))["generation"] == 3, "and it stays so"


def test_a_challenger_that_vanished_leaves_the_champion_alone(activation: Activation, folder: Path, hashes: dict[int, str]) -> None:
    activate(activation, 1)
    activate(activation, 2, share_percent=10)
    shutil.rmtree(folder / "bundle" / hashes[2])
    now = again(activation).deployment
    assert (now.champion.version, now.challenger, now.generation) == ("1", None, 4)


def test_a_handover_made_while_it_was_down_comes_into_force(activation: Activation, folder: Path, tmp_path: Path) -> None:
    activate(activation, 1)
    hand_over(folder, always("wait", tmp_path / "bundles"), "v2")
    now = again(activation).deployment
    assert (now.champion.version, now.previous and now.previous.version, now.generation) == ("v2", "1", 3)


def test_without_a_handover_nothing_is_in_force_and_nothing_is_forgotten(activation: Activation, folder: Path) -> None:
    activate(activation, 1)
    before = in_force(activation)
    active = (folder / "active.json").read_bytes()
    (folder / "active.json").unlink()
    after = again(activation)
    with pytest.raises(Exception, match="does not exist"):
        after.document()
    (folder / "active.json").write_bytes(active)
    assert after.refresh()
    assert in_force(after) == before
