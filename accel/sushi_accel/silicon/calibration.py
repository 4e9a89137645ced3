"""Fits a board's constants to measured layers.

Cycles are piecewise linear in four constants: the driver's call, the cycles per streamed
position and per sweep, and the cycles per off-chip byte. So around any board the model equals
its Jacobian times the constants, and a fit is a sequence of non-negative least-squares problems
(SciPy), each on the linear piece that the last one ended in, until nothing changes. Residuals
are relative, so that small layers count as much as large ones. The fit starts from several
bandwidths, as which stream a layer waits for depends on it most, and the best end is kept.

Without overlap, cycles per sweep are left out: a sweep's fixed cost and its weights' transfer
then come to the same thing.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from sushi_accel.boards.board import Board
from sushi_accel.errors import InputError
from sushi_accel.silicon.measurements import Measurements
from sushi_accel.silicon.plausible import refuse_implausible
from sushi_accel.silicon.validation import Validation, predict_us, validate_board

Model = Callable[[NDArray[np.float64]], NDArray[np.float64]]

STARTS_CYCLES_PER_BYTE = np.geomspace(0.001, 1.0, 13)
MAX_ROUNDS = 50
STEPS = np.array([1e-3, 1e-6, 1e-6, 1e-8])
"""Steps of the Jacobian's differences: cycles, and cycles per position, sweep and byte."""

CONSTANTS = ("driver_cycles", "cycles_per_position", "cycles_per_sweep", "bandwidth_bytes_per_s")
"""What is fitted; cycles per sweep only where fetches overlap."""

WORST_CONDITION = 1e4
"""Of the Jacobian with columns of length one: beyond it a hundredth of a percent of noise in the
latencies is of the size of a constant."""

FLOOR = 1e-9
"""No constant goes below it: a board needs a finite bandwidth and a positive rate."""


@dataclass(frozen=True)
class Calibration:
    """A fitted board and how far to trust it.

    Attributes:
        board: The board with the fitted constants.
        fit: Its errors on the measurements it was fitted to.
        held_out: For each network, the errors on its layers of a board fitted to the others;
            without those whose others have fewer shapes than there are constants.
    """

    board: Board
    fit: Validation
    held_out: dict[str, NDArray[np.float64]]

    @property
    def held_out_mean_abs_error(self) -> float | None:
        """Mean absolute error over all held-out layers, if any."""
        if not self.held_out:
            return None
        return float(np.mean(np.abs(np.concatenate(list(self.held_out.values())))))


def _with_constants(board: Board, constants: NDArray[np.float64]) -> Board:
    driver, per_position, per_sweep, per_byte = np.maximum(constants, FLOOR).tolist()
    return replace(
        board,
        driver_cycles=driver,
        cycles_per_position=per_position,
        cycles_per_sweep=per_sweep if board.double_buffered else 0.0,
        bandwidth_bytes_per_s=board.clock_hz / per_byte,
    )


def _free(board: Board) -> NDArray[np.bool_]:
    """Which of the four constants are fitted."""
    return np.array([True, True, board.double_buffered, True])


def _model(measurements: Measurements, board: Board, rows: NDArray[np.bool_]) -> Model:
    """Predicted over measured latencies of some rows, as a function of the four constants."""
    scale_us = measurements.measured_us[rows]
    return lambda c: predict_us(measurements, _with_constants(board, c))[rows] / scale_us


def _jacobian(
    model: Model, constants: NDArray[np.float64], free: NDArray[np.bool_], here: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Its derivatives by the free constants, shape (rows, free); `here` is its value."""
    columns = []
    for k in np.flatnonzero(free):
        step = np.zeros(4)
        step[k] = max(STEPS[k], 1e-6 * constants[k])
        columns.append((model(constants + step) - here) / step[k])
    return np.column_stack(columns)


def _identified(measurements: Measurements, board: Board, rows: NDArray[np.bool_]) -> bool:
    """Whether rows tell a fitted board's constants apart: no other ones fit as well."""
    constants = np.array([getattr(board, name) for name in CONSTANTS])
    constants[-1] = board.clock_hz / constants[-1]
    model = _model(measurements, board, rows)
    jacobian = _jacobian(model, constants, _free(board), model(constants))
    norms = np.linalg.norm(jacobian, axis=0)
    if not norms.all():
        return False
    return bool(np.linalg.cond(jacobian / norms) < WORST_CONDITION)


def _fit(measurements: Measurements, board: Board, rows: NDArray[np.bool_]) -> Board:
    free, model = _free(board), _model(measurements, board, rows)
    best, best_loss = board, np.inf
    for start in STARTS_CYCLES_PER_BYTE:
        constants = np.array([1000.0, 1.0, float(board.double_buffered), start])
        for _ in range(MAX_ROUNDS):
            here = model(constants)
            loss = float(((here - 1) ** 2).mean())
            if loss < best_loss:
                best, best_loss = _with_constants(board, constants), loss
            solution = np.zeros(4)
            try:
                jacobian = _jacobian(model, constants, free, here)
                solution[free] = nnls(jacobian, np.ones(len(here)))[0]
            except RuntimeError:  # no solution in SciPy's number of steps: try the next start
                break
            solution = np.maximum(solution, FLOOR)
            if np.allclose(solution, constants, rtol=1e-9, atol=0):
                break
            constants = solution
    return best


def calibrate(measurements: Measurements, board: Board) -> Calibration:
    """Fits a board's constants to measurements taken through its driver.

    Args:
        measurements: The measurements.
        board: What is known: the array, the clock, the buffers and the mechanism. Its driver
            cycles, cycles per position and per sweep, and bandwidth are replaced.

    Returns:
        The fitted board, its errors, and its errors across networks left out of the fit.

    Raises:
        InputError: If fewer layers of differing shape were measured than there are constants to
            fit, or these cannot be told apart by them, or one is of no machine.
    """
    known, needed = measurements.known, int(_free(board).sum())
    if (shapes := measurements.shapes(known)) < needed:
        raise InputError(
            f"calibration: {shapes} measured layers of differing shape, at least {needed} needed"
        )
    fitted = _fit(measurements, board, known)
    if not _identified(measurements, fitted, known):
        raise InputError(
            "calibration: these layers fit as well with other constants; measure some that differ "
            "more in the size of their maps and of their weights"
        )
    refuse_implausible(fitted, CONSTANTS, "microseconds")
    held_out = {}
    for network in measurements.measured_networks():
        rows = measurements.rows_of(network)
        if measurements.shapes(known & ~rows) >= needed:
            other = _fit(measurements, board, known & ~rows)
            held_out[network] = validate_board(measurements, other).error[rows]
    return Calibration(fitted, validate_board(measurements, fitted), held_out)
