"""State as plain data and arrays, in one file that executes nothing when it is read.

The file is a safetensors file: its tensors are the arrays, and its header holds the rest as JSON,
with a digest over everything. Numbers, texts, lists, tuples, mappings, queues of limited length,
NumPy arrays without objects and PyTorch tensors can be kept; nothing else is.
"""

import hashlib
import json
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.numpy import load as parse_arrays
from safetensors.numpy import save as pack_arrays

from sushi_accel.files.atomic import replacing
from sushi_accel.files.json_text import parse_json
from sushi_accel.files.reading import read_bytes
from sushi_accel.shown import plain, shown
from sushi_env import InputError

Arrays = dict[str, np.ndarray]
_SCALARS = (str, int, float, type(None))
_LENGTH_BYTES = 8
"""Of a safetensors file, at its beginning: the length of the header."""


class NotPlainError(TypeError):
    """A value that is no plain data."""


def plain_attributes(thing: object) -> dict[str, Any]:
    """Those attributes of an object that can be kept, by name."""
    return {name: value for name, value in vars(thing).items() if _is_plain(value)}


def write_state(path: Path, kind: str, state: Any, where: str) -> None:
    """Writes state to a file, atomically.

    Args:
        path: The file.
        kind: Name and version of the format.
        state: Plain data and arrays.
        where: What the file is, for messages.

    Raises:
        NotPlainError: If something in it is neither.
        InputError: If the file cannot be written.
    """
    arrays: Arrays = {}
    text = json.dumps(_encoded(state, arrays))
    header = {"format": kind, "state": text, "sha256": _digest(text, arrays)}
    packed = pack_arrays({k: np.asarray(v, order="C") for k, v in arrays.items()}, header)
    with replacing(path, where) as part:
        part.write_bytes(packed)


def read_state(path: Path, kind: str, where: str, max_bytes: int) -> Any:
    """Reads what `write_state` wrote.

    Raises:
        InputError: If the file cannot be read, is not such a file, or is damaged.
    """
    raw = read_bytes(path, where, max_bytes)
    try:
        length = int.from_bytes(raw[:_LENGTH_BYTES], "little")
        arrays = parse_arrays(raw)
        header = parse_json(raw[_LENGTH_BYTES : _LENGTH_BYTES + length], where)
        about = header.get("__metadata__", {})
        found, text, digest = (about.get(key) for key in ("format", "state", "sha256"))
    except (SafetensorError, ValueError, KeyError) as error:
        raise InputError(f"{where}: cannot be read ({plain(error)})") from None
    if found != kind or text is None:
        raise InputError(f"{where}: is no {kind}, says {shown(found)}")
    if digest != _digest(text, arrays):
        raise InputError(f"{where}: cannot be read (damaged: its digest is another)")
    try:
        return _decoded(parse_json(text, where), arrays)
    except (TypeError, ValueError, KeyError) as error:
        raise InputError(f"{where}: cannot be read ({plain(error)})") from None


def _digest(text: str, arrays: Arrays) -> str:
    found = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        found.update(f"{name} {array.dtype.str} {array.shape}".encode())
        found.update(np.asarray(array, order="C").reshape(-1).view(np.uint8).data)
    return found.hexdigest()


def _is_plain(value: Any) -> bool:
    try:
        _encoded(value, {})
    except NotPlainError:
        return False
    return True


def _encoded(value: Any, arrays: Arrays) -> Any:
    """JSON of a value; its arrays are put into `arrays`."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, _SCALARS):
        return value
    if isinstance(value, torch.Tensor):
        return {"tensor": _kept(value.detach().cpu().numpy(), arrays)}
    if isinstance(value, np.ndarray):
        return {"array": _kept(value, arrays)}
    if isinstance(value, dict):
        pairs = [[_encoded(k, arrays), _encoded(v, arrays)] for k, v in value.items()]
        return {"pairs": pairs}
    if isinstance(value, list | tuple | deque):
        items = [_encoded(item, arrays) for item in value]
        if isinstance(value, deque):
            return {"queue": items, "longest": value.maxlen}
        return items if isinstance(value, list) else {"tuple": items}
    raise NotPlainError(f"{type(value).__name__} is no plain data")


def _kept(array: np.ndarray, arrays: Arrays) -> str:
    if array.dtype.hasobject or array.dtype.kind not in "biuf":
        raise NotPlainError(f"an array of {array.dtype} is no plain data")
    name = str(len(arrays))
    arrays[name] = array
    return name


def _decoded(value: Any, arrays: Arrays) -> Any:
    if isinstance(value, list):
        return [_decoded(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[value["array"]].copy()
    if "tensor" in value:
        return torch.from_numpy(arrays[value["tensor"]].copy())
    if "tuple" in value:
        return tuple(_decoded(item, arrays) for item in value["tuple"])
    if "queue" in value:
        return deque((_decoded(item, arrays) for item in value["queue"]), value["longest"])
    return {_decoded(k, arrays): _decoded(v, arrays) for k, v in value["pairs"]}
