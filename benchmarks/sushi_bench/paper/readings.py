"""The two readings of the measured silicon, on every board.

The ZCU104's measurements are explained as well by an array that stops for weight fetches
(`zcu104`) as by one that does not (`zcu104-overlapped`); they disagree on what a cached byte
saves, and nothing measured decides between them. What is concluded about a board is therefore
computed in both readings.
"""

from dataclasses import replace

from sushi_accel import Board, get_board
from sushi_bench.paper.devices import DEVICES

STOPPING, OVERLAPPED = "zcu104", "zcu104-overlapped"
SUFFIX = "-overlapped"


def read_as(board: Board, reading: str) -> Board:
    """A board with the timing of a reading, at its own bandwidth.

    Args:
        board: The board.
        reading: `zcu104` or `zcu104-overlapped`.
    """
    timing = get_board(reading)
    return replace(
        board,
        double_buffered=timing.double_buffered,
        stage_inputs=timing.stage_inputs,
        stream_padding=timing.stream_padding,
        cycles_per_position=timing.cycles_per_position,
        cycles_per_sweep=timing.cycles_per_sweep,
        driver_cycles=timing.driver_cycles,
    )


def in_other_reading(board: Board) -> Board:
    """A board in the reading that it is not in."""
    return read_as(board, STOPPING if board.double_buffered else OVERLAPPED)


_OVERLAPPED_U50 = replace(in_other_reading(get_board("alveo_u50")), name=f"alveo_u50{SUFFIX}")


def base_board(name: str) -> Board:
    """The preset called `name`, or `alveo_u50-overlapped`, which is `alveo_u50` read so."""
    return _OVERLAPPED_U50 if name == _OVERLAPPED_U50.name else get_board(name)


SWEPT = tuple(DEVICES)
"""Boards that are swept: two chips in two readings."""
