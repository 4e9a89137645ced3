"""ONNX files of strangers, with the shapes of all their tensors (extra `onnx`).

A file is looked through before it is parsed: a graph of millions of nodes takes a hundred times
its size in memory. What counts is what is not a weight, as weights may take any room.
"""

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from sushi_accel.errors import InputError, need
from sushi_accel.files.reading import named, read_bytes
from sushi_accel.shown import plain, shown

if TYPE_CHECKING:
    from onnx import ModelProto, TensorProto

MAX_FILE_BYTES = 2**30
MAX_ENTRIES = 100_000
"""Nodes, weights and shapes of a graph; the largest vision models have some thousands."""

MAX_GRAPH_BYTES = 64 * 1024**2
"""A file without its weights."""

KEPT_VALUES = 1024
"""Tensors of more values are weights, of which the shape is enough; others may be a shape."""

_MODEL_GRAPH, _GRAPH_INITIALIZER = 7, 5  # numbers of fields in onnx.proto


def load_onnx(path: str | Path) -> "ModelProto":
    """Reads an ONNX model without its weights, and infers the shapes of its tensors.

    Raises:
        InputError: If the file is missing, no ONNX model, too large, needs a file that is not
            there, or its shapes contradict each other; or if `onnx` is not installed.
    """
    need("ONNX models need", "onnx", "onnx")
    import onnx
    from google.protobuf.message import DecodeError

    where = named("ONNX model", path)
    raw = read_bytes(path, where, MAX_FILE_BYTES)
    _refuse_large_graphs(memoryview(raw), where)
    model = onnx.ModelProto()
    try:
        model.ParseFromString(raw)
    except DecodeError:
        raise InputError(f"{where}: is not an ONNX model") from None
    if not model.graph.node:
        raise InputError(f"{where}: is not an ONNX model, or has no nodes")
    for tensor in model.graph.initializer:
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            _demand_external_data(tensor, Path(path).parent, where)
        values = 1
        for size in tensor.dims:
            values *= size
        if values > KEPT_VALUES:
            for field in ("raw_data", "float_data", "int32_data", "int64_data", "double_data"):
                tensor.ClearField(field)
    try:
        return onnx.shape_inference.infer_shapes(model, data_prop=True)
    except Exception as error:  # ONNX's own kinds, which its library does not all document
        raise InputError(f"{where}: shapes cannot be inferred ({plain(error)})") from None


def _refuse_large_graphs(raw: memoryview, where: str) -> None:
    """Counts what the graph has, in the file as it lies.

    Raises:
        InputError: If it has too much, or is not in the format at all.
    """
    entries = size = 0
    try:
        for number, start, stop in _fields(raw, 0, len(raw)):
            if number != _MODEL_GRAPH:
                size += stop - start
                continue
            for inner, begin, end in _fields(raw, start, stop):
                entries += 1
                size += 0 if inner == _GRAPH_INITIALIZER else end - begin
                if entries > MAX_ENTRIES:
                    raise InputError(f"{where}: more than {MAX_ENTRIES} nodes and tensors")
    except (ValueError, IndexError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{where}: is not an ONNX model, or is cut short") from None
    if size > MAX_GRAPH_BYTES:
        raise InputError(f"{where}: {size} bytes without its weights, more than {MAX_GRAPH_BYTES}")


def _fields(raw: memoryview, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a protobuf message: number, and where the contents begin and end."""
    while at < end:
        key, at = _varint(raw, at)
        start, kind = at, key & 7
        if kind == 0:
            _, at = _varint(raw, at)
        elif kind == 2:
            length, start = _varint(raw, at)
            at = start + length
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
        else:
            raise ValueError(kind)
        if at > end:
            raise ValueError(at)
        yield key >> 3, start, at


def _varint(raw: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        byte = raw[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(value)


def _demand_external_data(tensor: "TensorProto", folder: Path, where: str) -> None:
    """Weights in a file of their own: it is not read, but a model that lacks it is not whole.

    Raises:
        InputError: If it is absent, too short, or not beside the model.
    """
    entries = {entry.key: entry.value for entry in tensor.external_data}
    about = f"{where}: weights {shown(tensor.name)} are in {shown(entries.get('location', ''))}"
    parts = Path(entries.get("location", "").replace("\0", "")).parts
    if not parts or ".." in parts or Path(*parts).is_absolute():
        raise InputError(f"{about}, must be in the model's folder or below")
    try:
        status = folder.joinpath(*parts).stat()
        needed = int(entries.get("offset", 0)) + int(entries.get("length", 0))
    except (OSError, ValueError):
        raise InputError(f"{about}, which cannot be read") from None
    if not stat.S_ISREG(status.st_mode) or status.st_size < needed:
        raise InputError(f"{about}, which is shorter than the model says")
