"""Predicted against measured latencies."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sushi_accel.boards.board import Board
from sushi_accel.model.timing import layer_cycles, layer_work
from sushi_accel.silicon.measurements import Measurements
from sushi_accel.silicon.plausible import check_unit


@dataclass(frozen=True)
class Validation:
    """How well a board predicts measurements. Errors are predicted / measured - 1.

    Attributes:
        measurements: The measurements.
        predicted_us: Predicted latencies, microseconds, shape (n,), of every row.
        error: Errors, shape (n,); NaN where not measured.
        networks: Per network, predicted and measured microseconds of its measured layers.
    """

    measurements: Measurements
    predicted_us: NDArray[np.float64]
    error: NDArray[np.float64]
    networks: dict[str, tuple[float, float]]

    @property
    def mean_abs_error(self) -> float:
        """Mean absolute error over measured layers."""
        return float(np.nanmean(np.abs(self.error)))

    @property
    def worst_abs_error(self) -> float:
        """Largest absolute error over measured layers."""
        return float(np.nanmax(np.abs(self.error)))


def predict_us(measurements: Measurements, board: Board) -> NDArray[np.float64]:
    """Latency of every row on a board, nothing cached, the driver's call paid; microseconds."""
    board = replace(board, driver_overhead=True)
    work = layer_work(measurements.arrays, board)
    return layer_cycles(work, board, np.zeros(1), np.zeros(1)) / board.clock_hz * 1e6


def validate_board(measurements: Measurements, board: Board) -> Validation:
    """Compares a board's predictions with measurements taken through its driver.

    Raises:
        InputError: If latencies can only be in another unit than microseconds.
    """
    predicted = predict_us(measurements, board)
    check_unit(predicted, measurements.measured_us, "measured_latency_us", "microseconds")
    networks = {}
    for network in measurements.measured_networks():
        rows = measurements.rows_of(network)
        totals = float(predicted[rows].sum()), float(measurements.measured_us[rows].sum())
        networks[network] = totals
    error = predicted / measurements.measured_us - 1
    return Validation(measurements, predicted, error, networks)
