"""Runs the chain and the ledger over some days, as Dagster does; as a module it runs all three into a lake."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from assets.chain.recorded_chain import RecordedChain
from assets.warehouse import Warehouse
from domain.schemas import Table
from tests.assets.chain.small_chain import DAYS

GROUPS = ("assets.chain", "assets.ledger")


def tables() -> list[Table]:
    """Every table of the two groups."""
    found = []
    for group in GROUPS:
        package = importlib.import_module(group)
        modules = [importlib.import_module(f"{group}.{module.name}") for module in pkgutil.iter_modules(package.__path__)]
        found += [module.TABLE for module in modules if hasattr(module, "TABLE")]
    return found


def definitions() -> tuple[list[Any], list[Any]]:
    """Assets and checks of the two groups."""
    packages = [importlib.import_module(group) for group in GROUPS]
    assets = [asset for package in packages for asset in dg.load_assets_from_package_module(package)]
    return assets, [check for package in packages for check in dg.load_asset_checks_from_package_module(package)]


def materialise(
    warehouse: Warehouse,
    recording: Path,
    first: str,
    last: str,
    *,
    checks: bool = True,
    raise_on_error: bool = True,
    only: Sequence[Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """One run over the days; `only` names the assets to build."""
    assets, promises = definitions()
    return dg.materialize(
        assets + (promises if checks else []),
        selection=only,
        resources={"warehouse": warehouse, "recorded_chain": RecordedChain(path=str(recording))},
        tags={"dagster/asset_partition_range_start": first, "dagster/asset_partition_range_end": last},
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=raise_on_error,
    )


if __name__ == "__main__":
    materialise(Warehouse(lake=sys.argv[2]), Path(sys.argv[1]), DAYS[0], DAYS[-1], checks=False)
