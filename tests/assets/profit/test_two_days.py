"""Enrichment and profit as assets, on the first two days of the shipped recording."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import polars as pl
import pytest

from assets.chain.recorded_chain import RecordedChain
from assets.chosen_recording import SHIPPED_RECORDING, recording_path
from assets.enrichment import execution_quality, market_conditions
from assets.profit import closed_lots, open_lots, profit_center_daily, profit_center_summary
from assets.warehouse import Warehouse

OURS = (market_conditions, execution_quality, open_lots, closed_lots, profit_center_daily)
FIRST, SECOND = "2026-01-05", "2026-01-06"


@dataclass
class House:
    """A lake with the tables of the groups, and the assets that fill it."""

    warehouse: Warehouse
    instance: dg.DagsterInstance

    def run(
        self, selection: dg.AssetSelection, days: tuple[str, str] | None = None, raise_on_error: bool = True
    ) -> dg.ExecuteInProcessResult:
        tags = {"dagster/asset_partition_range_start": days[0], "dagster/asset_partition_range_end": days[1]} if days else {}
        return dg.materialize(
            GRAPH,
            selection=selection,
            tags=tags,
            resources={"warehouse": self.warehouse, "recorded_chain": RecordedChain(path=str(recording_path()))},
            instance=self.instance,
            raise_on_error=raise_on_error,
        )

    def digests(self) -> dict[str, str]:
        return {module.TABLE.name: self.warehouse.digest(module.TABLE) for module in OURS}


def graph() -> list:
    found = []
    for group in ("chain", "ledger", "enrichment", "profit"):
        package = importlib.import_module(f"assets.{group}")
        found += [*dg.load_assets_from_package_module(package, group_name=group), *dg.load_asset_checks_from_package_module(package)]
    return found


GRAPH = graph()
DAILY = dg.AssetSelection.assets(*(key for one in GRAPH if isinstance(one, dg.AssetsDefinition) and one.partitions_def for key in one.keys))
INPUTS = DAILY & dg.AssetSelection.groups("chain", "ledger")
RESULTS = DAILY & dg.AssetSelection.groups("enrichment", "profit")
SUMMARY = dg.AssetSelection.assets(profit_center_summary.TABLE.name)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Both days, materialised in one run."""
    if recording_path() != SHIPPED_RECORDING or not (SHIPPED_RECORDING / "manifest.json").is_file():
        pytest.skip("these tests read the shipped recording")
    with dg.DagsterInstance.ephemeral() as instance:
        built = House(Warehouse(lake=str(tmp_path_factory.mktemp("lake"))), instance)
        built.run(dg.AssetSelection.assets("tokens", "pools").without_checks())
        built.run(INPUTS.without_checks(), (FIRST, SECOND))
        yield built


@pytest.fixture(scope="module")
def both_days(house: House) -> dg.ExecuteInProcessResult:
    return house.run(RESULTS, (FIRST, SECOND))


def test_every_promise_holds(house: House, both_days: dg.ExecuteInProcessResult):
    checks = [*both_days.get_asset_check_evaluations(), *house.run(SUMMARY).get_asset_check_evaluations()]

    assert len(checks) >= 10
    assert [check.check_name for check in checks if not check.passed] == []


def test_arbitrage_buys_more_than_it_sells_at_the_market(house: House, both_days: dg.ExecuteInProcessResult):
    rows = house.warehouse.read(profit_center_daily.TABLE)

    edge = {center: dollars for center, dollars in rows.group_by("center").agg(pl.col("edge_usd").sum()).iter_rows()}
    assert edge["Arbitrage"] > 0
    assert edge["Unassigned"] < 0  # the crowd pays the pools and the arbitrage


def test_trades_that_came_first_in_their_block_got_their_quote(house: House, both_days: dg.ExecuteInProcessResult):
    quality = house.warehouse.read(execution_quality.TABLE)

    assert quality["quote_slippage_bps"].null_count() == 0
    assert (quality["quote_slippage_bps"] == 0).mean() > 0.5
    assert quality["markout_1h_bps"].null_count() == 0
    assert quality["markout_1_block_bps"].null_count() < 20  # those of each day's last block


def test_each_day_carries_its_own_numbers(house: House, both_days: dg.ExecuteInProcessResult):
    told = {
        event.partition: event.materialization.metadata["pnl_usd_arbitrage"].value
        for event in both_days.get_asset_materialization_events()
        if event.asset_key == dg.AssetKey("profit_center_daily")
    }

    rows = house.warehouse.read(profit_center_daily.TABLE).filter(pl.col("center") == "Arbitrage")
    assert told == {day.isoformat(): net for day, net in rows.select("day", "net_pnl_usd").iter_rows()}


def test_one_day_at_a_time_gives_the_same_tables(house: House, both_days: dg.ExecuteInProcessResult):
    together = house.digests()
    for module in OURS:
        house.warehouse.drop(module.TABLE)

    for day in (FIRST, SECOND):
        house.run(RESULTS.without_checks(), (day, day))

    assert house.digests() == together


def test_materialising_a_day_again_changes_nothing(house: House, both_days: dg.ExecuteInProcessResult):
    before = house.digests()

    again = house.run(RESULTS.without_checks(), (SECOND, SECOND))

    assert house.digests() == before
    changed = [
        event.materialization.metadata["changed"].value
        for event in again.get_asset_materialization_events()
        if "changed" in event.materialization.metadata
    ]
    assert changed and not any(changed)


def test_a_day_may_follow_one_that_closed_with_nothing_held(house: House, both_days: dg.ExecuteInProcessResult):
    kept = house.warehouse.read(open_lots.TABLE)
    house.warehouse.drop(open_lots.TABLE)
    try:
        # This instance remembers that the first day was materialised: that its lots are none is then what it said.
        allowed = house.run(dg.AssetSelection.assets("open_lots").without_checks(), (SECOND, SECOND))
    finally:
        house.warehouse.replace(open_lots.TABLE, kept)

    assert allowed.success


def test_a_day_whose_eve_was_never_closed_is_refused(house: House, both_days: dg.ExecuteInProcessResult):
    with dg.DagsterInstance.ephemeral() as elsewhere:
        forgetful = House(house.warehouse, elsewhere)
        kept = house.warehouse.read(open_lots.TABLE)
        house.warehouse.drop(open_lots.TABLE)
        try:
            refused = forgetful.run(dg.AssetSelection.assets("open_lots").without_checks(), (SECOND, SECOND), raise_on_error=False)
        finally:
            house.warehouse.replace(open_lots.TABLE, kept)

    assert not refused.success
    (failure,) = refused.get_step_failure_events()
    assert "materialise open_lots of that day first" in str(failure.event_specific_data)
