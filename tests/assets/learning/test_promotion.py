"""Promotion with a running executor: it is asked first, the alias follows, and whatever breaks between is mended by the next run.

The executor here is a stand-in that speaks the real one's HTTP (stand_in_executor.py). The verdicts are set by the tests: how they are
reached is tried in tests/models/experiments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from assets.learning import ab_evaluation, asking_again, challenger_model, champion_model, promoted_model, shadow_trials
from assets.learning.executor_door import TOKEN as TOKEN_SETTING
from assets.learning.executor_door import URL, ExecutorDoor
from assets.learning.handover import HandoverFolder
from assets.learning.registry import ModelRegistry
from assets.warehouse import Warehouse
from domain.problems import Unavailable
from domain.schemas import RATIO
from models.experiments.decision import decide
from models.experiments.policy import PromotionPolicy
from models.registry import CHAMPION, LocalRegistry, Version
from tests.assets.learning.stand_in_executor import TOKEN, StandInExecutor, serving
from tests.executor.trading_floor import always, champion

EMPTY = decide(shadow_trials.TABLE.empty(), PromotionPolicy.read())[0]
ENOUGH = {"blocks": 9, "lift": 0.2, "e_value": 1e6, "saving_bps": 2.0, "champion_cost_bps": 10.0}


@dataclass
class Desk:
    """A data home with a champion and a challenger, no pools, and an executor beside it."""

    root: Path
    models: LocalRegistry
    executor: StandInExecutor
    rule: Version
    learned: Version

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(lake=str(self.root / "lake"))

    @property
    def in_charge(self) -> Version | None:
        return self.models.at(CHAMPION)

    @property
    def row(self) -> dict[str, Any]:
        return self.warehouse.read(promoted_model.TABLE).row(0, named=True)

    def run(self) -> tuple[dg.ExecuteInProcessResult, dg.DagsterInstance]:
        instance = dg.DagsterInstance.ephemeral()
        done = dg.materialize(
            [promoted_model.promoted_model],
            resources={
                "warehouse": self.warehouse,
                "registry": ModelRegistry(folder=str(self.models.folder)),
                "handover": HandoverFolder(folder=str(self.root / "executor")),
                "executor_door": ExecutorDoor(attempts=2, pause_seconds=0),
            },
            instance=instance,
            raise_on_error=False,
        )
        return done, instance

    def told(self) -> dict[str, Any]:
        """The metadata of a run that succeeds."""
        done, _ = self.run()
        assert done.success
        [made] = done.asset_materializations_for_node("promoted_model")
        return {name: value.value for name, value in made.metadata.items()}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> LocalRegistry:
    made = LocalRegistry(tmp_path_factory.mktemp("mlflow"))
    for bundle in (champion(made.bundles), always("wait", made.bundles)):
        made.register(bundle, {}, {})
    return made


@pytest.fixture
def desk(tmp_path: Path, registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    rule, learned = registry.versions()
    registry.point(CHAMPION, rule)
    monkeypatch.setattr(asking_again, "pause_seconds", lambda tries: 0)
    with serving(StandInExecutor(folder=tmp_path / "executor")) as executor:
        monkeypatch.setenv(URL, executor.url)
        monkeypatch.setenv(TOKEN_SETTING, TOKEN)
        desk = Desk(tmp_path, registry, executor, rule, learned)
        _write(desk.warehouse, champion_model.TABLE, rule)
        _write(desk.warehouse, challenger_model.TABLE, learned)
        yield desk


def _write(warehouse: Warehouse, table: Any, version: Version) -> None:
    told = {"policy": version.policy, "version": version.version, "bundle_sha256": version.bundle_sha256}
    measured = {column.name: 0.0 for column in table.columns if column.dtype == RATIO}
    blank = measured | {"orders": 500, "seed": 1, "data_sha256": "0" * 64}
    noon = datetime(2026, 1, 5, 12, tzinfo=UTC)
    row = told | blank | {"first_order_at": noon, "last_order_at": noon}
    warehouse.replace(table, pl.DataFrame([{name: row.get(name, 0.0) for name in table.names}], schema=table.schema))


@pytest.fixture
def verdict(monkeypatch: pytest.MonkeyPatch) -> Any:
    def reached(name: str) -> None:
        decision = replace(EMPTY, verdict=name, reason=f"It is {name}.", **(ENOUGH if name == "PROMOTE" else {}))
        monkeypatch.setattr(ab_evaluation, "verdict_of", lambda warehouse: (decision, ab_evaluation.TABLE.empty()))

    return reached


def test_the_alias_moves_when_every_decision_is_made_with_the_new_model(desk: Desk, verdict: Any) -> None:
    verdict("PROMOTE")
    alias_when_asked = []
    answer = desk.executor.answer
    desk.executor.answer = lambda *asked: alias_when_asked.append(desk.in_charge.version) or answer(*asked)  # type: ignore[method-assign,union-attr]
    told = desk.told()
    assert set(alias_when_asked) == {desk.rule.version}
    assert desk.in_charge == desk.learned
    assert desk.executor.champion == {"name": "how_to_execute", "version": "2", "bundle_sha256": desk.learned.bundle_sha256}
    assert (told["operation_id"], told["operation_state"], told["seconds_until_all_decisions"]) == ("activation-1", "DONE", 1.0)
    assert told["alias_moved"] is True and len(told["evidence"]) < 1000
    assert {len(told[name]) for name in ("decision_sha256", "policy_sha256", "data_sha256", "code_sha256")} == {64}
    assert (desk.row["verdict"], desk.row["decision_sha256"]) == ("PROMOTE", told["decision_sha256"])


def test_the_same_decision_again_is_no_second_operation(desk: Desk, verdict: Any) -> None:
    verdict("PROMOTE")
    first, again = desk.told(), desk.told()
    assert len(desk.executor.operations) == 1
    assert (again["operation_id"], again["decision_sha256"]) == (first["operation_id"], first["decision_sha256"])
    assert again["alias_moved"] is False and again["changed"] is False


def test_an_executor_that_is_down_leaves_alias_and_table_as_they_were_until_it_is_back(desk: Desk, verdict: Any) -> None:
    verdict("PROMOTE")
    desk.executor.busy = 10**6
    done, instance = desk.run()
    assert not done.success
    retries = [event for event in done.all_events if event.is_step_up_for_retry]
    assert len(retries) == asking_again.TRIES
    assert "Unavailable" in str(done.failure_data_for_node("promoted_model"))
    assert asking_again.REFUSED not in instance.get_run_by_id(done.run_id).tags  # type: ignore[union-attr]
    assert desk.in_charge == desk.rule and not desk.warehouse.exists(promoted_model.TABLE)
    desk.executor.busy = 3  # back, and slow to start: the first try of the step still fails
    assert desk.told()["operation_state"] == "DONE"
    assert desk.in_charge == desk.learned


def test_a_registry_that_is_down_between_executor_and_alias_is_asked_again_and_nothing_is_done_twice(
    desk: Desk, verdict: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict("PROMOTE")
    point, down = LocalRegistry.point, [True]

    def failing_once(self: LocalRegistry, alias: str, version: Version) -> bool:
        if down:
            down.clear()
            raise Unavailable("MLflow does not answer")
        return point(self, alias, version)

    monkeypatch.setattr(LocalRegistry, "point", failing_once)
    assert desk.told()["alias_moved"] is True
    assert len(desk.executor.operations) == 1 and desk.in_charge == desk.learned


def test_a_registry_that_stays_down_leaves_the_executor_its_champion(desk: Desk, verdict: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def down(self: LocalRegistry) -> list[Version]:
        raise Unavailable("MLflow does not answer")

    verdict("PROMOTE")
    monkeypatch.setattr(LocalRegistry, "versions", down)
    done, _ = desk.run()
    assert not done.success
    assert len([event for event in done.all_events if event.is_step_up_for_retry]) == asking_again.TRIES
    assert desk.executor.asked == [] and desk.executor.champion["name"] == "handed"


def test_a_model_the_executor_rejects_is_not_promoted_and_not_asked_for_again(desk: Desk, verdict: Any) -> None:
    verdict("PROMOTE")
    desk.executor.fail_with = [("golden_rows", "row 3 answers otherwise")]
    done, instance = desk.run()
    assert not done.success
    assert [event for event in done.all_events if event.is_step_up_for_retry] == []
    assert instance.get_run_by_id(done.run_id).tags[asking_again.REFUSED] == "BundleRejected"  # type: ignore[union-attr]
    assert desk.in_charge == desk.rule and not desk.warehouse.exists(promoted_model.TABLE)


def test_a_model_the_executor_took_back_is_no_longer_in_charge(desk: Desk, verdict: Any) -> None:
    verdict("PROMOTE")
    desk.told()
    desk.executor._back("the revert rate is 3 % above the champion's")
    told = desk.told()
    assert (told["verdict"], told["operation_state"], told["alias_moved"]) == ("ROLLBACK", "ROLLED_BACK", True)
    assert desk.in_charge == desk.rule
    assert desk.row["bundle_sha256"] == desk.rule.bundle_sha256 and "3 % above" in desk.row["reason"]


def test_a_verdict_to_roll_back_takes_the_challenger_out(desk: Desk, verdict: Any) -> None:
    verdict("PROMOTE")
    desk.told()
    verdict("ROLLBACK")
    told = desk.told()
    assert told["operation_id"] == "rollback-9" and desk.executor.champion["name"] == "handed"
    assert desk.in_charge == desk.rule and desk.row["verdict"] == "ROLLBACK"


@pytest.mark.parametrize("name", ["HOLD", "FUTILE", "INVALID"])
def test_a_verdict_that_changes_nothing_asks_the_executor_nothing(desk: Desk, verdict: Any, name: str) -> None:
    verdict(name)
    assert desk.told()["executor"] == "connected, nothing to change"
    assert desk.executor.asked == []


def test_alias_and_executor_go_back_together_when_the_evidence_no_longer_stands(desk: Desk, verdict: Any) -> None:
    verdict("PROMOTE")
    desk.told()
    verdict("HOLD")
    assert desk.told()["operation_id"] == "activation-2"
    assert desk.executor.champion["bundle_sha256"] == desk.rule.bundle_sha256 and desk.in_charge == desk.rule


def test_the_pauses_double_up_to_a_minute() -> None:
    assert [asking_again.pause_seconds(tries) for tries in range(6)] == [4, 8, 16, 32, 60, 60]
