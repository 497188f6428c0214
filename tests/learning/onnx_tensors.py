"""Constants of an ONNX file, read by the protobuf wire format alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["onnx_constants", "onnx_convolutions"]

# Field numbers of onnx.proto3.
_GRAPH, _NODE, _INITIALISER = 7, 1, 5
_DIMS, _DATA_TYPE, _FLOATS, _NAME, _RAW = 1, 2, 4, 8, 9
_INPUT, _OPERATOR = 1, 4


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        length = {1: 8, 5: 4}.get(kind)
        if length is None:
            length, at = _varint(data, at)
        yield number, data[at : at + length]
        at += length


def _parts(data: memoryview, wanted: int) -> list[memoryview]:
    return [v for number, v in _fields(data) if number == wanted]


def _packed(values: list[int | memoryview]) -> tuple[int, ...]:
    result: list[int] = []
    for value in values:
        if isinstance(value, int):
            result.append(value)
            continue
        at = 0
        while at < len(value):
            n, at = _varint(value, at)
            result.append(n)
    return tuple(result)


def _graph(path: Path) -> memoryview:
    return _parts(memoryview(path.read_bytes()), _GRAPH)[0]


def onnx_constants(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the float32 constants of an ONNX file by name."""
    found = {}
    for tensor in _parts(_graph(path), _INITIALISER):
        if _packed(_parts(tensor, _DATA_TYPE)) != (1,):  # FLOAT
            continue
        name = bytes(_parts(tensor, _NAME)[0]).decode()
        raw = _parts(tensor, _RAW) or _parts(tensor, _FLOATS)
        shape = _packed(_parts(tensor, _DIMS))
        found[name] = np.frombuffer(bytes(raw[0]), "<f4").reshape(shape)
    return found


def onnx_convolutions(path: Path) -> list[tuple[NDArray[np.float32], ...]]:
    """Return kernel (and bias) of each convolution, in the order of computation."""
    constants = onnx_constants(path)
    found = []
    for node in _parts(_graph(path), _NODE):
        operator = bytes(_parts(node, _OPERATOR)[0]).decode()
        if operator == "Conv":
            names = [bytes(name).decode() for name in _parts(node, _INPUT)[1:]]
            found.append(tuple(constants[name] for name in names))
    return found
