"""What a policy is: one file in `models/policies/`, with a `POLICY` that says what it answers, what it learns from, and how.

Dropping the file in the folder is the whole registration: the contract test, the parity bench and the trainer find it there.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import numpy as np
import polars as pl

from domain.kinds import KINDS, Kind
from domain.problems import BadInput


class Fitted(Protocol):
    """A policy that has learned."""

    def answers(self, rows: np.ndarray) -> np.ndarray:
        """The kind's outputs for each row of its features."""
        ...

    def export(self) -> bytes:
        """The same as an ONNX graph: equal to `answers` within `domain.bundles.TOLERANCE` on rows of 32-bit values."""
        ...


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy as it is found. `labels` are the columns it learns from beside its features; `horizon` is how long after its row the
    youngest of them becomes known. `fit` gives the same model for the same rows and seed."""

    name: str
    description: str
    kind: Kind
    labels: tuple[str, ...]
    horizon: timedelta
    fit: Callable[[pl.DataFrame, int], Fitted]

    @property
    def columns(self) -> tuple[str, ...]:
        """What a training frame must have: the moment of each row, its features, its labels."""
        return ("arrived_at", *self.kind.names, *self.labels)

    def check(self, frame: pl.DataFrame) -> None:
        """Raises BadInput naming the column that is missing, or has something else than finite numbers."""
        missing = [name for name in self.columns if name not in frame.columns]
        if missing:
            raise BadInput(f"{self.name} learns from {', '.join(missing)} too; add it to the training frame.", field=missing[0])
        for name in (*self.kind.names, *self.labels):
            if frame[name].null_count() or not bool(frame[name].cast(pl.Float64).is_finite().all()):
                raise BadInput(f"{self.name} cannot learn from {name}: not every row has a finite number there.", field=name)


def matrix_of(frame: pl.DataFrame, kind: Kind) -> np.ndarray:
    """The kind's features, one row each; every value is one that a 32-bit float holds."""
    return frame.select(kind.names).to_numpy().astype(np.float32).astype(np.float64)


def every_policy() -> Mapping[str, Policy]:
    """All policies of the folder, by name."""
    from models import policies

    found = [importlib.import_module(f"{policies.__name__}.{module.name}").POLICY for module in pkgutil.iter_modules(policies.__path__)]
    assert all(KINDS[policy.kind.name] is policy.kind for policy in found)
    return {policy.name: policy for policy in sorted(found, key=lambda policy: policy.name)}
