"""JSON from strangers, as plain data."""

import json
from pathlib import Path
from typing import Any

from sushi_accel.errors import InputError
from sushi_accel.files.reading import as_text, read_bytes
from sushi_accel.shown import plain, shown

MAX_FILE_BYTES = 4 * 1024**2
MAX_DEPTH = 64


def parse_json(raw: str | bytes, where: str) -> Any:
    """Plain data from JSON text.

    Args:
        raw: The text.
        where: What it is, for messages.

    Raises:
        InputError: If it is no JSON, nested too deeply, or names a key twice. Numbers that are
            not finite are for the format's validation to refuse, which knows their names.
    """
    text = as_text(raw, where) if isinstance(raw, bytes) else raw
    try:
        value = json.loads(text, object_pairs_hook=_mapping)
    except RecursionError:
        value, deep = None, True
    except ValueError as error:
        raise InputError(f"{where}: not JSON ({plain(error)})") from None
    else:
        # A text with few brackets cannot be deep; a result file has two in a line.
        deep = text.count("[") + text.count("{") > MAX_DEPTH and _depth(value) > MAX_DEPTH
    if deep:
        raise InputError(f"{where}: not JSON (nested deeper than {MAX_DEPTH} levels)")
    return value


def read_json(path: str | Path, where: str, max_bytes: int = MAX_FILE_BYTES) -> Any:
    """Reads a JSON file.

    Raises:
        InputError: If the file cannot be read, is larger than `max_bytes`, or as `parse_json`.
    """
    return parse_json(read_bytes(path, where, max_bytes), where)


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        repeated = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise ValueError(f"key {shown(repeated)} stands there twice")
    return found


def _depth(value: Any) -> int:
    """Levels of lists and mappings within one another."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [item.values() if isinstance(item, dict) else item for item in level]
        level = [v for items in inner if not isinstance(items, _SCALAR) for v in items]
    return depth


_SCALAR = (str, int, float, type(None))
