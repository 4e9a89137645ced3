"""Panels of an episode's timeline: arrivals, service, deadlines, queue (extra `render`)."""

from typing import TYPE_CHECKING, Any

import numpy as np

from sushi_accel.palette import GREY, INK, MISS, PALE, WHITE, subnet_colour, text_on
from sushi_bench.episodes.episode_recording import Span, shown_arrivals
from sushi_env import Problem
from sushi_env.rendering.moment import Service
from sushi_env.rendering.record import EpisodeRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LETTER = 0.17
"""Inches that a bar must be wide for its SubNet's name, per letter."""

MOST_SLOS = 2.0
"""Latency over SLO at the panel's upper edge; more is drawn there."""


ANSWERED: dict[str, Any] = {
    "marker": "o", "markeredgecolor": INK, "markersize": 6.5, "markeredgewidth": 0.7, "zorder": 3,
}  # fmt: skip
LATE: dict[str, Any] = {
    "marker": "x", "color": MISS, "markersize": 8, "markeredgewidth": 2.2, "zorder": 3,
}  # fmt: skip
BELOW_FLOOR: dict[str, Any] = {
    "marker": "^", "color": WHITE, "markeredgecolor": MISS, "markersize": 7,
    "markeredgewidth": 1.5, "zorder": 4, "clip_on": False,
}  # fmt: skip


def draw_arrivals(
    ax: "Axes", problem: Problem, seed: int, span: Span, record: EpisodeRecord
) -> None:
    """A tick for every arrival, in the row of its SLO class."""
    times, classes = shown_arrivals(problem, seed, span, record)
    names = [
        f"{c.name}: ≤ {1e3 * slo:.0f} ms, ≥ {c.floor:g} %"
        for c, slo in zip(problem.scenario.classes, problem.classes[:, 0], strict=True)
    ]
    ax.plot(times, classes, "|", color=INK, markersize=9, markeredgewidth=1.4)
    ax.set_yticks(range(len(names)), names if len(names) <= 8 else [""] * len(names))
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_title("Queries arrive", loc="left", fontsize=13, fontweight="bold", pad=10)
    ax.set_title(
        "every | is a query: its latency SLO and accuracy floor on the left",
        loc="right",
        fontsize=11,
    )


def draw_service(ax: "Axes", problem: Problem, shown: list[Service], inches_per_s: float) -> None:
    """A bar for every query served, in its SubNet's colour; reloads between them."""
    table = problem.table
    for service in shown:
        colour = subnet_colour(service.subnet, table.num_subnets)
        took = service.finish_s - service.start_s
        ax.broken_barh([(service.start_s, took)], (0, 1), color=colour, edgecolor="white", lw=0.6)
        name = table.subnet_names[service.subnet]
        if took * inches_per_s > LETTER * len(name):
            ax.text(
                service.start_s + took / 2,
                0.47,
                name,
                ha="center",
                va="center",
                fontsize=10,
                color=text_on(colour),
                clip_on=True,
            )
    reloads = [s for s in shown if s.subgraph != s.cached]
    ax.broken_barh([(s.finish_s, s.free_s - s.finish_s) for s in reloads], (0, 1), color=INK, lw=0)
    ax.plot([s.finish_s for s in reloads], [1.18] * len(reloads), "v", color=INK, markersize=5)
    ax.set_ylim(0, 1.35)
    ax.set_yticks([0.5], ["accelerator"])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)


def draw_deadlines(ax: "Axes", problem: Problem, shown: list[Service]) -> None:
    """Where each answer came on the way from arrival to deadline, and beyond."""
    ax.axhspan(1, MOST_SLOS * 1.12, color=MISS, alpha=0.09, lw=0)
    ax.axhline(1, color=MISS, lw=1)
    for service in shown:
        high = min(service.latency_per_slo, MOST_SLOS)
        colour = subnet_colour(service.subnet, problem.table.num_subnets)
        ax.plot([service.finish_s] * 2, [0, high], color=PALE, lw=1.2, zorder=1)
        how = ANSWERED if service.on_time else LATE
        style: dict[str, Any] = {"color": colour} | how
        ax.plot(service.finish_s, high, **style)
        if not service.above_floor:
            ax.plot(service.finish_s, 0.0, **BELOW_FLOOR)
        if service.dropped:
            ax.plot(service.free_s, MOST_SLOS, "s", color=MISS, markersize=6, zorder=4)
    ax.set_ylim(0, MOST_SLOS * 1.12)
    ax.set_yticks([0, 1, 2], ["0", "deadline", "2 x SLO"])
    ax.set_ylabel("answered\nafter", fontsize=9, color=GREY)


def draw_queue(ax: "Axes", record: EpisodeRecord) -> None:
    """Number of queries that wait."""
    from matplotlib.ticker import MaxNLocator

    queries = [(s.query, s.start_s) for s in record.services]
    queries += [(query, np.inf) for query in record.waiting] + list(record.abandoned)
    times = np.array([q.arrival_s for q, _ in queries] + [left for _, left in queries])
    changes = np.repeat([1, -1], len(queries))
    order = np.argsort(times, kind="stable")
    times, length = times[order], np.cumsum(changes[order])
    kept = np.isfinite(times) & (times <= record.now_s)
    ax.fill_between(times[kept], length[kept], step="post", color=GREY, alpha=0.55, lw=0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    ax.set_ylabel("queries\nwaiting", fontsize=9, color=GREY)
