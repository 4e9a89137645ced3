"""SuperNets, boards, timing, energy and the SushiAbs latency table of SushiAccel."""

from sushi_accel.boards.board import Board
from sushi_accel.boards.board_file import load_board, save_board
from sushi_accel.errors import InputError
from sushi_accel.moved import keep_paths
from sushi_accel.registry import board_names, get_board, get_supernet, supernet_names
from sushi_accel.supernets.layer import ConvLayer
from sushi_accel.supernets.subgraph import SubGraph
from sushi_accel.supernets.supernet import SubNet, SuperNet
from sushi_accel.supernets.supernet_file import load_supernet, save_supernet
from sushi_accel.table.candidates import build_candidates
from sushi_accel.table.table import SushiAbs, build_table
from sushi_accel.table.table_file import load_table, save_table
from sushi_accel.version import __version__

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
