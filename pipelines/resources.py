"""The outside things the assets use, placed in the home that the settings name."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from assets.chain.recorded_chain import RecordedChain
from assets.chosen_recording import recording_path
from assets.compliance.cabinet import Cabinet
from assets.learning.executor_door import ExecutorDoor
from assets.learning.handover import HandoverFolder
from assets.learning.prompts import PromptBook
from assets.learning.registry import ModelRegistry
from assets.service.analyst import Analyst
from assets.warehouse import Warehouse


def resources_of(home: Path | None = None) -> dict[str, Any]:
    """Resources by the names the assets ask for; opening none of them."""
    root = home or Path(os.environ.get("GREKKO_HOME") or Path(".grekko") / recording_path().name).resolve()
    return {
        "warehouse": Warehouse(lake=str(root / "lake")),
        "recorded_chain": RecordedChain(path=str(recording_path().resolve()), prices=os.environ.get("GREKKO_PRICES") or "recording"),
        "registry": ModelRegistry(folder=str(root / "mlflow")),
        "handover": HandoverFolder(folder=str(root / "executor")),
        "executor_door": ExecutorDoor(),
        "prompt_book": PromptBook(folder=str(root / "mlflow")),
        "cabinet": Cabinet(folder=str(root / "compliance")),
        "analyst": Analyst(home=str(root)),
    }
