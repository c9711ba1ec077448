"""The learning tables from end to end, in a small world: what is promised on their pages holds, and a second run changes nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

import assets.learning
from assets.learning import (
    ab_evaluation,
    action_costs,
    aftermath,
    agent_credit,
    agent_decisions,
    agent_weights,
    challenger_model,
    champion_model,
    decisions,
    features,
    forecast_models,
    negotiations,
    promoted_model,
    prompts,
    rollout_stage,
    shadow_trials,
    training_set,
    trial,
)
from assets.learning.executor_door import TOKEN as TOKEN_SETTING
from assets.learning.executor_door import URL, ExecutorDoor
from assets.learning.handover import HandoverFolder, model_in
from assets.learning.prompts import PromptBook
from assets.learning.registry import ModelRegistry
from assets.partitions import Span, days
from assets.warehouse import Warehouse
from executor.handover import load_handover
from executor.service import ExecutorService
from models.off_policy import GateSettings
from models.registry import CHALLENGER, CHAMPION
from tests.assets.learning import small_world
from tests.assets.learning.stand_in_executor import TOKEN, StandInExecutor, serving

TABLES = (
    features.TABLE,
    action_costs.TABLE,
    aftermath.TABLE,
    forecast_models.TABLE,
    training_set.TABLE,
    champion_model.TABLE,
    challenger_model.TABLE,
    shadow_trials.TABLE,
    ab_evaluation.TABLE,
    promoted_model.TABLE,
    prompts.TABLE,
    rollout_stage.TABLE,
    negotiations.TABLE,
    agent_decisions.TABLE,
    agent_weights.TABLE,
    agent_credit.TABLE,
    decisions.TABLE,
)
DAYS = 14


@dataclass
class House:
    """A data home with the small world in it."""

    root: Path

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(lake=str(self.root / "lake"))

    @property
    def registry(self) -> ModelRegistry:
        return ModelRegistry(folder=str(self.root / "mlflow"))

    @property
    def handover(self) -> HandoverFolder:
        return HandoverFolder(folder=str(self.root / "executor"))

    def run(self, *names: str) -> dg.ExecuteInProcessResult:
        """Materialises the learning tables (or those named) for all days, checks included."""
        found = dg.load_assets_from_package_module(assets.learning)
        checks = dg.load_asset_checks_from_package_module(assets.learning)
        keys = days.get_partition_keys()
        return dg.materialize(
            [*found, *checks],
            selection=dg.AssetSelection.assets(*names) if names else None,
            resources={
                "warehouse": self.warehouse,
                "registry": self.registry,
                "handover": self.handover,
                "executor_door": ExecutorDoor(),
                "prompt_book": PromptBook(folder=self.registry.folder),
            },
            tags={"dagster/asset_partition_range_start": keys[0], "dagster/asset_partition_range_end": keys[-1]},
            instance=dg.DagsterInstance.ephemeral(),
        )

    def digests(self) -> dict[str, str]:
        return {table.name: self.warehouse.digest(table) for table in TABLES}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    place = House(tmp_path_factory.mktemp("home"))
    small_world.build(place.warehouse, DAYS)
    return place


@pytest.fixture(scope="module")
def result(house: House) -> dg.ExecuteInProcessResult:
    return house.run()


def test_every_promise_holds(result: dg.ExecuteInProcessResult) -> None:
    checks = result.get_asset_check_evaluations()
    assert [check.check_name for check in checks if not check.passed] == []
    # Of each table at least one; who adds a promise need not count.
    assert {check.asset_key.to_user_string() for check in checks} >= {table.name for table in TABLES}
    assert {"both_arms_answered_every_order", "golden_rows_reproduce", "the_executor_takes_what_it_is_handed", "no_stage_is_left_out"} <= {
        check.check_name for check in checks
    }


def test_each_order_has_its_features_and_every_cost(result: dg.ExecuteInProcessResult, house: House) -> None:
    orders, costs = house.warehouse.read(features.TABLE), house.warehouse.read(action_costs.TABLE)
    assert orders.height == costs.height > 90 * (DAYS - 1)
    assert orders["arrived_at"].dt.date().n_unique() == DAYS
    assert (costs["waited_until"] - orders["arrived_at"] == timedelta(seconds=60)).all()


def test_the_challenger_learned_only_from_the_first_days(result: dg.ExecuteInProcessResult, house: House) -> None:
    lessons = house.warehouse.read(training_set.TABLE)
    judged = house.warehouse.read(shadow_trials.TABLE)
    assert lessons["arrived_at"].max() < trial.training_ends() < judged["arrived_at"].min()
    assert house.warehouse.read(challenger_model.TABLE)["orders"].item() == lessons.height


def test_both_answers_of_an_order_are_the_costs_of_their_actions(result: dg.ExecuteInProcessResult, house: House) -> None:
    trials = house.warehouse.read(shadow_trials.TABLE).join(house.warehouse.read(action_costs.TABLE), on="order_id")
    assert (trials["champion_cost_bps"] == trials["cost_now_bps"]).all()
    paid = pl.coalesce(
        pl.when(pl.col("challenger_action") == action).then(pl.col(f"cost_{action}_bps")) for action in ("now", "split", "wait")
    )
    assert (trials["challenger_cost_bps"] == trials.select(paid.alias("paid"))["paid"]).all()
    assert set(trials["challenger_action"]) == {"now", "split", "wait"}


def test_waiting_after_adverse_trades_is_found_and_promoted(result: dg.ExecuteInProcessResult, house: House) -> None:
    row = house.warehouse.read(promoted_model.TABLE).row(0, named=True)
    assert row["verdict"] == "PROMOTE"
    assert row["policy"] == "quote_offset" and row["lift"] >= 0.05 and row["e_value"] >= 50
    path = house.warehouse.read(ab_evaluation.TABLE)
    assert path["block"].to_list() == list(range(1, DAYS - 4))
    # Before the seventh block nothing is promoted, whatever the evidence.
    assert path.head(6)["verdict"].unique().to_list() == ["HOLD"]
    assert path["verdict"].item(-1) == "PROMOTE"


def test_the_course_leaves_the_shadow_on_evidence_and_waits_for_live_orders(result: dg.ExecuteInProcessResult, house: House) -> None:
    steps = house.warehouse.read(rollout_stage.TABLE)
    assert steps["stage"].to_list() == ["shadow", "canary_1"] and steps["status"].unique().to_list() == ["running"]
    assert steps["since"].item(-1) - steps["since"].item(0) >= timedelta(hours=168)


def test_the_registry_s_aliases_follow_the_verdict(result: dg.ExecuteInProcessResult, house: House) -> None:
    models = house.registry.open()
    champion, challenger = models.at(CHAMPION), models.at(CHALLENGER)
    assert champion is not None and challenger is not None
    assert champion.version == challenger.version == 2
    assert [version.policy for version in models.versions()] == ["execute_now", "quote_offset"]


def test_the_executor_trades_with_what_it_was_handed(result: dg.ExecuteInProcessResult, house: House) -> None:
    service = ExecutorService(house.root / "executor")
    answer = service.swap("WETH", "USDC", 10**18)
    assert answer["decision"]["policy"] == "quote_offset"
    assert int(answer["amount_out"]) > 2_500 * 10**6
    assert load_handover(house.root / "executor").generation == 1


def test_what_came_after_an_order_is_younger_than_it(result: dg.ExecuteInProcessResult, house: House) -> None:
    after = house.warehouse.read(aftermath.TABLE)
    assert after.height == house.warehouse.read(features.TABLE).height
    assert (after["known_at"] >= after["arrived_at"] + timedelta(minutes=5)).all()
    # Arbitrage puts the price right 36 seconds after a trade, which some plans do not survive and others do.
    assert 0 < after["missed"].sum() < after.height
    assert after["markout_5m_bps"].abs().mean() > after["markout_1m_bps"].abs().mean() > 0


def test_the_forecasts_are_registered_with_their_errors_beside_a_baseline(result: dg.ExecuteInProcessResult, house: House) -> None:
    told = house.warehouse.read(forecast_models.TABLE)
    assert told["policy"].to_list() == ["base_fee", "markout", "miss"]
    assert (told["judged_on"] > 200).all() and (told.filter(pl.col("policy") != "base_fee")["error"] > 0).all()
    # The base fee of this world never moves: nothing can be better than to say so, and nothing gets to be champion.
    assert told["baseline_error"].item(0) == 0.0 and house.registry.open("base_fee").at(CHAMPION) is None
    versions = house.registry.open("miss").versions()
    assert [version.bundle_sha256 for version in versions] == told.filter(pl.col("policy") == "miss")["bundle_sha256"].to_list()
    assert versions[0].tags["data_sha256"] == told.filter(pl.col("policy") == "miss")["data_sha256"].item()


def test_a_challenger_that_does_not_get_past_the_gate_is_not_shadowed(
    result: dg.ExecuteInProcessResult, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = House(tmp_path / "copy")
    shutil.copytree(house.root, copy.root)
    strict = partial(challenger_model.train, gate=GateSettings(least_saving_bps=1e4))
    monkeypatch.setattr(challenger_model, "train", strict)
    copy.run("challenger_model")
    assert copy.warehouse.read(challenger_model.TABLE).is_empty()
    decision, _ = ab_evaluation.verdict_of(copy.warehouse)
    assert decision.verdict == "HOLD" and "did not get past the gate" in decision.reason


def test_running_again_changes_no_table_no_version_and_no_handover(result: dg.ExecuteInProcessResult, house: House) -> None:
    before = house.digests()
    active = (house.root / "executor" / "active.json").read_bytes()
    house.run()
    assert house.digests() == before
    assert (house.root / "executor" / "active.json").read_bytes() == active
    assert len(house.registry.open().versions()) == 2


def test_a_running_executor_gets_pools_as_files_and_its_model_through_the_door(
    result: dg.ExecuteInProcessResult, house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = House(tmp_path / "copy")
    shutil.copytree(house.root, copy.root)
    shutil.rmtree(copy.root / "executor")
    with serving(StandInExecutor(folder=copy.root / "executor")) as executor:
        monkeypatch.setenv(URL, executor.url)
        monkeypatch.setenv(TOKEN_SETTING, TOKEN)
        done = copy.run("promoted_model")
    # The hand-over names the rule it began with; the challenger stands on the shelf, is in force, and both promises hold.
    handed = model_in(copy.root / "executor")
    assert handed is not None and handed[1] == "execute_now v1"
    assert executor.champion["bundle_sha256"] == copy.warehouse.read(challenger_model.TABLE)["bundle_sha256"].item()
    assert all(check.passed for check in done.get_asset_check_evaluations())
    shutil.rmtree(copy.root / "executor" / "bundle" / executor.champion["bundle_sha256"])
    assert not promoted_model.the_executor_takes_what_it_is_handed(copy.warehouse, copy.registry, copy.handover).passed


def test_a_day_rebuilt_alone_is_the_same_day(result: dg.ExecuteInProcessResult, house: House) -> None:
    before = house.digests()
    found = [features.features, action_costs.action_costs, shadow_trials.shadow_trials]
    keys = days.get_partition_keys()[6:8]
    for table in (features.TABLE, action_costs.TABLE, shadow_trials.TABLE):
        house.warehouse.drop(table, Span(date.fromisoformat(keys[0]), date.fromisoformat(keys[-1])))
    assert house.digests() != before
    for key in keys:
        dg.materialize(
            found,
            partition_key=key,
            resources={"warehouse": house.warehouse, "registry": house.registry},
            instance=dg.DagsterInstance.ephemeral(),
        )
    assert house.digests() == before


def test_a_bundle_or_handover_that_was_tampered_with_breaks_its_promise(
    result: dg.ExecuteInProcessResult, house: House, tmp_path: Path
) -> None:
    copy = House(tmp_path / "copy")
    shutil.copytree(house.root, copy.root)
    digest = house.warehouse.read(challenger_model.TABLE)["bundle_sha256"].item()
    for model in (copy.root / "mlflow" / "bundles" / digest / "model.onnx", copy.root / "executor" / "bundle" / digest / "model.onnx"):
        model.write_bytes(model.read_bytes()[:-1])
    golden = challenger_model.golden_rows_reproduce(copy.warehouse, copy.registry)
    handed = promoted_model.the_executor_takes_what_it_is_handed(copy.warehouse, copy.registry, copy.handover)
    assert not golden.passed and "not loaded" in str(golden.metadata["reason"].value)
    assert not handed.passed and "not loaded" in str(handed.metadata["reason"].value)


def test_without_orders_everything_is_empty_and_the_verdict_says_why(house: House, tmp_path: Path) -> None:
    empty = House(tmp_path)
    outcome = empty.run()
    assert all(check.passed for check in outcome.get_asset_check_evaluations())
    row = empty.warehouse.read(promoted_model.TABLE).row(0, named=True)
    assert (row["verdict"], row["policy"], row["challenger_sha256"]) == ("HOLD", "execute_now", None)
    assert "0 orders to learn from" in row["reason"]
    assert not (tmp_path / "executor").exists()
