"""Fits a streaming board's constants to measured layers and networks.

The model is linear in times per unit: of a call, a stream's start, a byte of bus, a step of the
array, a byte of map written and a byte of input and output. So its Jacobian is exact, and a fit is
a non-negative least-squares problem (SciPy) of relative errors. Errors beyond 5 % count linearly
(Huber), as a few runs were disturbed by their host. On a link of which layers were measured all
six are fitted to them; on another the array's are kept, and call, stream and bus are fitted
to networks, together with one constant per family.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.silicon.published import Published
from sushi_accel.silicon.sweeps import MIB, Sweeps, predict_sweeps_ms

HUBER = 0.05
ROUNDS = 100
FLOOR = 1e-12

OF_ALL = ("call_s", "stream_s", "bandwidth_bytes_per_s")
OF_LAYERS = (*OF_ALL, "cycles_per_position", "map_cycles_per_byte", "io_bytes_per_s")
RATES = ("bandwidth_bytes_per_s", "io_bytes_per_s")
"""Constants of which the model is linear in the inverse."""

SLOWEST_RATE = 1e9
"""Seconds per byte that stand for nothing: a rate cannot be infinite, 1e-18 s per byte is."""


@dataclass(frozen=True)
class StreamingCalibration:
    """A fitted board, and what was fitted.

    Attributes:
        board: The board.
        fitted: Names of the constants that were.
        count: Rows they were fitted to.
    """

    board: Board
    fitted: tuple[str, ...]
    count: int


def calibrate_streaming(
    sweeps: Sweeps, published: Published | None, board: Board
) -> StreamingCalibration:
    """Fits a board's constants to the measurements of its link.

    Args:
        sweeps: Measured layers.
        published: Measured networks; needed if no layers of the board's link were measured.
        board: What is known: the array, the buffers, and on another link than the layers' the
            array's rates.

    Returns:
        The fitted board.

    Raises:
        InputError: If fewer rows were measured than there are constants to fit.
    """
    ours = np.array([bus == board.link for bus in sweeps.buses]) & np.isfinite(sweeps.streamed_mib)
    if ours.any():
        chosen = sweeps.subset(ours)
        fitted, count = OF_LAYERS, int(ours.sum())
        design = _layer_design(chosen, board)
        measured = chosen.measured_ms
    else:
        fitted = OF_ALL
        if published is None or not published.judged(board.link).any():
            raise InputError(
                f"calibration: neither layers nor networks of link {board.link!r} were measured"
            )
        count = int(published.judged(board.link).sum())
        design, measured = _network_design(published, board.link)
    if count < design.shape[1]:
        raise InputError(f"calibration: {count} rows, at least {design.shape[1]} needed")
    solution = robust_nnls(design, measured)
    constants: dict[str, float] = dict(
        zip(fitted, solution.tolist(), strict=False)
    )  # without the families'
    return StreamingCalibration(_with_times(board, constants), fitted, count)


def robust_nnls(design: NDArray[np.float64], measured: NDArray[np.float64]) -> NDArray[np.float64]:
    """Non-negative coefficients of least Huber loss of the relative errors.

    Args:
        design: What each coefficient adds to each row, shape (n, c).
        measured: The rows, shape (n,).

    Returns:
        The coefficients, shape (c,).
    """
    relative, weight = design / measured[:, None], np.ones(len(measured))
    scale = np.linalg.norm(relative, axis=0)
    scale = np.where(scale > 0, scale, 1.0)
    solution = np.zeros(design.shape[1])
    for _ in range(ROUNDS):
        new = nnls(relative / scale * weight[:, None], weight)[0] / scale
        if np.allclose(new, solution, rtol=1e-10, atol=0):
            break
        solution = new
        error = np.abs(relative @ solution - 1)
        weight = np.sqrt(np.minimum(1.0, HUBER / np.maximum(error, FLOOR)))
    return solution


def _with_times(board: Board, times: dict[str, float]) -> Board:
    """A board with constants of which rates are given as time per unit."""
    values = {}
    for name, value in times.items():
        if name in RATES:
            values[name] = 1.0 / max(value, 1.0 / SLOWEST_RATE**2)
        else:
            values[name] = max(value, FLOOR) if name == "cycles_per_position" else value
    return replace(board, **values)


def _layer_design(sweeps: Sweeps, board: Board) -> NDArray[np.float64]:
    """What a unit of each constant's time adds to every row, milliseconds, shape (n, 6)."""
    nothing: dict[str, float] = dict.fromkeys(OF_LAYERS, 0.0)

    def predict(times: dict[str, float]) -> NDArray[np.float64]:
        return predict_sweeps_ms(sweeps, _with_times(board, nothing | times))

    base = predict({})
    units = {name: 1e-6 if name in RATES else 1.0 for name in OF_LAYERS}
    return np.column_stack([(predict({n: unit}) - base) / unit for n, unit in units.items()])


def _network_design(
    published: Published, link: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The same of call, stream, bus and one constant per family; and the measured latencies."""
    groups = published.groups(link)
    rows = published.judged(link)
    streamed = published.streamed_mib[rows]
    columns = [np.full(len(streamed), 1e3), 1e3 * (streamed > 0), 1e3 * MIB * streamed]
    columns += [np.where(mine, published.width, 0.0)[rows] for mine in groups.values()]
    return np.column_stack(columns), published.measured_ms[rows]
