"""SushiAbs tables on disk: a `.npz` with a schema version and a digest, without pickles."""

import hashlib
import json
import zipfile
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_accel.errors import InputError
from sushi_accel.files.atomic import replacing
from sushi_accel.table.table import SushiAbs

SCHEMA_VERSION = 1
MAX_FILE_BYTES = 64 * 1024**2
"""Larger files are refused: a table of 100 SubNets x 1,000 SubGraphs takes a third of it."""

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
    header = _header(table) | {"schema_version": SCHEMA_VERSION, "digest": table_digest(table)}
    arrays: dict[str, Any] = _arrays(table)
    with replacing(path, f"table {path}") as part, part.open("wb") as file:
        np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)


def load_table(path: str | Path) -> SushiAbs:
    """Reads a table that `save_table` wrote; nothing in the file is executed.

    Raises:
        InputError: If the file is missing, too large, truncated, tampered with, of another
            schema version, or holds impossible values.
    """
    path = Path(path)
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(f"table {path}: {size} bytes, at most {MAX_FILE_BYTES} allowed")
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(member.file_size for member in archive.infolist())
        if unpacked > MAX_FILE_BYTES:
            raise InputError(f"table {path}: {unpacked} bytes unpacked, at most {MAX_FILE_BYTES}")
        with np.load(path, allow_pickle=False) as archive:
            contents = {name: archive[name] for name in archive.files}
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"table {path}: cannot be read ({error.strerror or error})") from None
    except Exception as error:  # zipfile and NumPy raise a dozen kinds on corrupt input
        reason = " ".join(str(error).split())
        raise InputError(f"table {path}: not a readable .npz file ({reason})") from None
    return _parse(contents, path)


def _parse(contents: dict[str, Any], path: Path) -> SushiAbs:
    try:
        header = json.loads(str(contents.pop("header")))
        version, digest = header.pop("schema_version"), header.pop("digest")
    except (KeyError, ValueError, AttributeError, TypeError, RecursionError):
        raise InputError(f"table {path}: has no header of a SushiAbs table") from None
    if version != SCHEMA_VERSION:
        raise InputError(f"table {path}: schema version {version!r}, must be {SCHEMA_VERSION}")
    expected = {f.name for f in fields(SushiAbs)}
    found = set(header) | set(contents)
    if found != expected:
        wrong = ", ".join(sorted(expected ^ found))
        raise InputError(f"table {path}: missing or unknown entries: {wrong}")
    try:
        header |= {name: tuple(header[name]) for name in _NAMES}
        table = SushiAbs(**header, **contents)
        actual = table_digest(table)
    except InputError as error:
        raise InputError(f"table {path}: {error}") from None
    except (TypeError, AttributeError, IndexError):
        raise InputError(f"table {path}: an entry has the wrong type") from None
    if actual != digest:
        raise InputError(
            f"table {path}: digest {actual[:12]} is not the recorded {str(digest)[:12]!r}"
        )
    return table
