"""Pictures of the hardware model (extra `plot`: Matplotlib). Each function returns a figure."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from sushi_accel.boards.board import Board
from sushi_accel.figures import legend_below, log_axes, new_figure
from sushi_accel.model.reference import LayerRun
from sushi_accel.palette import BLUE, GREEN, GREY, MARKERS, ORANGE, SERIES
from sushi_accel.silicon.validation import Validation
from sushi_accel.table.table import SushiAbs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MOST_NUMBERED = 40
"""SubGraphs up to which the heat map names them and writes its numbers."""

LANES = {
    "sweep": (1, GREEN, "array sweeps"),
    "fetch": (0, BLUE, "port fetches weights"),
    "stage": (0, ORANGE, "port stages inputs"),
    "maps": (0, GREY, "port moves maps"),
    "write": (1, ORANGE, "array writes maps"),
}
"""What a timeline shows, by kind of span: lane, colour and label."""

LANE_HEIGHT = 0.8
TIME_STEPS = 1200


def roofline(
    plain: Sequence[LayerRun], cached: Sequence[LayerRun], board: Board, title: str
) -> "Figure":
    """Every layer as a point: MACs per off-chip byte against achieved GMAC/s.

    Args:
        plain: The layers' runs with nothing cached.
        cached: The same layers' runs under a SubGraph.
        board: The board, whose peak and bandwidth are the roof.
        title: Title of the picture.
    """
    figure, (ax,) = new_figure(8, 5)

    def points(runs: Sequence[LayerRun]) -> tuple[np.ndarray, np.ndarray]:
        macs = np.array([run.layer.macs for run in runs], dtype=float)
        seconds = np.array([run.cycles for run in runs]) / board.clock_hz
        return macs / [run.offchip_bytes for run in runs], macs / seconds / 1e9

    x0, y0 = points(plain)
    x1, y1 = points(cached)
    moved = [run.resident_bytes > 0 for run in cached]
    x = np.stack([x0, np.where(moved, x1, np.nan)])
    draw_under_roof(ax, board, x, np.stack([y0, y1]), 2)
    ax.set(ylabel="achieved GMAC/s", title=title)
    ax.legend(frameon=False, loc="lower right")
    return figure


def draw_under_roof(
    ax: "Axes", board: Board, x: np.ndarray, y: np.ndarray, room: float
) -> tuple[float, float]:
    """A board's roof, and below it points without and with a SubGraph, each pair joined.

    Args:
        ax: Where to draw; its axes become logarithmic.
        board: The board.
        x: MACs per off-chip byte with nothing cached, and with a SubGraph, shape (2, n); what
            is NaN is not drawn.
        y: GMAC/s, likewise.
        room: How much further than the points the roof reaches, a factor.

    Returns:
        Where the roof begins and ends, MACs per off-chip byte.
    """
    ax.plot(x, y, color=GREEN, alpha=0.5, lw=1, zorder=1)
    for n, (colour, marker, label) in enumerate(
        ((BLUE, "o", "nothing cached"), (GREEN, "^", "SubGraph cached"))
    ):
        seen = np.isfinite(x[n])
        ax.scatter(
            x[n][seen], y[n][seen], s=28, color=colour, marker=marker, label=label, zorder=2 + n
        )
    low, high = float(np.nanmin(x)) / room, float(np.nanmax(x)) * room
    intensity = np.geomspace(low, high, 200)
    roof = np.minimum(board.macs_per_s, intensity * board.bandwidth_bytes_per_s) / 1e9
    ax.plot(intensity, roof, color="black", lw=1.5, label="roof: bandwidth, then peak")
    ax.set_xlabel("MACs per off-chip byte")
    log_axes(ax)
    return low, high


def saved_latency(table: SushiAbs) -> "Figure":
    """Heat map of the latency that each SubGraph saves each SubNet, percent of uncached."""
    saved = 100 * (1 - table.latency_s / table.latency_s[:, :1])
    S, G = saved.shape
    figure, (ax,) = new_figure(min(max(6.0, 0.62 * G + 2), 26), 0.5 * S + 2, grid=False)
    image = ax.imshow(saved, cmap="viridis", aspect="auto", vmin=0)
    ax.set(xlabel="cached SubGraph", ylabel="SubNet")
    ax.set_title(f"latency saved, %: {table.supernet} on {table.board}")
    if G <= MOST_NUMBERED:
        ax.set_xticks(
            range(G), table.subgraph_names, rotation=60, ha="right", rotation_mode="anchor"
        )
    else:
        ax.set_xlabel(f"cached SubGraph, by its number: 0 (empty) to {G - 1}")
    ax.set_yticks(range(S), table.subnet_names)
    if G <= MOST_NUMBERED:
        threshold = saved.max() / 2
        for i, j in np.ndindex(S, G):
            colour = "white" if saved[i, j] < threshold else "black"
            ax.text(j, i, f"{saved[i, j]:.1f}", ha="center", va="center", fontsize=7, color=colour)
    figure.colorbar(image, ax=ax, label="% of the uncached latency")
    return figure


def scatter(validation: Validation, board: Board) -> "Figure":
    """Predicted against measured latency, one point per measured layer, and its error."""
    figure, (ax, below) = new_figure(7, 7, rows=2, sharex=True)
    m = validation.measurements
    for network, colour, marker in zip(m.measured_networks(), cycle(SERIES), cycle(MARKERS)):
        rows, style = m.rows_of(network), {"s": 22, "color": colour, "marker": marker}
        measured = m.measured_us[rows]
        ax.scatter(measured, validation.predicted_us[rows], label=f"SubNet {network}", **style)
        below.scatter(measured, 100 * validation.error[rows], **style)
    ends = np.array([np.nanmin(m.measured_us) * 0.8, np.nanmax(m.measured_us) * 1.25])
    ax.plot(ends, ends, color="black", lw=1, zorder=0)
    ax.set(ylabel="predicted, µs")
    log_axes(ax)
    ax.set_title(
        f"{board.name}: mean error {100 * validation.mean_abs_error:.2f} %, "
        f"worst {100 * validation.worst_abs_error:.2f} %"
    )
    ax.legend(frameon=False)
    below.axhline(0, color="black", lw=1, zorder=0)
    below.set(xlabel="measured, µs", ylabel="error, %")
    return figure


def timeline(runs: Mapping[str, Sequence[LayerRun]], board: Board, title: str) -> "Figure":
    """How busy array and port are over time, layer after layer; one panel per entry of `runs`.

    A lane's height is the share of each time step, a pixel or two, that it is busy.

    Args:
        runs: The layers' runs of one SubNet, by what is cached.
        board: The board.
        title: Title of the picture.
    """
    from matplotlib.patches import Patch

    figure, axes = new_figure(12, 1.5 + 2.1 * len(runs), rows=len(runs), grid=False, sharex=True)
    to_ms = 1e3 / board.clock_hz
    longest = max(sum(run.cycles for run in layers) for layers in runs.values())
    edges = np.linspace(0.0, longest, TIME_STEPS + 1)
    for ax, (name, layers) in zip(axes, runs.items(), strict=True):
        begun = np.cumsum([0.0, *(run.cycles for run in layers)])
        for start, end in zip(begun[1::2], begun[2::2], strict=False):
            ax.axvspan(start * to_ms, end * to_ms, color="0.94", lw=0)
        tops = {0: np.zeros(TIME_STEPS), 1: np.ones(TIME_STEPS)}
        for kind, (lane, colour, _) in LANES.items():
            base = tops[lane]
            tops[lane] = base + LANE_HEIGHT * _busy_share(layers, begun, kind, edges)
            ax.stairs(tops[lane], edges * to_ms, baseline=base, fill=True, color=colour, lw=0)
        ax.set_yticks([0.5 * LANE_HEIGHT, 1 + 0.5 * LANE_HEIGHT], ["off-chip\nport", "array"])
        ax.set_title(f"{name}: {begun[-1] * to_ms:.3f} ms", loc="left", fontsize=10)
        ax.set_ylim(-0.1, 1.9)
        ax.margins(x=0.005)
    axes[-1].set_xlabel("ms; shading alternates between layers, height is the share of time busy")
    seen = {span.kind for layers in runs.values() for run in layers for span in run.spans}
    handles = [
        Patch(color=colour, label=label)
        for kind, (_, colour, label) in LANES.items()
        if kind in seen
    ]
    legend_below(figure, 4, handles=handles, fontsize=10)
    figure.suptitle(title)
    return figure


def _busy_share(
    layers: Sequence[LayerRun], begun: np.ndarray, kind: str, edges: np.ndarray
) -> np.ndarray:
    """Share of each time step spent on one kind of span, shape (len(edges) - 1,)."""
    spans = np.array(
        [
            (start + span.start, start + span.end)
            for run, start in zip(layers, begun, strict=False)
            for span in run.spans
            if span.kind == kind
        ]
    ).reshape(-1, 2)
    busy = np.cumsum(spans[:, 1] - spans[:, 0])  # in total, by the end of each span
    times = np.concatenate([[0.0], spans.ravel()])
    so_far = np.concatenate(
        [[0.0], np.stack([busy - (spans[:, 1] - spans[:, 0]), busy], 1).ravel()]
    )
    return np.diff(np.interp(edges, times, so_far)) / np.diff(edges)
