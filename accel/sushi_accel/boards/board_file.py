"""Boards as YAML files: a user's own hardware, or the outcome of a calibration."""

from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, create_model

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.files.documents import validate, write_atomically
from sushi_accel.files.reading import named
from sushi_accel.files.versions import Format
from sushi_accel.files.yaml_text import read_yaml

FORMAT = Format("schema_version", 1)


def _document() -> type[BaseModel]:
    """A model with a board's own fields, so that the two cannot drift apart."""
    keys: dict[str, Any] = {
        f.name: (f.type, ... if f.default is MISSING else f.default) for f in fields(Board)
    }
    config = ConfigDict(extra="forbid", strict=False)
    return create_model("BoardDocument", __config__=config, schema_version=(int, ...), **keys)


def load_board(path: str | Path) -> Board:
    """Reads a board as `save_board` writes it; a field that is not there has its default.

    Raises:
        InputError: If the file is missing, not YAML, of a schema version not known here, lacks a
            field without a default, or holds an impossible value.
    """
    where = named("board file", path)
    document = FORMAT.upgraded(read_yaml(path, where), where)
    contents = validate(_document(), document, where).model_dump(exclude={"schema_version"})
    try:
        return Board(**contents)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def save_board(board: Board, path: str | Path) -> None:
    """Writes a board as YAML, atomically.

    Raises:
        InputError: If the path cannot be written.
    """
    document = {FORMAT.key: FORMAT.version} | asdict(board)
    write_atomically(path, yaml.safe_dump(document, sort_keys=False), named("board file", path))
