"""Activation: newer hand-overs come into force, broken ones stay out, and the one before can come back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from domain.problems import ActivationConflict, Unavailable
from executor.activation import Activation
from tests.executor.trading_floor import always, hand_over


@pytest.fixture
def activation(folder: Path) -> Activation:
    active = Activation(folder)
    active.refresh()
    return active


def break_bundle(folder: Path) -> None:
    digest = json.loads((folder / "active.json").read_text())["bundle"]
    (folder / "bundle" / digest / "model.onnx").write_bytes(b"broken")


def test_before_anything_was_handed_over_decisions_are_refused_with_the_reason(tmp_path: Path) -> None:
    active = Activation(tmp_path)
    with pytest.raises(Unavailable, match="No hand-over was loaded yet"):
        _ = active.current
    assert not active.refresh()
    with pytest.raises(Unavailable, match="grekko demo"):
        _ = active.current
    assert active.refusals == 0


def test_a_newer_handover_comes_into_force_and_the_old_one_stays_resident(activation: Activation, folder: Path, tmp_path: Path) -> None:
    assert not activation.refresh()
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    assert activation.refresh()
    assert activation.current.version == "v2"
    assert activation.previous is not None and activation.previous.version == "v1"


def test_a_decision_in_flight_keeps_the_snapshot_it_began_with(activation: Activation, folder: Path, tmp_path: Path) -> None:
    before = activation.current
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    activation.refresh()
    assert before.bundle.policy == "execute_now" and before.version == "v1"


def test_a_bundle_that_does_not_pass_changes_nothing_and_is_counted_once(activation: Activation, folder: Path, tmp_path: Path) -> None:
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    break_bundle(folder)
    assert not activation.refresh() and not activation.refresh()
    assert activation.current.version == "v1"
    assert activation.refusals == 1
    assert activation.last_refusal is not None and "not loaded" in activation.last_refusal.message


def test_a_handover_being_written_is_asked_for_again(activation: Activation, folder: Path, tmp_path: Path) -> None:
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    whole = (folder / "market.json").read_bytes()
    (folder / "market.json").write_bytes(b"{}")
    assert not activation.refresh()
    assert activation.refusals == 0
    (folder / "market.json").write_bytes(whole)
    assert activation.refresh()
    assert activation.last_refusal is None


def test_an_active_file_that_is_rubbish_is_counted_and_survived(activation: Activation, folder: Path) -> None:
    (folder / "active.json").write_text("rubbish")
    assert not activation.refresh()
    assert activation.refusals == 1
    assert activation.current.version == "v1"


def test_a_rollback_brings_the_previous_back_until_something_newer_comes(activation: Activation, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ActivationConflict, match="nothing to roll back to"):
        activation.rollback("it looks wrong")
    hand_over(folder, always("split", tmp_path / "bundles"), "v2")
    activation.refresh()
    assert activation.rollback("it looks wrong").champion.version == "v1"
    assert not activation.refresh()
    assert activation.deployment.champion.version == "v1"
    hand_over(folder, always("wait", tmp_path / "bundles"), "v3")
    assert activation.refresh()
    assert activation.deployment.champion.version == "v3"
