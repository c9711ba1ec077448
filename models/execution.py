"""The part that every execution policy shares: savings that can be quoted are taken from the quote, only the rest is learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from domain.bundles import ACTIONS, INPUT
from domain.features import NAMES

if TYPE_CHECKING:
    from onnx import NodeProto

SPLIT_SAVING = NAMES.index("split_saving_bps")
WAIT_RESIDUAL = "wait_residual_bps"
# 32-bit floats end there; a quote that only one side bounds has this on the other.
LOWEST = np.finfo(np.float32).min


def cost_column(action: str) -> str:
    """The column of an action's cost."""
    return f"cost_{action}_bps"


COSTS = tuple(cost_column(action) for action in ACTIONS)


def quotable(features: np.ndarray) -> np.ndarray:
    """What each action saves against executing now by the quote alone: nothing, the split's saving, and for a wait the better of both."""
    split = features[:, SPLIT_SAVING]
    return np.column_stack([np.zeros(len(features)), split, np.maximum(split, 0)])


def quotable_nodes(output: str) -> tuple[list[NodeProto], dict[str, np.ndarray]]:
    """The same as ONNX nodes: the split's saving three times, each no lower than its bound."""
    from onnx import helper

    columns = np.zeros((len(NAMES), len(ACTIONS)), dtype=np.float32)
    columns[SPLIT_SAVING, 1:] = 1.0
    nodes = [helper.make_node("MatMul", [INPUT, "columns"], ["told"]), helper.make_node("Max", ["told", "bounds"], [output])]
    return nodes, {"columns": columns, "bounds": np.array([[0.0, LOWEST, 0.0]], dtype=np.float32)}


def chosen(savings: np.ndarray) -> np.ndarray:
    """The position of the chosen action in each row: the largest saving, of equals the first."""
    return np.argmax(savings, axis=1)


def paid(orders: pl.DataFrame, actions: np.ndarray) -> np.ndarray:
    """What each order cost under the action chosen for it."""
    return orders.select(COSTS).to_numpy()[np.arange(orders.height), actions]


def saving_of(orders: pl.DataFrame, savings: np.ndarray) -> float:
    """What a policy that answers so saves against executing now, bps an order, by the costs of the orders: its score."""
    return float((orders[COSTS[0]].to_numpy() - paid(orders, chosen(savings))).mean()) if orders.height else 0.0
