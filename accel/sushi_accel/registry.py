"""SuperNets and boards: presets by name, a user's own by the path of a file."""

from functools import cache
from pathlib import Path

from sushi_accel.boards.board import Board
from sushi_accel.boards.board_file import load_board
from sushi_accel.boards.presets import PRESETS
from sushi_accel.errors import InputError
from sushi_accel.supernets.ofa_mobilenetv3 import ofa_mobilenetv3
from sushi_accel.supernets.ofa_resnet50 import ofa_resnet50
from sushi_accel.supernets.supernet import SuperNet
from sushi_accel.supernets.supernet_file import load_supernet

_BUILDERS = {"resnet50": ofa_resnet50, "mobilenetv3": ofa_mobilenetv3}


def supernet_names() -> list[str]:
    """Names of the SuperNets that come with the package."""
    return list(_BUILDERS)


def is_file_name(name: str) -> bool:
    """Whether a name is the path of a YAML file rather than a preset's name."""
    return Path(name).suffix in {".yaml", ".yml"}


@cache
def _built(name: str) -> SuperNet:
    return _BUILDERS[name]()


def get_supernet(name: str) -> SuperNet:
    """Returns the SuperNet called `name`, or the one in the YAML file of that name.

    Raises:
        InputError: If there is no such SuperNet, or the file is not a valid one.
    """
    if name in _BUILDERS:
        return _built(name)
    if is_file_name(name):
        return load_supernet(name)
    known = ", ".join(_BUILDERS)
    raise InputError(f"unknown SuperNet {name!r}; known: {known}, or a path to a .yaml")


def get_board(name: str) -> Board:
    """Returns the preset called `name`, or the board in the YAML file of that name.

    Raises:
        InputError: If there is no such preset, or the file is not a valid board.
    """
    if name in PRESETS:
        return PRESETS[name]
    if is_file_name(name):
        return load_board(name)
    known = ", ".join(PRESETS)
    raise InputError(f"unknown board {name!r}; known: {known}, or a path to a .yaml")


def board_names() -> list[str]:
    """Names of the preset boards."""
    return list(PRESETS)
