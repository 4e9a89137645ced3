"""Options that the subcommands of `sushi accel` share, and what they select."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sushi_accel import Board, InputError, get_board
from sushi_accel.files.atomic import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SuperNetOption = Annotated[str, typer.Option("--supernet", help="A SuperNet, or a .yaml of one.")]
BoardOption = Annotated[str, typer.Option("--board", help="A board, or a .yaml of one.")]
PbOption = Annotated[int | None, typer.Option("--pb-kib", help="Persistent Buffer, KiB.")]
BandwidthOption = Annotated[
    float | None, typer.Option("--bandwidth-gbs", help="Off-chip bandwidth, GB/s.")
]
SubGraphsOption = Annotated[
    int, typer.Option("--subgraphs", help="SubGraphs, the empty one included.")
]


def chosen_board(name: str, pb_kib: int | None, bandwidth_gbs: float | None) -> Board:
    """The board of that name, with what the options override."""
    board = get_board(name)
    if pb_kib is not None:
        board = replace(board, pb_bytes=pb_kib * 1024)
    if bandwidth_gbs is not None:
        board = replace(board, bandwidth_bytes_per_s=bandwidth_gbs * 1e9)
    return board


def save_picture(figure: "Figure", path: Path) -> None:
    """Saves a figure, atomically, in the format that the path's ending names.

    Raises:
        InputError: If the ending names no format, or the path cannot be written.
    """
    if path.suffix not in {".png", ".svg", ".pdf"}:
        raise InputError(f"picture {path}: must end in .png, .svg or .pdf")
    with replacing(path, f"picture {path}") as part:
        figure.savefig(part)


def need_matplotlib() -> None:
    """Raises a clear error if the extra `plot` is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise InputError("pictures need Matplotlib: pip install 'sushi-env[plot]'") from None
