"""The picture of a streaming board: latency against what is streamed, on every measured link."""

from typing import TYPE_CHECKING

import numpy as np

from sushi_accel.figures import log_axes, new_figure
from sushi_accel.palette import GREY, INK, MARKERS, SERIES
from sushi_accel.silicon.streaming import StreamingValidation

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def streaming_picture(found: StreamingValidation) -> "Figure":
    """Latency against streamed MiB: measured points, predicted rings, and the savings' slopes.

    Args:
        found: Measurements, predictions and slopes.

    Returns:
        Two panels: layers on their link, and networks on all links.
    """
    figure, (left, right) = new_figure(12, 5.2, columns=2)
    sweeps = found.sweeps
    for n, (kind, label) in enumerate((("dense", "dense"), ("conv", "3x3 convolutions"))):
        rows = sweeps.of(kind) & (sweeps.streamed_mib > 0)
        _points(
            left,
            sweeps.streamed_mib[rows],
            sweeps.measured_ms[rows],
            found.sweeps_ms[rows],
            n,
            f"{label}, {int(rows.sum())} rows",
        )
    _slopes(left, found, "dense layers")
    log_axes(left, "y")
    left.set_title("layers over PCIe: each MiB once, or once for each strip", fontsize=10)
    if found.published is not None:
        for n, link in enumerate(found.boards):
            rows = found.published.judged(link)
            streamed = found.published.streamed_mib[rows]
            _points(
                right,
                streamed,
                found.published.measured_ms[rows],
                found.published_ms[rows],
                n,
                f"{link}, {int(rows.sum())} rows",
            )
        _slopes(right, found, "networks")
        right.set_title("published networks: the host matters as much as the link", fontsize=10)
    for ax in (left, right):
        ax.set(xlabel="weights streamed on every inference, MiB", ylabel="latency, ms")
        ax.scatter([], [], s=44, facecolors="none", edgecolors=GREY, label="predicted")
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    return figure


def _points(
    ax: "Axes",
    streamed: np.ndarray,
    measured: np.ndarray,
    predicted: np.ndarray,
    number: int,
    label: str,
) -> None:
    colour, marker = SERIES[number], MARKERS[number]
    ax.scatter(streamed, measured, s=14, color=colour, marker=marker, label=label, alpha=0.8)
    ax.scatter(streamed, predicted, s=44, facecolors="none", edgecolors=colour, lw=0.6)


def _slopes(ax: "Axes", found: StreamingValidation, rows: str) -> None:
    """What a MiB saves, in words."""
    lines = [
        f"{s.link}: {s.measured:.2f} [{s.low:.2f}, {s.high:.2f}], predicted {s.predicted:.2f}"
        for s in found.savings
        if s.rows == rows
    ]
    text = "\n".join(["ms saved per MiB cached", *lines])
    ax.text(0.98, 0.03, text, transform=ax.transAxes, ha="right", fontsize=8, color=INK)
