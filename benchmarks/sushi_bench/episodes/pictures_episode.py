"""An episode's timeline as a picture (extra `render`: Matplotlib)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sushi_accel.figures import legend_below, new_figure
from sushi_accel.palette import INK, MISS, WHITE, subnet_colour
from sushi_bench.episodes.episode_recording import Span, shown_seconds
from sushi_bench.episodes.timeline_panels import (
    draw_arrivals,
    draw_deadlines,
    draw_queue,
    draw_service,
)
from sushi_env import Problem
from sushi_env.rendering.moment import Service
from sushi_env.rendering.record import EpisodeRecord

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH = 13.0
"""Inches."""


def episode_timeline(
    problem: Problem, records: Mapping[str, EpisodeRecord], seed: int, span: Span
) -> "Figure":
    """Arrivals on top; below, for each policy, service, deadlines and queue on the same clock.

    Args:
        problem: The compiled scenario.
        records: What happened, by the policies' names.
        seed: Seed of the episode.
        span: The queries to show.

    Returns:
        A figure.
    """
    some = next(iter(records.values()))
    begin, end = shown_seconds(problem, seed, span, some)
    classes = len(problem.scenario.classes)
    heights = [0.35 + 0.22 * min(classes, 8), *([0.5, 1.25, 0.75] * len(records))]
    height = 1.5 + 1.25 * sum(heights)
    figure, axes = new_figure(
        WIDTH, height, rows=len(heights), grid=False, sharex=True, height_ratios=heights
    )
    figure.get_layout_engine().set(h_pad=0.05, hspace=0.02)  # type: ignore[union-attr]
    for ax in axes:
        ax.tick_params(axis="x", length=0)
        ax.tick_params(axis="y", labelsize=9)
    draw_arrivals(axes[0], problem, seed, span, some)
    for n, (name, record) in enumerate(records.items()):
        service, deadline, queue = axes[1 + 3 * n : 4 + 3 * n]
        shown = [s for s in record.services if s.finish_s > begin and s.start_s < end]
        title = name if len(name) < 42 else f"...{name[-38:]}"
        service.set_title(title, loc="left", fontsize=13, fontweight="bold", pad=10)
        service.set_title(_summary(shown, begin, end), loc="right", fontsize=11)
        draw_service(service, problem, shown, WIDTH * 0.88 / (end - begin))
        draw_deadlines(deadline, problem, [s for s in shown if begin <= s.finish_s <= end])
        draw_queue(queue, record)
    queues = axes[3::3]
    longest = max(ax.get_ylim()[1] for ax in queues)
    for ax in queues:
        ax.set_ylim(0, longest)
    axes[0].set_xlim(begin, end)
    axes[-1].tick_params(axis="x", length=4, labelsize=10)
    axes[-1].set_xlabel("time since the episode began, seconds", fontsize=11)
    _legend(figure, problem, any(r.totals.dropped for r in records.values()))
    who = "Two schedulers serve the same queries" if len(records) > 1 else "A scheduler at work"
    figure.suptitle(
        f"{who}: {problem.scenario.name} "
        f"({problem.table.supernet} on {problem.table.board}), seed {seed}, "
        f"queries {span.first} to {span.last - 1}",
        fontsize=15,
    )
    return figure


def _summary(shown: list[Service], begin: float, end: float) -> str:
    """What the marks in the panels below add up to."""
    answered = [s for s in shown if begin <= s.finish_s <= end]
    dropped = sum(s.dropped for s in shown if begin <= s.free_s <= end)
    if not answered:
        return f"nothing answered, {dropped} dropped"
    late = sum(not s.on_time for s in answered)
    below = sum(not s.above_floor for s in answered)
    utility = sum(s.utility for s in answered) / (len(answered) + dropped)
    top1 = np.mean([s.top1 for s in answered])
    drops = f", {dropped} dropped" if dropped else ""
    return (
        f"{len(answered)} answered: {late} late, {below} below floor{drops};  "
        f"mean top-1 {top1:.1f} %,  mean utility {utility:.2f}"
    )


def _legend(figure: "Figure", problem: Problem, drops: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    table = problem.table
    handles = [
        Patch(
            color=subnet_colour(i, table.num_subnets),
            label=f"SubNet {name}: {table.top1[i]:.1f} %, {1e3 * table.latency_s[i, 0]:.0f} ms",
        )
        for i, name in enumerate(table.subnet_names)
    ]

    marks = {
        "cache reload": ("v", INK, INK),
        "answered in time": ("o", WHITE, INK),
        "late": ("x", MISS, MISS),
        "less accurate than asked": ("^", WHITE, MISS),
    } | ({"dropped": ("s", MISS, MISS)} if drops else {})
    style = {"ls": "", "markersize": 8, "markeredgewidth": 1.6}
    handles += [
        Line2D([], [], marker=marker, color=face, markeredgecolor=edge, label=label, **style)
        for label, (marker, face, edge) in marks.items()
    ]
    title = "SubNet: top-1 accuracy, latency when nothing is cached"
    legend_below(figure, 6, handles=handles, fontsize=10, title=title, title_fontsize=10)
