"""The champion to beat: a rule, not a model. It always executes at once on the best single path."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from domain.bundles import ACTIONS, INPUT, OUTPUT
from domain.features import NAMES
from domain.kinds import EXECUTION
from models.graphs import graph_of
from models.policy import Policy

NAME = "execute_now"
DESCRIPTION = "Execute at once on the best quote."

# Any loss will do: a rule that never chooses the others.
NEVER_BPS = -1.0


@dataclass(frozen=True, slots=True)
class ExecuteNow:
    """The rule. There is nothing in it to learn."""

    def answers(self, rows: np.ndarray) -> np.ndarray:
        return np.tile([0.0, *(NEVER_BPS for _ in ACTIONS[1:])], (len(rows), 1))

    def export(self) -> bytes:
        return export()


def export() -> bytes:
    """The rule as ONNX, so that the executor runs rules and models by the same road."""
    from onnx import helper

    savings = np.array([[0.0 if position == 0 else NEVER_BPS for position in range(len(ACTIONS))]], dtype=np.float32)
    weights = np.zeros((len(NAMES), len(ACTIONS)), dtype=np.float32)
    nodes = [helper.make_node("MatMul", [INPUT, "weights"], ["nothing"]), helper.make_node("Add", ["nothing", "savings"], [OUTPUT])]
    return graph_of(EXECUTION, NAME, nodes, {"weights": weights, "savings": savings})


POLICY = Policy(NAME, DESCRIPTION, EXECUTION, labels=(), horizon=timedelta(0), fit=lambda frame, seed: ExecuteNow())
