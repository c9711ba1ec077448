"""A hand-over with the rule "now" as v1, and a shelf: execution 1 always splits, 2 always waits, 3 splits for another saving."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

from assets.learning.shelf import place
from domain.features import NAMES
from executor.activation import Activation, Model, Operation, Wish
from executor.bundle import LoadedBundle
from executor.decision_log import DecisionLog
from executor.decisions import Decisions
from executor.orders import Entry
from executor.ports import SystemClock
from tests.executor.trading_floor import always

FLAT = [0.0] * len(NAMES)
NAME = "execution"


def fill(folder: Path, under: Path) -> dict[int, str]:
    """Places the three models; their hashes by version."""
    models = {1: always("split", under), 2: always("wait", under), 3: always("split", under, saving_bps=9.0)}
    return {version: place(folder, NAME, version, bundle.folder).bundle for version, bundle in models.items()}


def opened(folder: Path) -> Activation:
    """The activation of this folder, as after a start."""
    active = Activation(folder)
    active.refresh()
    return active


def again(activation: Activation) -> Activation:
    """The same after a kill: nothing is told to anybody, only the lock goes with the process."""
    assert isinstance(activation.log, DecisionLog)
    activation.log.close()
    return opened(activation.folder)


def activate(activation: Activation, version: int | str, **wish: Any) -> Operation:
    """Asks and carries out."""
    operation, is_new = activation.ask(Wish.of(NAME, version, **wish))
    return asyncio.run(activation.carry_out(operation)) if is_new else operation


def in_force(activation: Activation) -> dict[str, Any]:
    """What must survive a kill."""
    told = activation.document()
    return {name: told[name] for name in ("generation", "champion", "challenger", "previous", "share_percent", "salt", "operation_id")}


def decide(activation: Activation, *order_ids: str) -> list[Entry]:
    """Decisions for orders that arrive together."""

    async def together() -> list[Entry]:
        decisions = Decisions(activation, SystemClock())
        try:
            return await asyncio.gather(*(decisions.decide(order_id, FLAT) for order_id in order_ids))
        finally:
            await decisions.close()

    return asyncio.run(together())


class FailingRow:
    """A model that fails: it raises, or answers what is no number."""

    def __init__(self, answer: float | None) -> None:
        self.answer = answer

    def ask(self, features: Any) -> list[float]:
        if self.answer is None:
            raise RuntimeError("out of memory")
        return [0.0, self.answer, self.answer]


def failing(bundle: LoadedBundle, answer: float | None = None) -> LoadedBundle:
    broken = replace(bundle)
    object.__setattr__(broken, "one_row", FailingRow(answer))
    return broken


def breaks(activation: Activation, arm: str, answer: float | None = None) -> None:
    """From now on the model of this arm fails."""
    snapshot = activation.snapshot
    model = getattr(snapshot.deployment, arm)
    broken = replace(snapshot.deployment, **{arm: Model(model.called, failing(model.bundle, answer))})
    activation._snapshot = replace(snapshot, deployment=broken)
