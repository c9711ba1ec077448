"""The sensors, tick by tick: a verdict is acted on once, a change of a prompt is recorded once, and a restart loses neither."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from assets.learning import asking_again
from assets.learning.handover import HandoverFolder
from assets.learning.prompts import PromptBook, sha256_of
from domain.problems import Refused, Unavailable
from models.prompts import InUse, Prompt
from models.published_prompts import published
from pipelines import sensors
from pipelines.sensors import DECISION, when_a_prompt_changes, when_evidence_crosses_the_line

A, B = "a" * 64, "b" * 64


class Daemon:
    """Ticks the sensor and runs what it asks for, as Dagster's own daemon does: the cursor is kept, and a run key is run once.

    The promotion is a small asset of the same name, which acts on the newest verdict or fails as it is told.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self.instance = instance
        self.cursor: str | None = None
        self.keys: set[str] = set()
        self.fails_with: list[Exception] = []
        self.acted: list[str] = []
        self.finds: str | None = None

        @dg.asset
        def promoted_model(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
            with asking_again.asking_again(context):
                if self.fails_with:
                    raise self.fails_with.pop(0)
            event = instance.get_latest_materialization_event(dg.AssetKey("ab_evaluation"))
            decision = self.finds or sensors._facts(event)["decision_sha256"]
            self.acted.append(decision)
            return dg.MaterializeResult(metadata={"decision_sha256": decision})

        graph = dg.Definitions(assets=[promoted_model], jobs=[dg.define_asset_job("promotion", selection=[promoted_model])])
        self.job = graph.resolve_job_def("promotion")

    def judged(self, verdict: str, decision: str) -> None:
        self.instance.report_runless_asset_event(
            dg.AssetMaterialization("ab_evaluation", metadata={"verdict": verdict, "decision_sha256": decision})
        )

    def look(self, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
        with dg.build_sensor_context(instance=self.instance, cursor=cursor or self.cursor) as context:
            return when_evidence_crosses_the_line(context)  # type: ignore[return-value]

    def tick(self, *, killed_before_the_cursor_is_kept: bool = False) -> str | None:
        """One tick; returns why nothing was run, None when something was."""
        told = self.look()
        if isinstance(told, dg.SkipReason):
            return told.skip_message
        [request] = told.run_requests or []
        assert request.run_key is not None
        if request.run_key in self.keys:
            return "that run key was run"
        self.keys.add(request.run_key)
        self.job.execute_in_process(instance=self.instance, tags=dict(request.tags), raise_on_error=False)
        if not killed_before_the_cursor_is_kept:
            self.cursor = told.cursor
        return None


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setattr(asking_again, "TRIES", 0)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance)


@pytest.mark.parametrize("verdict", ["HOLD", "FUTILE", "INVALID"])
def test_a_verdict_that_changes_nothing_starts_nothing(daemon: Daemon, verdict: str) -> None:
    assert "not there yet" in str(daemon.tick())
    daemon.judged(verdict, A)
    assert f"newest verdict is {verdict}" in str(daemon.tick())
    assert daemon.acted == []


@pytest.mark.parametrize("verdict", ["PROMOTE", "ROLLBACK"])
def test_a_verdict_is_acted_on_once_however_often_the_sensor_looks(daemon: Daemon, verdict: str) -> None:
    daemon.judged(verdict, A)
    assert daemon.tick() is None
    for _ in range(3):
        assert "was acted on" in str(daemon.tick())
    assert daemon.acted == [A] and daemon.cursor == A


def test_the_same_verdict_of_another_run_is_not_acted_on_again(daemon: Daemon) -> None:
    daemon.judged("PROMOTE", A)
    daemon.tick()
    daemon.judged("PROMOTE", A)
    assert "was acted on" in str(daemon.tick())


def test_the_next_decision_is_acted_on_too_and_an_old_one_that_comes_back_again(daemon: Daemon) -> None:
    for verdict, decision in (("PROMOTE", A), ("ROLLBACK", B), ("PROMOTE", A)):
        daemon.judged(verdict, decision)
        assert daemon.tick() is None
    assert daemon.acted == [A, B, A]


def test_a_verdict_reached_while_the_daemon_was_stopped_is_not_lost(daemon: Daemon) -> None:
    daemon.judged("PROMOTE", A)
    daemon.tick()
    daemon.judged("PROMOTE", B)
    daemon.cursor = None  # a new daemon, on a home whose cursor was lost
    assert daemon.tick() is None
    assert daemon.acted == [A, B]
    daemon.cursor = None
    assert "was acted on" in str(daemon.tick())


def test_a_daemon_that_is_killed_after_the_run_and_before_its_cursor_runs_nothing_twice(daemon: Daemon) -> None:
    daemon.judged("PROMOTE", A)
    daemon.tick(killed_before_the_cursor_is_kept=True)
    assert "was acted on" in str(daemon.tick())
    assert daemon.acted == [A]


def test_a_tick_evaluated_twice_asks_for_the_same_run(daemon: Daemon) -> None:
    daemon.judged("PROMOTE", A)
    first, second = daemon.look(), daemon.look()
    assert isinstance(first, dg.SensorResult) and isinstance(second, dg.SensorResult)
    assert first.run_requests == second.run_requests


def test_what_a_whole_rebuild_acted_on_itself_is_left_alone(daemon: Daemon) -> None:
    daemon.judged("PROMOTE", A)
    daemon.instance.report_runless_asset_event(dg.AssetMaterialization("promoted_model", metadata={"decision_sha256": A}))
    assert "was acted on" in str(daemon.tick())


def test_a_rebuild_that_is_still_going_is_left_to_act_itself(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    @dg.asset
    def ab_evaluation() -> dg.MaterializeResult:
        return dg.MaterializeResult(metadata={"verdict": "PROMOTE", "decision_sha256": A})

    @dg.asset(deps=[ab_evaluation])
    def afterwards() -> None:
        seen.append(daemon.look())

    dg.materialize([ab_evaluation, afterwards], instance=daemon.instance)
    assert "still going" in str(seen[0].skip_message)
    assert daemon.tick() is None


def test_an_executor_that_is_down_is_tried_again_after_a_pause_that_doubles(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = sensors.time.time
    ahead = 0.0
    monkeypatch.setattr(sensors.time, "time", lambda: clock() + ahead)
    daemon.fails_with = [Unavailable("it is down"), Unavailable("it is down")]
    daemon.judged("PROMOTE", A)
    assert daemon.tick() is None
    assert "1 runs failed; the next is asked for in" in str(daemon.tick())
    ahead = 61
    assert daemon.tick() is None
    assert "2 runs failed" in str(daemon.tick())
    ahead += 122
    assert daemon.tick() is None
    assert daemon.acted == [A] and len(daemon.keys) == 3
    assert "was acted on" in str(daemon.tick())


def test_what_the_executor_refused_is_left_to_a_person(daemon: Daemon) -> None:
    daemon.fails_with = [Refused("golden rows differ")]
    daemon.judged("PROMOTE", A)
    daemon.tick()
    assert "It was refused (Refused)" in str(daemon.tick())


def test_a_run_that_found_other_trials_than_the_verdict_is_not_asked_for_again_and_again(daemon: Daemon) -> None:
    daemon.finds = B
    daemon.judged("PROMOTE", A)
    assert daemon.tick() is None
    assert "looked at it since" in str(daemon.tick())


def test_a_run_that_is_not_over_is_not_asked_for_again(daemon: Daemon) -> None:
    daemon.judged("PROMOTE", A)
    daemon.instance.create_run_for_job(daemon.job, status=dg.DagsterRunStatus.STARTED, tags={DECISION: A})
    assert "A run is acting on it" in str(daemon.tick())


class Pages(PromptBook):
    """A prompt book whose registry is a list that the test changes, as a person would in MLflow's pages."""

    def open(self) -> Any:
        return IN_MLFLOW


class _Shown:
    now = InUse((), {})
    down = False

    def in_use(self, alias: str = "production") -> InUse:
        if self.down:
            raise Unavailable("MLflow does not answer")
        return self.now


IN_MLFLOW = _Shown()


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Any]:
    IN_MLFLOW.now, IN_MLFLOW.down = InUse((), {}), False
    cursor: list[str | None] = [None]
    with dg.DagsterInstance.ephemeral() as instance:

        def tick() -> Any:
            resources = {"prompt_book": Pages(folder=""), "handover": HandoverFolder(folder=str(tmp_path))}
            with dg.build_sensor_context(instance=instance, cursor=cursor[0], resources=resources) as context:
                told: Any = when_a_prompt_changes(context)
            if isinstance(told, dg.SensorResult):
                cursor[0] = told.cursor
                return told.run_requests[0].run_key  # type: ignore[index]
            return None

        tick.instance, tick.cursor = instance, cursor  # type: ignore[attr-defined]
        yield tick


def test_no_prompt_at_all_starts_nothing(pages: Any) -> None:
    assert pages() is None


def test_a_change_in_mlflow_is_published_in_the_tick_and_recorded_once(pages: Any, tmp_path: Path) -> None:
    IN_MLFLOW.now = InUse((Prompt("news", 1, "one"),), {})
    assert pages() is not None
    assert published(tmp_path)["news"]["version"] == 1
    assert pages() is None
    IN_MLFLOW.now = InUse((Prompt("news", 2, "two"),), {})
    second = pages()
    IN_MLFLOW.now = InUse((Prompt("news", 1, "one"),), {})
    back = pages()
    assert published(tmp_path)["news"]["version"] == 1
    assert len({None, second, back}) == 3, "going back is a change of its own, with a run of its own"
    assert pages() is None


def test_what_a_run_recorded_already_is_not_recorded_again(pages: Any) -> None:
    IN_MLFLOW.now = InUse((Prompt("news", 1, "one"),), {})
    told = {"news": {"version": 1, "alias": "production", "template": "one", "sha256": Prompt("news", 1, "one").sha256}}
    pages.instance.report_runless_asset_event(dg.AssetMaterialization("prompts", metadata={"prompts_sha256": sha256_of(told, ())}))
    assert pages() is None


def test_an_mlflow_that_is_down_leaves_what_is_published_and_is_asked_at_the_next_tick(pages: Any, tmp_path: Path) -> None:
    IN_MLFLOW.now = InUse((Prompt("news", 1, "one"),), {})
    pages()
    IN_MLFLOW.down = True
    assert pages() is None and published(tmp_path)["news"]["version"] == 1
    IN_MLFLOW.now, IN_MLFLOW.down = InUse((Prompt("news", 2, "two"),), {}), False
    assert pages() is not None and published(tmp_path)["news"]["version"] == 2


def test_a_prompt_that_may_not_be_used_is_recorded_too(pages: Any) -> None:
    IN_MLFLOW.now = InUse((), {"news": Refused("double braces")})
    assert pages() is not None
    assert json.loads(pages.cursor[0])["turn"] == 1


def test_the_sensors_are_on_and_run_what_they_say() -> None:
    from pipelines.definitions import defs

    by_name = {sensor.name: sensor for sensor in defs.sensors or []}
    assert {name: (sensor.job_name, sensor.minimum_interval_seconds) for name, sensor in by_name.items()} == {  # type: ignore[attr-defined]
        "when_evidence_crosses_the_line": ("promotion", 15),
        "when_a_prompt_changes": ("prompt_publication", 5),
    }
    graph = defs.resolve_job_def("promotion").asset_layer
    assert {key.to_user_string() for key in graph.selected_asset_keys} == {"promoted_model"}
