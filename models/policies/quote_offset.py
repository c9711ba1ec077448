"""The challenger: it knows what can be quoted exactly, and learns only what a quote cannot tell.

Executing now and splitting are quotable to the wei, gas included, so their savings are taken from the quote. What waiting brings is
not: other people's trades and arbitrage move the pools meanwhile. Gradient-boosted trees learn that residual from the features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.bundles import ACTIONS, INPUT, NOW, OUTPUT, SPLIT, WAIT
from domain.features import NAMES

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingRegressor

NAME = "quote_offset"
DESCRIPTION = "Take savings that are quotable from the quote, learn what waiting brings."

# Few and shallow trees over many orders a leaf: a residual this noisy rewards caution.
SHAPE: dict[str, Any] = {
    "max_iter": 120,
    "learning_rate": 0.05,
    "max_leaf_nodes": 8,
    "min_samples_leaf": 60,
    "l2_regularization": 5.0,
    "early_stopping": False,
}
# A lesson counts at most this much: one gas spike or one drained pool must not shape every leaf.
LARGEST_LESSON_BPS = 100.0
SPLIT_SAVING = NAMES.index("split_saving_bps")


@dataclass(frozen=True, slots=True)
class QuoteOffset:
    """A trained challenger. Waiting must promise `margin_bps` more than acting, because a promise is less than a quote."""

    trees: HistGradientBoostingRegressor
    margin_bps: float

    def savings(self, features: np.ndarray) -> np.ndarray:
        """Expected saving of each action against executing now, bps, one row an order."""
        return savings_of(features, self.trees.predict(features), self.margin_bps)

    def export(self) -> bytes:
        """The whole policy as one ONNX graph: the trees, and the sums around them."""
        import warnings

        from onnx import TensorProto, helper, numpy_helper
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import FloatTensorType

        shape = [(INPUT, FloatTensorType([None, len(NAMES)]))]
        with warnings.catch_warnings():
            # The converter hands booleans where ONNX wants integers; protobuf 6 takes them and grumbles, which is why it is pinned below 7.
            warnings.simplefilter("ignore", DeprecationWarning)
            model: Any = convert_sklearn(self.trees, name=NAME, initial_types=shape, target_opset=17)
        graph = model.graph
        residual = graph.output[0].name
        graph.initializer.extend(
            [
                numpy_helper.from_array(np.array([SPLIT_SAVING], dtype=np.int64), "split_column"),
                numpy_helper.from_array(np.array([[self.margin_bps]], dtype=np.float32), "margin"),
            ]
        )
        graph.node.extend(
            [
                helper.make_node("Gather", [INPUT, "split_column"], [SPLIT], axis=1),
                helper.make_node("Sub", [SPLIT, SPLIT], [NOW]),
                helper.make_node("Relu", [SPLIT], ["quotable"]),
                helper.make_node("Add", ["quotable", residual], ["promised"]),
                helper.make_node("Sub", ["promised", "margin"], [WAIT]),
                helper.make_node("Concat", list(ACTIONS), [OUTPUT], axis=1),
            ]
        )
        del graph.output[:]
        graph.output.append(helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, len(ACTIONS)]))
        return model.SerializeToString(deterministic=True)


def fit(features: np.ndarray, wait_residual_bps: np.ndarray, seed: int) -> HistGradientBoostingRegressor:
    """Trees for what waiting saves beyond the quote. The same rows and seed give the same trees."""
    from sklearn.ensemble import HistGradientBoostingRegressor
    from threadpoolctl import threadpool_limits

    lessons = np.clip(wait_residual_bps, -LARGEST_LESSON_BPS, LARGEST_LESSON_BPS)
    # One thread: the order of a parallel sum is the one thing a seed does not fix.
    with threadpool_limits(limits=1):
        return HistGradientBoostingRegressor(random_state=seed, **SHAPE).fit(features, lessons)


def savings_of(features: np.ndarray, wait_residual_bps: np.ndarray, margin_bps: float) -> np.ndarray:
    """The policy's sums: now saves nothing, a split what was quoted, waiting the better of both and the residual, less the margin."""
    split = features[:, SPLIT_SAVING]
    return np.column_stack([np.zeros(len(features)), split, np.maximum(split, 0) + wait_residual_bps - margin_bps])
