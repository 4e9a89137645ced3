"""Whether latencies can be in the unit they claim, and a board's constants those of a machine."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError

OUT_OF_UNIT = 100.0
"""Latencies that are typically so many times above or below what is possible are in another."""

SMALLER = {"microseconds": "nanoseconds", "milliseconds": "microseconds"}
LARGER = {"microseconds": "milliseconds", "milliseconds": "seconds"}

PLAUSIBLE = {
    "bandwidth_bytes_per_s": (1e6, 1e13),  # a serial line; above the fastest stacks of memory
    "cycles_per_position": (0.1, 100.0),  # an array takes about one
    "driver_cycles": (0.0, 1e9),
    "call_s": (0.0, 1.0),
}
"""Between what a fitted constant of a real board lies."""


def check_unit(
    predicted: NDArray[np.float64], measured: NDArray[np.float64], what: str, unit: str
) -> None:
    """Refuses latencies that can only be in another unit.

    Args:
        predicted: What a board takes, NaN where it is not known.
        measured: What was measured, in the same unit if it is the right one; NaN if not.
        what: What they are, for the message.
        unit: The unit: `microseconds` or `milliseconds`.

    Raises:
        InputError: If they are typically a hundred times off the prediction.
    """
    ratios = measured / predicted
    ratios = ratios[np.isfinite(ratios)]
    if not len(ratios):
        return
    ratio = float(np.median(ratios))
    if not 1 / OUT_OF_UNIT < ratio < OUT_OF_UNIT:
        other = (SMALLER if ratio > 1 else LARGER)[unit]
        raise InputError(
            f"{what}: typically {ratio:.3g} times what the board predicts, must be {unit} (are "
            f"they {other}?)"
        )


def refuse_implausible(board: Board, fitted: Iterable[str], unit: str) -> None:
    """Refuses a board with a constant that no machine has.

    Args:
        board: The board.
        fitted: Names of the constants that were fitted.
        unit: The unit of the latencies they were fitted to.

    Raises:
        InputError: If there is one.
    """
    for name in fitted:
        low, high = PLAUSIBLE.get(name, (0.0, np.inf))
        value = getattr(board, name)
        if not low <= value <= high:
            raise InputError(
                f"calibration: {name} = {value:.3g} fits best, must be in {low:g}..{high:g} to be "
                f"a machine's: are latencies {unit}, and do layers differ in maps and in weights?"
            )
