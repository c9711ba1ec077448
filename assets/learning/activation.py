"""What the executor is asked to do about a decision, and what it means when it took a promoted model back."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from assets.learning.decision_record import DecisionRecord
from assets.learning.executor_door import ExecutorClient, Operation
from assets.learning.shelf import place
from domain.problems import Problem
from executor.bundle import load_bundle
from models.registry import CHAMPION, LocalRegistry, Version

TAKEN_BACK = "ROLLED_BACK"


def act(executor: ExecutorClient, record: DecisionRecord, models: LocalRegistry, version: Version, folder: Path) -> Operation | None:
    """Lets the executor do what the decision says, and waits for it; None when there is nothing to do.

    It is also asked when the alias would move for another reason, such as a challenger that no longer stands: alias and executor agree.
    Raises Unavailable and Refused as the door does.
    """
    verdict, reason = record.decision.verdict, record.decision.reason
    if verdict == "ROLLBACK" and record.challenger_sha256 is not None:
        return executor.rollback(reason, record.challenger_sha256)
    now = models.at(CHAMPION)
    if verdict != "PROMOTE" and (now is None or now.version == version.version):
        return None
    place(folder, models.model, version.version, models.bundles / version.bundle_sha256)
    return executor.activate(models.model, version.version, version.bundle_sha256, key=record.sha256)


def taken_back(row: pl.DataFrame, first: Version, operation: Operation) -> pl.DataFrame:
    """The row when the executor took the promoted model back since: the verdict is that it was worse where it counts."""
    reason = f"The executor took the promoted model back: {operation.reason or 'it gave no reason'}"
    return row.with_columns(
        verdict=pl.lit("ROLLBACK"),
        reason=pl.lit(reason),
        policy=pl.lit(first.policy),
        version=pl.lit(first.version, pl.Int64),
        bundle_sha256=pl.lit(first.bundle_sha256),
    )


def verifies(bundle: Path, digest: str) -> bool:
    """Whether a bundle lies there that the executor's own verification takes."""
    try:
        load_bundle(bundle, digest)
    except Problem:
        return False
    return True
