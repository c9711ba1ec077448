"""The outline of an ONNX file: whatever reaches outside of it is seen, wherever it hides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from executor.onnx_graph import reaches_outside
from models.policies import execute_now

WHOLE = execute_now.export()


def elsewhere() -> TensorProto:
    tensor = numpy_helper.from_array(np.zeros(2, np.float32), "elsewhere")
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    return tensor


def sparse_elsewhere() -> onnx.SparseTensorProto:
    return onnx.SparseTensorProto(values=elsewhere(), dims=[2])


def inner() -> onnx.GraphProto:
    return helper.make_graph([], "inner", [], [])


HIDING: dict[str, tuple[Callable[[onnx.ModelProto], object], str]] = {
    "initializer": (lambda model: model.graph.initializer.append(elsewhere()), "another file"),
    "sparse": (lambda model: model.graph.sparse_initializer.append(sparse_elsewhere()), "another file"),
    "attribute": (lambda model: model.graph.node[0].attribute.append(helper.make_attribute("value", elsewhere())), "another file"),
    "attributes": (lambda model: model.graph.node[0].attribute.append(helper.make_attribute("values", [elsewhere()])), "another file"),
    "sparse attribute": (
        lambda model: model.graph.node[0].attribute.append(helper.make_attribute("value", sparse_elsewhere())),
        "another file",
    ),
    "graph": (lambda model: model.graph.node[0].attribute.append(helper.make_attribute("body", inner())), "inside of a graph"),
    "graphs": (lambda model: model.graph.node[0].attribute.append(helper.make_attribute("bodies", [inner()])), "inside of a graph"),
    "operator": (lambda model: setattr(model.graph.node[1], "domain", "com.somebody"), "com.somebody"),
    "opset": (lambda model: model.opset_import.append(helper.make_opsetid("com.somebody", 1)), "com.somebody"),
    "function": (lambda model: model.functions.append(onnx.FunctionProto(name="mine", domain="")), "functions"),
}


@pytest.mark.parametrize("place", HIDING)
def test_what_reaches_outside_is_named(place: str) -> None:
    change, named = HIDING[place]
    model = onnx.load_from_string(WHOLE)
    change(model)
    told = reaches_outside(model.SerializeToString())
    assert told is not None and named in told


def test_a_graph_that_is_whole_in_itself_has_nothing_to_hide() -> None:
    assert reaches_outside(WHOLE) is None


@pytest.mark.parametrize("wrong", [b"\xff" * 12, b"\x0b\x01", b"\x08\x80", b"\x3a\x7f\x00", b"\x38\x01", b"\x39\x00"])
def test_what_is_no_protocol_buffer_is_said_to_be_none(wrong: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        reaches_outside(wrong)


def test_numbers_of_fixed_width_are_passed_over() -> None:
    assert reaches_outside(b"\x09" + bytes(8) + b"\x0d" + bytes(4) + WHOLE) is None


@given(st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_for_any_bytes_there_is_an_answer_or_a_value_error(content: bytes) -> None:
    try:
        told = reaches_outside(content)
    except ValueError:
        return
    assert told is None or isinstance(told, str)
