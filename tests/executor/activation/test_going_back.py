"""Back to the model before: by a person in one call, or by itself when a model is worse than it may be."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from domain.problems import ActivationConflict, BadInput, JournalUnavailable, UnknownModel
from domain.sequential import CHALLENGER, CHAMPION
from executor.activation import FAILED, REJECTED, REVERTED, Activation, GuardrailSettings, ModelGuardrails, Stage, Wish, operations
from tests.executor.activation.shelves import NAME, activate, again, breaks, decide, in_force


def test_a_rollback_withdraws_the_challenger_first_and_then_the_champion(activation: Activation) -> None:
    first = activate(activation, 1)
    second = activate(activation, 2, share_percent=10)
    activation.rollback("it looks wrong")
    assert (activation.deployment.champion.version, activation.deployment.challenger) == ("1", None)
    assert (second.stage, second.reason) == (Stage.ROLLED_BACK, "it looks wrong")
    assert first.stage is Stage.DONE
    assert activation.rollback("still wrong").champion.version == "v1"
    with pytest.raises(ActivationConflict, match="nothing to roll back to"):
        activation.rollback("again")


def test_a_rollback_does_not_wait_for_a_drain_and_the_activation_stays_rolled_back(activation: Activation) -> None:
    async def drain() -> None:
        operation, _ = activation.ask(Wish.of(NAME, 1))
        with activation.deciding():
            carrying = asyncio.create_task(activation.carry_out(operation))
            while operation.stage is not Stage.DRAINING:
                await asyncio.sleep(0.001)
            assert activation.rollback("at once").champion.version == "v1"
        assert (await carrying).stage is Stage.ROLLED_BACK

    asyncio.run(drain())
    assert activation.log.last(("model_drained",)) is None


def test_the_oldest_operations_are_forgotten_with_their_keys(activation: Activation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "REMEMBERED", 2)
    first, _ = activation.ask(Wish.of(NAME, 1), key="k")
    asyncio.run(activation.carry_out(first))
    for version in (2, 3):
        activate(activation, version)
    with pytest.raises(UnknownModel):
        activation.operations.get(first.operation_id)
    assert activation.ask(Wish.of(NAME, 1), key="k")[1], "a key that was forgotten is a new one"


def test_a_rolled_back_model_can_be_activated_again(activation: Activation) -> None:
    activate(activation, 1)
    activation.rollback("by mistake")
    assert activate(activation, 1).stage is Stage.DONE
    assert activation.deployment.generation == 4


def test_activating_what_a_rollback_brought_back_changes_nothing(activation: Activation) -> None:
    activate(activation, 1)
    activate(activation, 2)
    activation.rollback("it looks wrong")
    operation, is_new = activation.ask(Wish.of(NAME, 1))
    assert not is_new and (operation.operation_id, operation.stage) == ("rollback-4", Stage.DONE)


def test_a_rollback_works_while_the_disk_is_full_and_is_written_down_before_anything_else(
    activation: Activation, monkeypatch: pytest.MonkeyPatch
) -> None:
    activate(activation, 1)
    with monkeypatch.context() as patched:
        patched.setattr(activation.log, "append", _full)
        activation.rollback("it looks wrong")
        assert activation.deployment.champion.version == "v1"
    (entry,) = decide(activation, "a")
    assert (entry.facts["generation"], entry.facts["action"]) == (3, "now")
    assert in_force(again(activation))["generation"] == 3


def test_a_model_that_fails_at_every_order_steps_back_by_itself_and_stops_no_order(activation: Activation) -> None:
    activate(activation, 1)
    breaks(activation, "champion")
    entries = [decide(activation, str(number))[0] for number in range(40)]
    assert {entry.facts["action"] for entry in entries} == {"now"}, "the rule answers"
    failed = [entry for entry in entries if entry.facts["failure"]]
    assert 10 < len(failed) < 40 and "out of memory" in failed[0].facts["failure"]
    now = activation.document()
    assert (now["champion"]["version"], now["source"], now["generation"]) == ("v1", "guardrail", 3)
    rolled_back = activation.log.last(("model_rolled_back",))
    assert rolled_back is not None and "Orders failed more often" in rolled_back.entry.facts["reason"]
    page = activation.telemetry.text().decode()
    assert 'grekko_alerts_total{name="model_guardrail"} 1.0' in page
    assert 'grekko_model_rollbacks_total{source="guardrail"} 1.0' in page


@pytest.mark.parametrize("answer", [float("nan"), float("inf")])
def test_an_answer_that_is_no_number_is_a_failure(activation: Activation, answer: float) -> None:
    breaks(activation, "champion", answer)
    (entry,) = decide(activation, "a")
    assert (entry.facts["action"], entry.facts["savings_bps"]) == ("now", {"now": 0.0})
    assert "answers [0.0, " in entry.facts["failure"]


def test_a_shadow_that_fails_is_withdrawn_and_disturbs_nobody(activation: Activation) -> None:
    activate(activation, 1, shadow=True)
    breaks(activation, "challenger")
    entries = [decide(activation, str(number))[0] for number in range(60)]
    assert all(entry.facts["failure"] is None for entry in entries)
    assert activation.deployment.challenger is None


def test_with_nothing_to_go_back_to_a_failing_model_is_told(activation: Activation) -> None:
    breaks(activation, "champion")
    for number in range(40):
        decide(activation, str(number))
    assert activation.deployment.generation == 1
    assert any("nothing to roll back to" in note for note in activation.document()["notes"])


@pytest.mark.parametrize("measure", [REJECTED, REVERTED])
def test_a_challenger_whose_orders_fare_worse_is_withdrawn(activation: Activation, measure: str) -> None:
    activate(activation, 1, share_percent=50)
    for _ in range(60):
        activation.observed(measure, 2, CHAMPION, 0.0)
        activation.observed(measure, 2, CHALLENGER, 1.0)
    assert activation.deployment.challenger is None and activation.deployment.generation == 3


def test_orders_that_fare_alike_withdraw_nobody(activation: Activation) -> None:
    activate(activation, 1, share_percent=50)
    for number in range(300):
        for arm in (CHAMPION, CHALLENGER):
            activation.observed(REJECTED, 2, arm, float(number % 3 == 0))
    assert activation.deployment.generation == 2
    assert activation.document()["guardrails"]["rejected"] < 100


def test_what_an_order_of_another_generation_tells_is_not_held_against_this_one(activation: Activation) -> None:
    activate(activation, 1, share_percent=50)
    for _ in range(100):
        activation.observed(FAILED, 1, CHALLENGER, 1.0)
        activation.observed(FAILED, 1, CHAMPION, 0.0)
    assert activation.deployment.generation == 2


def test_a_measure_without_a_margin_is_refused() -> None:
    with pytest.raises(BadInput, match="no guardrail 'failed'"):
        ModelGuardrails().add(FAILED, 1, CHAMPION, 1.0)


def test_an_answer_that_comes_too_late_counts_as_failed(folder: Path, hashes: dict[int, str]) -> None:
    activation = Activation(folder, guardrails=GuardrailSettings(latency_seconds=0.0))
    activation.refresh()
    activate(activation, 1)
    entries = [decide(activation, str(number))[0] for number in range(40)]
    assert entries[0].facts["action"] == "split", "late is not wrong"
    assert activation.deployment.champion.version == "v1"


def _full(entries: Any) -> None:
    raise JournalUnavailable("The disk is full.")
