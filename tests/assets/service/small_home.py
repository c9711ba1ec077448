"""A data home built from the small lake: marts by dbt, snapshot, all checks, as a run of Dagster makes them."""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from assets.service import analyst_snapshot, marts
from assets.service.analyst import Analyst
from assets.warehouse import Warehouse
from tests.assets.service.small_lake import DAYS, write_small_lake

SERVICE = [
    marts.marts,
    analyst_snapshot.analyst_snapshot,
    analyst_snapshot.it_opens_read_only,
    analyst_snapshot.it_has_the_lakes_rows,
    analyst_snapshot.it_is_the_lake_to_the_last_digit,
]


def build_small_home(home: Path) -> Path:
    """Writes the small lake and builds everything of the service group on it."""
    write_small_lake(home / "lake")
    result = run_service(home)
    assert result.success, [event.message for event in result.filter_events(lambda event: event.is_failure)]
    assert all(check.passed for check in result.get_asset_check_evaluations())
    return home


def run_service(home: Path) -> dg.ExecuteInProcessResult:
    """One run of the service group over all days, as the job for everything makes it."""
    return dg.materialize(
        SERVICE,
        resources={"warehouse": warehouse_of(home), "analyst": analyst_of(home)},
        tags={"dagster/asset_partition_range_start": DAYS[0].isoformat(), "dagster/asset_partition_range_end": DAYS[-1].isoformat()},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )


def warehouse_of(home: Path) -> Warehouse:
    return Warehouse(lake=str(home / "lake"))


def analyst_of(home: Path) -> Analyst:
    return Analyst(home=str(home))
