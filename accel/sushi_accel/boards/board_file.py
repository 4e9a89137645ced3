"""Boards as YAML files: a user's own hardware, or the outcome of a calibration."""

from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, create_model

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.files.documents import read_yaml, validate, write_atomically

SCHEMA_VERSION = 1

FIRST_ADDED = "taps"
"""The first field that came after files of this version were written. Such fields may be left out:
their defaults say what those boards were."""

ADDED = [f.name for f in fields(Board)]
ADDED = ADDED[ADDED.index(FIRST_ADDED) :]


def _document() -> type[BaseModel]:
    """A model with a board's own fields, so that the two cannot drift apart."""
    keys: dict[str, Any] = {
        f.name: (f.type, f.default if f.name in ADDED else ...) for f in fields(Board)
    }
    config = ConfigDict(extra="forbid", strict=False)
    return create_model("BoardDocument", __config__=config, schema_version=(int, ...), **keys)


def load_board(path: str | Path) -> Board:
    """Reads a board as `save_board` writes it; the fields before `FIRST_ADDED` must be there.

    Raises:
        InputError: If the file is missing, not YAML, of another schema version, lacks a field,
            or holds an impossible value.
    """
    where = f"board file {path}"
    contents = validate(_document(), read_yaml(path, where), where).model_dump()
    version = contents.pop("schema_version")
    if version != SCHEMA_VERSION:
        raise InputError(f"{where}: schema_version = {version}, must be {SCHEMA_VERSION}")
    try:
        return Board(**contents)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def save_board(board: Board, path: str | Path) -> None:
    """Writes a board as YAML, atomically.

    Raises:
        InputError: If the path cannot be written.
    """
    document = {"schema_version": SCHEMA_VERSION} | asdict(board)
    write_atomically(path, yaml.safe_dump(document, sort_keys=False), f"board file {path}")
