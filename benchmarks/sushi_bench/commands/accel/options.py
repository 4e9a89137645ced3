"""Options that the subcommands of `sushi accel` share, and what they select."""

from dataclasses import replace
from typing import Annotated

import typer

from sushi_accel import Board, get_board

SuperNetOption = Annotated[str, typer.Option("--supernet", help="A SuperNet, or a .yaml of one.")]
BoardOption = Annotated[str, typer.Option("--board", help="A board, or a .yaml of one.")]
PbOption = Annotated[int | None, typer.Option("--pb-kib", help="Persistent Buffer, KiB.")]
BandwidthOption = Annotated[
    float | None, typer.Option("--bandwidth-gbs", help="Off-chip bandwidth, GB/s.")
]
SubGraphsOption = Annotated[
    int,
    typer.Option("--subgraphs", help="SubGraphs, the empty one included.", min=1, max=1000),
]


def chosen_board(name: str, pb_kib: int | None, bandwidth_gbs: float | None) -> Board:
    """The board of that name, with what the options override."""
    board = get_board(name)
    if pb_kib is not None:
        board = replace(board, pb_bytes=pb_kib * 1024)
    if bandwidth_gbs is not None:
        board = replace(board, bandwidth_bytes_per_s=bandwidth_gbs * 1e9)
    return board
