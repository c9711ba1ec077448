"""Fitted models as ONNX graphs, each as few nodes as it can be: at one row a node costs more than the arithmetic in it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from domain.bundles import INPUT
from domain.kinds import Kind

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto
    from sklearn.ensemble import HistGradientBoostingRegressor

OPSET, TREES_OPSET, IR = 17, 3, 8
TREES = "trees"


def graph_of(kind: Kind, name: str, nodes: Sequence[NodeProto], constants: dict[str, np.ndarray]) -> bytes:
    """The graph of these nodes, from the kind's features to its output; the same parts give the same bytes."""
    from onnx import TensorProto, helper, numpy_helper

    graph = helper.make_graph(
        list(nodes),
        name,
        [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, [None, len(kind.features)])],
        [helper.make_tensor_value_info(kind.tensor, TensorProto.FLOAT, [None, len(kind.outputs)])],
        [numpy_helper.from_array(array, constant) for constant, array in constants.items()],
    )
    domains = {"", *(node.domain for node in nodes)}
    opsets = [helper.make_opsetid(domain, TREES_OPSET if domain else OPSET) for domain in sorted(domains)]
    model: ModelProto = helper.make_model(graph, producer_name="grekko", opset_imports=opsets, ir_version=IR)
    return model.SerializeToString(deterministic=True)


def trees_node(forests: Sequence[HistGradientBoostingRegressor | None], bases: Sequence[float], output: str) -> NodeProto:
    """One tree ensemble with a column for each forest: its prediction and a base; a column without a forest is its base alone."""
    from onnx import helper

    merged: dict[str, list[Any]] = {}
    base_values = [float(base) for base in bases]
    trees = 0
    for column, forest in enumerate(forests):
        if forest is None:
            continue
        told = _attributes(forest)
        base_values[column] += told.pop("base_values", [0.0])[0]
        for replaced in ("n_targets", "post_transform"):
            told.pop(replaced)
        told["target_ids"] = [column] * len(told["target_ids"])
        for key in ("nodes_treeids", "target_treeids"):
            told[key] = [tree + trees for tree in told[key]]
        trees = max(told["nodes_treeids"]) + 1
        for key, values in told.items():
            merged.setdefault(key, []).extend(values)
    attributes = {**merged, "n_targets": len(forests), "base_values": base_values, "post_transform": "NONE"}
    return helper.make_node("TreeEnsembleRegressor", [INPUT], [output], domain="ai.onnx.ml", name=TREES, **attributes)


def _attributes(forest: HistGradientBoostingRegressor) -> dict[str, Any]:
    """What the converter says of one forest's trees."""
    import warnings

    from onnx import helper
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    with warnings.catch_warnings():
        # The converter hands booleans where ONNX wants integers; protobuf 6 takes them and grumbles, which is why it is pinned below 7.
        warnings.simplefilter("ignore", DeprecationWarning)
        shape = [(INPUT, FloatTensorType([None, forest.n_features_in_]))]
        model: Any = convert_sklearn(forest, initial_types=shape, target_opset=OPSET)
    node = next(node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor")
    told = {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}
    return {name: list(value) if not isinstance(value, bytes | int | float | str) else value for name, value in told.items()}
