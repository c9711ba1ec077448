"""Reads an ONNX file's outline before any runtime sees it, and says what in it reaches outside of the file.

Only the protocol buffer's wire format is walked (https://protobuf.dev/programming-guides/encoding/), field numbers as in onnx.proto3.
A weight that lies in another file, an operator of an unknown vendor, a function or a graph inside of a graph: none of them is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator

KNOWN_DOMAINS = ("", "ai.onnx", "ai.onnx.ml")

# Field numbers of onnx.proto3.
_MODEL_GRAPH, _MODEL_OPSET, _MODEL_FUNCTIONS = 7, 8, 25
_OPSET_DOMAIN = 1
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_SPARSE = 1, 5, 15
_NODE_ATTRIBUTE, _NODE_DOMAIN = 5, 7
_ATTRIBUTE_TENSOR, _ATTRIBUTE_GRAPH, _ATTRIBUTE_TENSORS, _ATTRIBUTE_GRAPHS = 5, 6, 10, 11
_ATTRIBUTE_SPARSE = (22, 23)
_TENSOR_EXTERNAL, _TENSOR_LOCATION = 13, 14
_SPARSE_PARTS = (1, 2)


def reaches_outside(model: bytes) -> str | None:
    """What is wrong with the file, in words; None when everything the graph needs is in it and of a known domain.

    Raises ValueError when it is no protocol buffer.
    """
    try:
        return _model(memoryview(model))
    except IndexError as error:
        raise ValueError("cut off") from error


def _model(model: memoryview) -> str | None:
    for field, value in _fields(model):
        found = None
        if field == _MODEL_FUNCTIONS:
            found = "it defines functions of its own"
        elif field == _MODEL_OPSET:
            found = _first(_domain(bytes(_bytes(name))) for number, name in _fields(_bytes(value)) if number == _OPSET_DOMAIN)
        elif field == _MODEL_GRAPH:
            found = _graph(_bytes(value))
        if found:
            return found
    return None


def _graph(graph: memoryview) -> str | None:
    for field, value in _fields(graph):
        found = None
        if field == _GRAPH_NODE:
            found = _node(_bytes(value))
        elif field == _GRAPH_INITIALIZER:
            found = _tensor(_bytes(value))
        elif field == _GRAPH_SPARSE:
            found = _sparse(_bytes(value))
        if found:
            return found
    return None


def _node(node: memoryview) -> str | None:
    for field, value in _fields(node):
        found = None
        if field == _NODE_DOMAIN:
            found = _domain(bytes(_bytes(value)))
        elif field == _NODE_ATTRIBUTE:
            found = _attribute(_bytes(value))
        if found:
            return found
    return None


def _attribute(attribute: memoryview) -> str | None:
    for field, value in _fields(attribute):
        found = None
        if field in (_ATTRIBUTE_GRAPH, _ATTRIBUTE_GRAPHS):
            found = "it has a graph inside of a graph, whose time nobody can bound"
        elif field in (_ATTRIBUTE_TENSOR, _ATTRIBUTE_TENSORS):
            found = _tensor(_bytes(value))
        elif field in _ATTRIBUTE_SPARSE:
            found = _sparse(_bytes(value))
        if found:
            return found
    return None


def _sparse(sparse: memoryview) -> str | None:
    return _first(_tensor(_bytes(value)) for field, value in _fields(sparse) if field in _SPARSE_PARTS)


def _tensor(tensor: memoryview) -> str | None:
    for field, value in _fields(tensor):
        if field == _TENSOR_EXTERNAL or (field == _TENSOR_LOCATION and value != 0):
            return "some of its weights lie in another file"
    return None


def _domain(name: bytes) -> str | None:
    told = name.decode(errors="replace")
    return None if told in KNOWN_DOMAINS else f"it uses operators of {told!r}"


def _first(found: Iterator[str | None]) -> str | None:
    return next((one for one in found if one), None)


def _bytes(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ValueError("a number where a message belongs")
    return value


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Field number and value of each field: numbers as int, everything else as bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        wire = key & 7
        if wire == 0:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if wire == 2:
            size, at = _varint(message, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError("an unknown wire type")
        if at + size > len(message):
            raise ValueError("cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("a number without an end")
