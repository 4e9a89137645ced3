"""The accuracy-latency plane."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sushi_bench.leaderboard.chart_parts import (
    Chart,
    by_kind,
    figure_of,
    kinds_legend,
    plain,
    rounded,
    scatter,
)
from sushi_bench.leaderboard.columns import METRICS
from sushi_bench.leaderboard.standings import Standing

HEIGHT_PX = 460
LABEL_WIDTH, LABEL_HEIGHT = 0.2, 0.05
"""Room that a label takes in the plane, in parts of the range of the points."""


def plane(standings: Sequence[Standing], where: str) -> Chart:
    """Served accuracy over the 99th percentile of the response time."""
    columns = {c.key: c for c in METRICS}

    def shown(s: Standing) -> tuple[str, str, str]:
        top1, p99 = (columns[key].cell(s).text for key in ("served_accuracy", "latency_p99_s"))
        return top1, p99, f"{s.utility.value:.4f}"

    named = _apart(standings)
    traces = []
    for those, mark in by_kind(standings):
        words = ["served top-1 {} %<br>p99 {} ms<br>utility {}".format(*shown(s)) for s in those]
        traces.append(
            scatter(
                [1e3 * s.metrics.latency_p99_s for s in those],
                [s.metrics.served_accuracy for s in those],
                list(zip(those, words, strict=True)),
                mode="markers+text",
                text=[plain(s.label) if id(s) in named else "" for s in those],
                textposition="top center",
                textfont={"size": 11, "color": "var(--muted)"},
                marker=mark
                | {
                    # the area goes by utility, which both axes leave out
                    "size": [round(7 + 15 * s.utility.value, 2) for s in those],
                    "opacity": 0.85,
                    "line": {"width": 1, "color": "var(--surface)"},
                },
            )
        )
    ranked = [s for s in standings if s.kind != "bound"]
    fast = min(ranked, key=lambda s: s.metrics.latency_p99_s)
    right = max(ranked, key=lambda s: s.metrics.served_accuracy)
    (fast_top1, fast_p99, _), (right_top1, right_p99, _) = shown(fast), shown(right)
    x = ("p99 response time, ms (log)", _logarithmic(standings))
    return Chart(
        "plane",
        "Accuracy and latency",
        "Up is more accurate, left is faster; the larger the mark, the higher the utility. "
        "Utility wants each query accurate enough in time, so neither corner wins it.",
        f"{where}: {fast.label} is fastest (p99 {fast_p99} ms, top-1 {fast_top1} %), "
        f"{right.label} most accurate (p99 {right_p99} ms, top-1 {right_top1} %).",
        kinds_legend(standings),
        figure_of(traces, HEIGHT_PX, x, ("served top-1, %", {})),
        ["Policy", "p99, ms", "Served top-1, %", "Utility"],
        [[s.label, p99, top1, utility] for s in standings for top1, p99, utility in [shown(s)]],
    )


def _apart(everyone: Sequence[Standing]) -> set[int]:
    """Ids of those whose labels in the plane do not lie on another's, best first."""
    x = np.log([max(s.metrics.latency_p99_s, 1e-9) for s in everyone])
    y = np.array([s.metrics.served_accuracy for s in everyone])
    x, y = x / (np.ptp(x) or 1.0), y / (np.ptp(y) or 1.0)
    placed: list[int] = []
    for n in range(len(everyone)):
        if all(abs(x[n] - x[m]) > LABEL_WIDTH or abs(y[n] - y[m]) > LABEL_HEIGHT for m in placed):
            placed.append(n)
    return {id(everyone[n]) for n in placed}


def _logarithmic(standings: Sequence[Standing]) -> dict[str, Any]:
    """A logarithmic axis of p99 with plain numbers at 1, 2 and 5 times powers of ten."""
    times = [1e3 * s.metrics.latency_p99_s for s in standings if s.metrics.latency_p99_s > 0]
    low, high = (min(times), max(times)) if times else (1.0, 10.0)
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return {
        "type": "log",
        "tickvals": rounded(ticks),
        "ticktext": [f"{tick:g}" for tick in ticks],
        "range": rounded([np.log10(low) - 0.15, np.log10(high) + 0.15]),
    }
