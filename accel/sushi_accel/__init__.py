"""SuperNets, boards, timing, energy and the SushiAbs latency table of SushiAccel."""

from typing import TYPE_CHECKING

from sushi_accel.errors import InputError
from sushi_accel.lazy_names import lazy_names
from sushi_accel.moved import keep_paths
from sushi_accel.version import __version__

if TYPE_CHECKING:  # loaded when they are asked for
    from sushi_accel.boards.board import Board
    from sushi_accel.boards.board_file import load_board, save_board
    from sushi_accel.registry import board_names, get_board, get_supernet, supernet_names
    from sushi_accel.supernets.layer import ConvLayer
    from sushi_accel.supernets.subgraph import SubGraph
    from sushi_accel.supernets.supernet import SubNet, SuperNet
    from sushi_accel.supernets.supernet_file import load_supernet, save_supernet
    from sushi_accel.table.candidates import build_candidates
    from sushi_accel.table.table import SushiAbs, build_table
    from sushi_accel.table.table_file import load_table, save_table
else:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "boards.board": "Board",
            "boards.board_file": "load_board save_board",
            "registry": "board_names get_board get_supernet supernet_names",
            "supernets.layer": "ConvLayer",
            "supernets.subgraph": "SubGraph",
            "supernets.supernet": "SubNet SuperNet",
            "supernets.supernet_file": "load_supernet save_supernet",
            "table.candidates": "build_candidates",
            "table.table": "SushiAbs build_table",
            "table.table_file": "load_table save_table",
        },
    )

__all__ = [
    "Board",
    "ConvLayer",
    "InputError",
    "SubGraph",
    "SubNet",
    "SuperNet",
    "SushiAbs",
    "__version__",
    "board_names",
    "build_candidates",
    "build_table",
    "get_board",
    "get_supernet",
    "load_board",
    "load_supernet",
    "load_table",
    "save_board",
    "save_supernet",
    "save_table",
    "supernet_names",
]

keep_paths(__name__, {"timing": "model.timing", "reference": "model.reference"})
