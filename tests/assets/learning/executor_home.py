"""A lake beside an executor's folder, and the tables that are read from that folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import dagster as dg

from assets.learning.handover import HandoverFolder
from assets.warehouse import Warehouse


@dataclass
class ExecutorHome:
    """A data home, and the modules whose tables and checks are run in it."""

    root: Path
    modules: Sequence[ModuleType]

    @property
    def executor(self) -> Path:
        return self.root / "executor"

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(lake=str(self.root / "lake"))

    @property
    def handover(self) -> HandoverFolder:
        return HandoverFolder(folder=str(self.executor))

    def run(self) -> dg.ExecuteInProcessResult:
        """Materialises the tables, checks included. A blocking check that fails is no exception here."""
        return dg.materialize(
            [*dg.load_assets_from_modules(self.modules), *dg.load_asset_checks_from_modules(self.modules)],
            resources={"warehouse": self.warehouse, "handover": self.handover},
            instance=dg.DagsterInstance.ephemeral(),
            raise_on_error=False,
        )
