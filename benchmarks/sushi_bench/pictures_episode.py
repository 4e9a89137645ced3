"""An episode's timeline as a picture (extra `render`: Matplotlib)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sushi_bench.episode_recording import Span, shown_arrivals, shown_seconds
from sushi_env import Problem
from sushi_env.rendering.moment import Service
from sushi_env.rendering.palette import GREY, INK, MISS, PALE, as_hex, subnet_colour, text_on
from sushi_env.rendering.record import EpisodeRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 13.0
"""Inches."""

LETTER = 0.17
"""Inches that a bar must be wide for its SubNet's name, per letter."""

MOST_SLOS = 2.0
"""Latency over SLO at the panel's upper edge; more is drawn there."""

_MISS, _INK, _GREY, _PALE = as_hex(MISS), as_hex(INK), as_hex(GREY), as_hex(PALE)


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
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    some = next(iter(records.values()))
    begin, end = shown_seconds(problem, seed, span, some)
    classes = len(problem.scenario.classes)
    heights = [0.35 + 0.22 * min(classes, 8), *([0.5, 1.25, 0.75] * len(records))]
    figure = Figure(figsize=(WIDTH, 1.5 + 1.25 * sum(heights)), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(h_pad=0.05, hspace=0.02)  # type: ignore[union-attr]
    axes = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(axis="x", length=0)
        ax.tick_params(axis="y", labelsize=9)
    _draw_arrivals(axes[0], problem, seed, span, some)
    for n, (name, record) in enumerate(records.items()):
        service, deadline, queue = axes[1 + 3 * n : 4 + 3 * n]
        shown = [s for s in record.services if s.finish_s > begin and s.start_s < end]
        service.set_title(name, loc="left", fontsize=13, fontweight="bold", pad=10)
        service.set_title(_summary(shown, begin, end), loc="right", fontsize=11)
        _draw_service(service, problem, shown, WIDTH * 0.88 / (end - begin))
        _draw_deadlines(deadline, problem, [s for s in shown if begin <= s.finish_s <= end])
        _draw_queue(queue, record)
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


def _draw_arrivals(
    ax: "Axes", problem: Problem, seed: int, span: Span, record: EpisodeRecord
) -> None:
    """A tick for every arrival, in the row of its SLO class."""
    times, classes = shown_arrivals(problem, seed, span, record)
    names = [
        f"{c.name}: ≤ {1e3 * slo:.0f} ms, ≥ {c.floor:g} %"
        for c, slo in zip(problem.scenario.classes, problem.classes[:, 0], strict=True)
    ]
    ax.plot(times, classes, "|", color=_INK, markersize=9, markeredgewidth=1.4)
    ax.set_yticks(range(len(names)), names if len(names) <= 8 else [""] * len(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_title("Queries arrive", loc="left", fontsize=13, fontweight="bold", pad=10)
    ax.set_title(
        "every | is a query: its latency SLO and accuracy floor on the left",
        loc="right",
        fontsize=11,
    )


def _draw_service(ax: "Axes", problem: Problem, shown: list[Service], inches_per_s: float) -> None:
    """A bar for every query served, in its SubNet's colour; reloads between them."""
    table = problem.table
    for service in shown:
        colour = subnet_colour(service.subnet, table.num_subnets)
        took = service.finish_s - service.start_s
        ax.broken_barh(
            [(service.start_s, took)], (0, 1), color=as_hex(colour), edgecolor="white", lw=0.6
        )
        name = table.subnet_names[service.subnet]
        if took * inches_per_s > LETTER * len(name):
            ax.text(
                service.start_s + took / 2,
                0.47,
                name,
                ha="center",
                va="center",
                fontsize=10,
                color=as_hex(text_on(colour)),
                clip_on=True,
            )
    reloads = [s for s in shown if s.subgraph != s.cached]
    ax.broken_barh([(s.finish_s, s.free_s - s.finish_s) for s in reloads], (0, 1), color=_INK, lw=0)
    ax.plot([s.finish_s for s in reloads], [1.18] * len(reloads), "v", color=_INK, markersize=5)
    ax.set_ylim(0, 1.35)
    ax.set_yticks([0.5], ["accelerator"])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def _draw_deadlines(ax: "Axes", problem: Problem, shown: list[Service]) -> None:
    """Where each answer came on the way from arrival to deadline, and beyond."""
    ax.axhspan(1, MOST_SLOS * 1.12, color=_MISS, alpha=0.09, lw=0)
    ax.axhline(1, color=_MISS, lw=1)
    for service in shown:
        high = min(service.latency_per_slo, MOST_SLOS)
        colour = as_hex(subnet_colour(service.subnet, problem.table.num_subnets))
        ax.plot([service.finish_s] * 2, [0, high], color=_PALE, lw=1.2, zorder=1)
        if service.on_time:
            ax.plot(
                service.finish_s,
                high,
                "o",
                color=colour,
                markeredgecolor=_INK,
                markersize=6.5,
                markeredgewidth=0.7,
                zorder=3,
            )
        else:
            ax.plot(
                service.finish_s,
                high,
                "x",
                color=_MISS,
                markersize=8,
                markeredgewidth=2.2,
                zorder=3,
            )
        if not service.above_floor:
            ax.plot(
                service.finish_s,
                0.0,
                "^",
                color="white",
                markeredgecolor=_MISS,
                markersize=7,
                markeredgewidth=1.5,
                zorder=4,
                clip_on=False,
            )
        if service.dropped:
            ax.plot(service.free_s, MOST_SLOS, "s", color=_MISS, markersize=6, zorder=4)
    ax.set_ylim(0, MOST_SLOS * 1.12)
    ax.set_yticks([0, 1, 2], ["0", "deadline", "2 x SLO"])
    ax.set_ylabel("answered\nafter", fontsize=9, color=_GREY)


def _draw_queue(ax: "Axes", record: EpisodeRecord) -> None:
    """Number of queries that wait."""
    from matplotlib.ticker import MaxNLocator

    queries = [(s.query, s.start_s) for s in record.services]
    queries += [(query, np.inf) for query in record.waiting] + list(record.abandoned)
    times = np.array([q.arrival_s for q, _ in queries] + [left for _, left in queries])
    changes = np.repeat([1, -1], len(queries))
    order = np.argsort(times, kind="stable")
    times, length = times[order], np.cumsum(changes[order])
    kept = np.isfinite(times) & (times <= record.now_s)
    ax.fill_between(times[kept], length[kept], step="post", color=_GREY, alpha=0.55, lw=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    ax.set_ylabel("queries\nwaiting", fontsize=9, color=_GREY)


def _legend(figure: "Figure", problem: Problem, drops: bool) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    table = problem.table
    handles: list[Patch | Line2D] = [
        Patch(
            color=as_hex(subnet_colour(i, table.num_subnets)),
            label=f"SubNet {name}: {table.top1[i]:.1f} %, {1e3 * table.latency_s[i, 0]:.0f} ms",
        )
        for i, name in enumerate(table.subnet_names)
    ]

    def mark(marker: str, label: str, face: str, edge: str) -> Line2D:
        return Line2D(
            [],
            [],
            ls="",
            marker=marker,
            color=face,
            markeredgecolor=edge,
            label=label,
            markersize=8,
            markeredgewidth=1.6,
        )

    handles += [
        mark("v", "cache reload", _INK, _INK),
        mark("o", "answered in time", "white", _INK),
        mark("x", "late", _MISS, _MISS),
        mark("^", "less accurate than asked", "white", _MISS),
    ]
    if drops:
        handles.append(mark("s", "dropped", _MISS, _MISS))
    figure.legend(
        handles=handles,
        loc="outside lower center",
        ncols=6,
        frameon=False,
        fontsize=10,
        title="SubNet: top-1 accuracy, latency when nothing is cached",
        title_fontsize=10,
    )
