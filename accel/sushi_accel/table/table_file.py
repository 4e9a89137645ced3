"""SushiAbs tables on disk: a `.npz` with a schema version and a digest, without pickles."""

import hashlib
import io
import json
import math
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_accel.errors import InputError
from sushi_accel.files.atomic import replacing
from sushi_accel.files.json_text import parse_json
from sushi_accel.files.reading import named, read_bytes
from sushi_accel.files.versions import Format
from sushi_accel.shown import plain, shown
from sushi_accel.table.table import SushiAbs

FORMAT = Format("schema_version", 1)
MAX_FILE_BYTES = 64 * 1024**2
"""Larger files are refused: a table of 100 SubNets x 1,000 SubGraphs takes a third of it."""

MAX_ENTRIES = 100
"""Entries of the archive; a table has 17. Thousands of empty ones would take minutes to list."""

_SCALARS = ("supernet", "board", "pb_bytes")
_NAMES = ("subnet_names", "subgraph_names")


def _arrays(table: SushiAbs) -> dict[str, NDArray[np.float64]]:
    named = (f.name for f in fields(table))
    return {name: getattr(table, name) for name in named if name not in _SCALARS + _NAMES}


def _header(table: SushiAbs) -> dict[str, Any]:
    return {name: getattr(table, name) for name in _SCALARS + _NAMES}


def table_digest(table: SushiAbs) -> str:
    """SHA-256, in hex, of everything the table holds."""
    sha = hashlib.sha256(json.dumps(_header(table), sort_keys=True).encode())
    for name, array in sorted(_arrays(table).items()):
        sha.update(f"{name}{array.shape}".encode())
        sha.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return sha.hexdigest()


def save_table(table: SushiAbs, path: str | Path) -> None:
    """Writes the table to `path`, atomically.

    Raises:
        InputError: If the path cannot be written.
    """
    header = _header(table) | {FORMAT.key: FORMAT.version, "digest": table_digest(table)}
    arrays: dict[str, Any] = _arrays(table)
    with replacing(path, named("table", path)) as part, part.open("wb") as file:
        np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)


def load_table(path: str | Path) -> SushiAbs:
    """Reads a table that `save_table` wrote; nothing in the file is executed.

    Raises:
        InputError: If the file is missing, too large, truncated, tampered with, of a schema
            version not known here, or holds impossible values.
    """
    where = named("table", path)
    raw = read_bytes(path, where, MAX_FILE_BYTES)
    try:
        contents = _entries(raw, where)
    except InputError:
        raise
    except Exception as error:  # zipfile and NumPy raise a dozen kinds on corrupt input
        raise InputError(f"{where}: not a readable .npz file ({plain(error)})") from None
    return _parse(contents, where)


def _entries(raw: bytes, where: str) -> dict[str, NDArray[Any]]:
    """The arrays of an `.npz`, by name.

    NumPy's own reader asks for as much memory as an array's header says, before it looks at how
    much there is.
    """
    if raw.count(b"PK\x01\x02") > MAX_ENTRIES:  # each entry's signature in the directory
        raise InputError(f"{where}: more than {MAX_ENTRIES} entries")
    found = {}
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_FILE_BYTES:
            raise InputError(f"{where}: {unpacked} bytes unpacked, at most {MAX_FILE_BYTES}")
        for member in archive.infolist():
            entry = io.BytesIO(archive.read(member))
            version = np.lib.format.read_magic(entry)
            if version != (1, 0):
                raise ValueError(f"array format {version}")
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(entry)
            data = entry.read()
            if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data):
                raise ValueError(f"array of {len(data)} bytes, type {dtype}, shape {shape}")
            values = np.frombuffer(data, dtype=dtype)
            name = member.filename.removesuffix(".npy")
            found[name] = values.reshape(shape, order="F" if fortran else "C")
    return found


def _parse(contents: dict[str, Any], where: str) -> SushiAbs:
    text = contents.pop("header", np.zeros(0))
    if text.ndim or text.dtype.kind != "U":
        raise InputError(f"{where}: has no header")
    header = FORMAT.upgraded(parse_json(str(text), f"{where}: header"), where)
    if not isinstance(header, dict) or not header.keys() >= {FORMAT.key, "digest"}:
        raise InputError(f"{where}: has no header of a SushiAbs table")
    del header[FORMAT.key]
    digest = header.pop("digest")
    expected = {f.name for f in fields(SushiAbs)}
    if odd := sorted(expected ^ (set(header) | set(contents))):
        names = ", ".join(plain(name) for name in odd[:5])
        raise InputError(f"{where}: missing or unknown entries: {names}")
    try:
        header |= {name: tuple(header[name]) for name in _NAMES}
        table = SushiAbs(**header, **contents)
        actual = table_digest(table)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    except (TypeError, AttributeError, IndexError):
        raise InputError(f"{where}: an entry has the wrong type") from None
    if actual != digest:
        raise InputError(f"{where}: digest {actual[:12]} is not the recorded {shown(digest)}")
    return table
