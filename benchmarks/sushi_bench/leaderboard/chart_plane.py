"""The accuracy-latency plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sushi_bench.leaderboard.cells import exact
from sushi_bench.leaderboard.chart_parts import (
    HOVER_LABEL,
    KINDS,
    Chart,
    axis_of,
    kinds_legend,
    layout_of,
    plain,
    plain_data,
)
from sushi_bench.leaderboard.columns import METRICS
from sushi_bench.leaderboard.standings import Standing

HEIGHT_PX = 460
LABEL_WIDTH, LABEL_HEIGHT = 0.2, 0.05
"""Room that a label takes in the plane, in parts of the range of the points."""


def plane(standings: Sequence[Standing], where: str) -> Chart:
    """Served accuracy over the 99th percentile of the response time."""
    from plotly import graph_objects as go

    accuracy, latency = (
        next(c for c in METRICS if c.key == key) for key in ("served_accuracy", "latency_p99_s")
    )
    traces = []
    for kind, (marker, colour) in KINDS.items():
        those = [s for s in standings if s.kind == kind]
        if not those:
            continue
        named = {id(s) for s in _apart(those, standings)}
        traces.append(
            go.Scatter(
                x=[float(exact(1e3 * s.metrics.latency_p99_s)) for s in those],
                y=[float(exact(s.metrics.served_accuracy)) for s in those],
                mode="markers+text",
                text=[plain(s.label) if id(s) in named else "" for s in those],
                textposition="top center",
                textfont={"size": 11, "color": "var(--muted)"},
                marker={
                    "symbol": marker,
                    "color": colour,
                    # the area goes by utility, which both axes leave out
                    "size": [round(7 + 15 * s.utility.value, 2) for s in those],
                    "opacity": 0.85,
                    "line": {"width": 1, "color": "var(--surface)"},
                },
                hovertext=[
                    f"<b>{plain(s.label, HOVER_LABEL)}</b><br>"
                    f"served top-1 {accuracy.cell(s).text} %<br>"
                    f"p99 {latency.cell(s).text} ms<br>utility {s.utility.value:.4f}"
                    for s in those
                ],
                hoverinfo="text",
            )
        )
    layout = layout_of(HEIGHT_PX) | {
        "xaxis": axis_of("p99 response time, ms (log)") | _logarithmic(standings),
        "yaxis": axis_of("served top-1, %"),
    }
    ranked = [s for s in standings if s.kind != "bound"]
    fast = min(ranked, key=lambda s: s.metrics.latency_p99_s)
    right = max(ranked, key=lambda s: s.metrics.served_accuracy)
    return Chart(
        "plane",
        "Accuracy and latency",
        "Up is more accurate, left is faster; the larger the mark, the higher the utility. "
        "Utility wants each query accurate enough in time, so neither corner wins it.",
        f"{where}: {fast.label} is fastest (p99 {latency.cell(fast).text} ms, top-1 "
        f"{accuracy.cell(fast).text} %), {right.label} most accurate (p99 "
        f"{latency.cell(right).text} ms, top-1 {accuracy.cell(right).text} %).",
        kinds_legend(standings),
        plain_data(go.Figure(traces, layout)),
        ["Policy", "p99, ms", "Served top-1, %", "Utility"],
        [
            [s.label, latency.cell(s).text, accuracy.cell(s).text, f"{s.utility.value:.4f}"]
            for s in standings
        ],
    )


def _apart(those: Sequence[Standing], everyone: Sequence[Standing]) -> list[Standing]:
    """Those whose labels in the plane do not lie on another's, best first."""
    found: list[Standing] = []
    x = np.log([max(s.metrics.latency_p99_s, 1e-9) for s in everyone])
    y = np.array([s.metrics.served_accuracy for s in everyone])
    x, y = x / (np.ptp(x) or 1.0), y / (np.ptp(y) or 1.0)
    placed: list[int] = []
    for n, s in enumerate(everyone):
        if all(abs(x[n] - x[m]) > LABEL_WIDTH or abs(y[n] - y[m]) > LABEL_HEIGHT for m in placed):
            placed.append(n)
            if any(s is t for t in those):
                found.append(s)
    return found


def _logarithmic(standings: Sequence[Standing]) -> dict[str, Any]:
    """A logarithmic axis of p99 with plain numbers at 1, 2 and 5 times powers of ten."""
    times = [1e3 * s.metrics.latency_p99_s for s in standings if s.metrics.latency_p99_s > 0]
    low, high = (min(times), max(times)) if times else (1.0, 10.0)
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return {
        "type": "log",
        "tickvals": [float(exact(tick)) for tick in ticks],
        "ticktext": [f"{tick:g}" for tick in ticks],
        "range": [float(exact(np.log10(low) - 0.15)), float(exact(np.log10(high) + 0.15))],
    }
