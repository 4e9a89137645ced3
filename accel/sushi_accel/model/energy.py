"""Energy of one inference: bytes moved off chip and on chip, and MACs, times constants."""

from sushi_accel.boards.board import Board
from sushi_accel.model.timing import Array, LayerWork, offchip_bytes

PARTIAL_SUM_BYTES = 4
"""Partial sums are 32-bit integers."""


def onchip_bytes(work: LayerWork, resident_bytes: Array) -> Array:
    """Bytes moved on chip per layer.

    Counted are: every weight read once from its buffer, and written to it first unless it is
    resident; the input map written once and read once for each tile of output channels (if
    depthwise, once, as no two tiles share a channel) and nine taps; and one partial sum read and
    written for each output value and pass over input channels and taps.

    Args:
        work: Work per layer, arrays of shape (..., N).
        resident_bytes: Weight bytes in the Persistent Buffer, broadcastable to (..., N).

    Returns:
        Bytes, shape (..., N).
    """
    weights = 2 * work.weight_bytes - resident_bytes
    inputs = work.input_bytes * (1 + work.input_reads)
    sums = 2 * PARTIAL_SUM_BYTES * work.output_bytes * work.sweeps_c * work.sweeps_taps
    return weights + inputs + sums


def energy_j(work: LayerWork, board: Board, resident_bytes: Array) -> Array:
    """Energy of every layer, joules.

    Args:
        work: Work per layer, arrays of shape (..., N).
        board: The board.
        resident_bytes: Weight bytes in the Persistent Buffer, broadcastable to (..., N).

    Returns:
        Joules, shape (..., N).
    """
    return (
        offchip_bytes(work, board, resident_bytes) * board.offchip_j_per_byte
        + onchip_bytes(work, resident_bytes) * board.onchip_j_per_byte
        + work.macs * board.j_per_mac
    )
