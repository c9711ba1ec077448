"""The champion to beat: a rule, not a model. It always executes at once on the best single path."""

from __future__ import annotations

from domain.bundles import ACTIONS, INPUT, OUTPUT
from domain.features import NAMES

NAME = "execute_now"
DESCRIPTION = "Execute at once on the best quote."

# Any loss will do: a rule that never chooses the others.
NEVER_BPS = -1.0


def export() -> bytes:
    """The rule as ONNX, so that the executor runs rules and models by the same road."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    savings = np.array([[0.0 if position == 0 else NEVER_BPS for position in range(len(ACTIONS))]], dtype=np.float32)
    weights = np.zeros((len(NAMES), len(ACTIONS)), dtype=np.float32)
    graph = helper.make_graph(
        [helper.make_node("MatMul", [INPUT, "weights"], ["nothing"]), helper.make_node("Add", ["nothing", "savings"], [OUTPUT])],
        NAME,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(NAMES)])],
        [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [None, len(ACTIONS)])],
        [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(savings, "savings")],
    )
    model = helper.make_model(graph, producer_name="grekko", opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString(deterministic=True)
