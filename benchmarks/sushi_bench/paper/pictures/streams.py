"""Pictures of sections 4 and 7: streams, SushiSched's parameters, queueing."""

from typing import TYPE_CHECKING

import numpy as np

from sushi_accel.boards.board import KIB
from sushi_accel.figures import legend_below, new_figure
from sushi_accel.palette import BLUE, GREEN, GREY, MISS, SERIES
from sushi_bench.paper.designs import Design
from sushi_bench.paper.pictures.hardware import STAR
from sushi_bench.paper.published import ACCURACY_GAIN_POINTS, LATENCY_REDUCTION_PERCENT
from sushi_bench.paper.sections.queueing import Queueing
from sushi_bench.paper.sections.scheduling import (
    NONE,
    SUSHI,
    UNAWARE,
    Scheduling,
    latency_reduction,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SYSTEM_COLOURS = {NONE: GREY, UNAWARE: BLUE, SUSHI: GREEN}


def scheduling(found: Scheduling) -> "Figure":
    """Accuracy over latency at the design point; gains and reductions there and by default."""
    figure, (left, middle, right) = new_figure(13, 4.8, columns=3)
    frontier, best = found.accuracy.best_scale
    for system, colour in SYSTEM_COLOURS.items():
        style = {"color": colour, "marker": "o", "ms": 4, "ls": "--" if system == SUSHI else "-"}
        left.plot(1e3 * frontier.latency_s(system), frontier.top1(system), label=system, **style)
    label = f"largest gain, {frontier.gains()[best]:+.2f} points"
    at = 1e3 * frontier.latency_s(SUSHI)[best], frontier.top1(SUSHI)[best]
    left.scatter(*at, label=label, **STAR)
    left.set(xlabel="mean latency, ms", ylabel="served top-1, %")
    left.set_title("streams of latency constraints", fontsize=10)
    left.legend(frameon=False, fontsize=8, loc="lower right")
    strict = found.latency.strict_accuracy
    at = np.arange(len(strict))
    middle.bar(at, [s.latency_reduction for s in strict], color=GREEN)
    middle.set_xticks(
        at, [s.stream.name.removeprefix("floors of ") for s in strict], rotation=60, fontsize=8
    )
    middle.set(xlabel="accuracy floors of SubNets", ylabel="mean latency saved, %")
    middle.set_title(
        f"streams of floors (dashed: paper, {LATENCY_REDUCTION_PERCENT:g} %)", fontsize=10
    )
    middle.axhline(LATENCY_REDUCTION_PERCENT, color="black", lw=1, ls="--")
    designs = list(found.streams)
    where = np.arange(len(designs))[::-1]
    gains = [found.streams[d].accuracy_gain for d in designs]
    colours = [MISS if d == found.accuracy.design else BLUE for d in designs]
    right.barh(where, gains, color=colours)
    right.axvline(ACCURACY_GAIN_POINTS, color="black", lw=1, ls="--")
    right.set_yticks(where, [_short(d) for d in designs], fontsize=7)
    right.set(xlabel=f"largest top-1 gain, points (dashed: {ACCURACY_GAIN_POINTS:g})")
    right.set_title("boards as they are, then designs", fontsize=10)
    figure.suptitle(f"{found.accuracy.design.supernet} on {found.accuracy.design}", fontsize=11)
    return figure


def _short(design: Design) -> str:
    board = design.board
    return (
        f"{design.supernet}, {design.preset}\n{board.pb_bytes // KIB} KiB, "
        f"{board.bandwidth_bytes_per_s / 1e9:.3g} GB/s, {board.kp} x {board.cp}"
    )


def parameters(found: Scheduling) -> "Figure":
    """Cache hit ratio and latency saved over Q and over |G|."""
    figure, axes = new_figure(9, 3.6, columns=2)
    varied = (
        ("Q, decisions per cache decision", found.periods),
        ("|G|, SubGraphs", found.table_sizes),
    )
    for ax, (label, results) in zip(axes, varied, strict=True):
        x = np.arange(len(results))
        for system in (UNAWARE, SUSHI):
            colour = SYSTEM_COLOURS[system]
            hits = [100 * outcomes[system].hit_ratio for outcomes in results.values()]
            saved = [latency_reduction(outcomes, system) for outcomes in results.values()]
            style = {"color": colour, "ms": 4, "ls": "--" if system == SUSHI else "-"}
            ax.plot(x, hits, marker="o", label=f"{system}: hit ratio", **style)
            ax.plot(x, saved, marker="^", label=f"{system}: latency saved", **style)
        ax.set_xticks(x, [str(value) for value in results])
        ax.set(xlabel=label, ylim=(0, 85))
    axes[0].set_ylabel("%")
    axes[0].legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    return figure


def queueing(found: Queueing) -> "Figure":
    """Utility of every policy as a share of the clairvoyant bound."""
    figure, (ax,) = new_figure(10, 4.2)
    names = list(dict.fromkeys(name for q in found.scenarios for name in q.policies))
    width = 0.85 / len(names)
    for n, name in enumerate(names):
        at, shares = [], []
        for k, queued in enumerate(found.scenarios):
            if name in queued.policies:
                at.append(k + (n - (len(names) - 1) / 2) * width)
                shares.append(queued.share(name))
        label = f"learned: {name}" if name == found.agent else name
        bars = ax.bar(at, shares, width * 0.94, color=SERIES[n % len(SERIES)], label=label)
        ax.bar_label(bars, fmt="%.0f", fontsize=7)
    ax.axhline(100, color="black", lw=1, ls="--")
    ax.set_xticks(
        range(len(found.scenarios)),
        [
            f"{q.scenario.name}\n{q.scenario.arrivals.kind.replace('_', ' ')}"
            + (f", load {q.scenario.load:g}" if q.scenario.load else "")
            for q in found.scenarios
        ],
    )
    ax.set(ylabel="utility, % of the clairvoyant bound", ylim=(0, 112))
    legend_below(figure, len(names))
    return figure
