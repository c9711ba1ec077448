"""Gradient-boosted trees, one forest for each output of a forecast: what the forecasting policies share."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.kinds import Kind
from models.graphs import graph_of, trees_node

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

SHAPE: dict[str, Any] = {
    "max_iter": 60,
    "learning_rate": 0.08,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 40,
    "l2_regularization": 5.0,
    "early_stopping": False,
}


@cache
def _pools() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[Any]:
    """Trees are grown and asked by one thread: the order of a parallel sum is the one thing a seed does not fix, and over a few hundred
    rows threads only wait for each other."""
    import sklearn.ensemble  # noqa: F401 - its pools must be there to be limited

    return _pools().limit(limits=1)


@dataclass(frozen=True, slots=True)
class Forests:
    """A trained forecast: one forest an output, in the kind's order."""

    kind: Kind
    trees: tuple[HistGradientBoostingRegressor, ...]

    def answers(self, rows: np.ndarray) -> np.ndarray:
        with one_thread():
            return np.column_stack([trees.predict(rows) for trees in self.trees])

    def export(self) -> bytes:
        return graph_of(self.kind, self.kind.name, [trees_node(self.trees, [0.0] * len(self.trees), self.kind.tensor)], {})


def in_singles(forest: HistGradientBoostingRegressor) -> HistGradientBoostingRegressor:
    """The fitted forest as 32-bit floats hold it, so that the exported graph gives the very same sums; returns it, changed in place.

    A threshold becomes the largest 32-bit number that is not above it: features are such numbers, so no order goes another way. Leaves
    become multiples of one power of two, small enough that any sum of them is a 32-bit number as well; that moves a leaf by less than
    a four-millionth of all that the trees can say together.
    """
    trees = [tree.nodes for stage in forest._predictors for tree in stage]
    farthest = float(np.abs(forest._baseline_prediction).max()) + sum(float(np.abs(nodes["value"]).max()) for nodes in trees)
    step = 2.0 ** (np.ceil(np.log2(farthest)) - 22) if farthest > 0 else 1.0
    for nodes in trees:
        single = nodes["num_threshold"].astype(np.float32)
        above = single.astype(np.float64) > nodes["num_threshold"]
        nodes["num_threshold"] = np.where(above, np.nextafter(single, np.float32(-np.inf)), single)
        nodes["value"] = np.round(nodes["value"] / step) * step
    forest._baseline_prediction = np.round(forest._baseline_prediction / step) * step
    return forest


def grow(kind: Kind, rows: np.ndarray, labels: Sequence[np.ndarray], losses: Sequence[dict[str, Any]], seed: int) -> Forests:
    """A forest for each output, under its own loss. The same rows and seed give the same forests."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    with one_thread():
        return Forests(
            kind,
            tuple(
                in_singles(HistGradientBoostingRegressor(random_state=seed, **SHAPE, **loss).fit(rows, label))
                for label, loss in zip(labels, losses, strict=True)
            ),
        )
