"""Pictures of a comparison (extra `plot`: Matplotlib)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sushi_accel.figures import legend_below, new_figure
from sushi_accel.palette import MARKERS, SERIES
from sushi_bench.comparing.comparison import Comparison
from sushi_bench.comparing.response_times import bin_ends_s

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D

DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))


def comparison_picture(comparison: Comparison, unit_s: float) -> "Figure":
    """The distribution of response times, and accuracy against SLO attainment.

    Args:
        comparison: The comparison.
        unit_s: Unit of its response times, seconds; see `ResponseTimes`.

    Returns:
        A figure.
    """
    names = sorted(comparison.policies, key=lambda name: -comparison.policies[name].reward)
    rows = -(-len(names) // 4)
    figure, (left, right) = new_figure(11, 4.6 + 0.24 * rows, columns=2)
    _draw_response_times(left, comparison, names, unit_s)
    _draw_plane(right, comparison, names)
    title = "best reward first, column by column"
    handles = [_key(n, name) for n, name in enumerate(names)]
    legend_below(figure, 4, handles=handles, title=title, title_fontsize=8)
    figure.suptitle(
        f"{comparison.scenario}: {comparison.episodes} episodes, seeds from {comparison.seed}"
    )
    return figure


def _style(n: int) -> dict[str, Any]:
    """Colour, line and marker of the n-th policy; no two share all three."""
    return {
        "color": SERIES[n % len(SERIES)],
        "linestyle": DASHES[n // len(SERIES) % len(DASHES)],
        "marker": MARKERS[n % len(MARKERS)],
    }


def _key(n: int, name: str) -> "Line2D":
    from matplotlib.lines import Line2D

    return Line2D([], [], label=name, lw=1.3, markersize=6, markeredgecolor="white", **_style(n))


def _draw_response_times(
    ax: "Axes", comparison: Comparison, names: list[str], unit_s: float
) -> None:
    """Share of served queries that took longer, on logarithmic axes."""
    ends = 1e3 * bin_ends_s(unit_s)
    floor = 1e-4
    for n, name in enumerate(names):
        counts = comparison.response_counts[name]
        total = max(int(counts.sum()), 1)
        longer = 1 - np.cumsum(counts) / total
        first, last = np.flatnonzero(counts)[[0, -1]] if counts.any() else (0, 0)
        shown = slice(max(first - 1, 0), last + 1)
        style = _style(n) | {"marker": None, "lw": 1.3}
        ax.plot(ends[shown], np.maximum(longer[shown], floor / 10), **style)
    ax.set(xscale="log", yscale="log", ylim=(floor, 1.1), xlabel="response time, ms")
    ax.set_ylabel("share of served queries that took longer")


def _draw_plane(ax: "Axes", comparison: Comparison, names: list[str]) -> None:
    """Served accuracy against SLO attainment; the best corner is the upper right one."""
    for n, name in enumerate(names):
        metrics = comparison.policies[name]
        style = {"markersize": 7, "markeredgecolor": "white", "alpha": 0.9} | _style(n)
        ax.plot([100 * metrics.slo_attainment], [metrics.served_accuracy], **style)
    ax.set(xlabel="SLO attainment, % of queries", ylabel="served top-1 accuracy, %")
