"""Pictures of sections 2 and 3: roofline, sweeps, energy."""

from typing import TYPE_CHECKING

import numpy as np

from sushi_accel import get_board, supernet_names
from sushi_accel.boards.board import KIB
from sushi_accel.figures import legend_below, log_axes, new_figure
from sushi_accel.palette import BLUE, GREEN, GREY, MARKERS, MISS, ORANGE, PINK, SERIES
from sushi_accel.pictures import draw_under_roof
from sushi_bench.paper.dedicated import serve_each
from sushi_bench.paper.designs import AXES, Design, plausible
from sushi_bench.paper.devices import SUFFIX, SWEPT, base_board
from sushi_bench.paper.published import ENERGY_SAVING_PERCENT, LATENCY_REDUCTION_PERCENT
from sushi_bench.paper.sections.accelerator import Accelerator
from sushi_bench.paper.sections.energy import Energy

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROOFLINE_BOARD = "paper_roofline"
LINES = {"resnet50": "solid", "mobilenetv3": (0, (4, 1.5))}
STAR = {"color": MISS, "marker": "*", "s": 190, "zorder": 4}
BOARD_COLOURS = dict(zip(SWEPT, (BLUE, GREEN, ORANGE, PINK), strict=True))


def roofline() -> "Figure":
    """Every SubNet under the paper's analytic roof, before and after caching."""
    figure, axes = new_figure(10, 4, columns=len(supernet_names()))
    board = get_board(ROOFLINE_BOARD)
    for ax, supernet in zip(axes, supernet_names(), strict=True):
        served = serve_each(supernet, board)
        x = served.macs / served.offchip_bytes
        y = served.macs / served.latency_s / 1e9
        low, high = draw_under_roof(ax, board, x, y, 1.35)
        for i, name in enumerate(served.names):
            ax.annotate(
                name,
                (x[i % 2, i], y[i % 2, i]),
                xytext=(6, -2) if i % 2 else (-6, 0),
                textcoords="offset points",
                fontsize=8,
                ha="left" if i % 2 else "right",
                va="center",
            )
        ax.set(title=supernet, ylim=(y.min() / 1.25, None))
        ax.set_xticks(*_round_ticks(low, high))
        ax.set_yticks(*_round_ticks(y.min() / 1.2, ax.get_ylim()[1]))
        ax.minorticks_off()
        ax.legend(frameon=False, fontsize=8, loc="upper left")
    axes[0].set_ylabel("achieved GMAC/s")
    figure.suptitle(f"{ROOFLINE_BOARD}, Persistent Buffer {board.pb_bytes // KIB} KiB", fontsize=11)
    return figure


def _round_ticks(low: float, high: float) -> tuple[list[float], list[str]]:
    """Ticks of a short logarithmic axis at round numbers, and their labels."""
    steps = np.array([1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8])
    every = np.sort(np.outer(10.0 ** np.arange(0, 5), steps).ravel())
    inside = every[(every >= low) & (every <= high)]
    ticks = inside[:: max(len(inside) // 6, 1)].tolist()
    return ticks, [f"{tick:g}" for tick in ticks]


def sweeps(found: Accelerator) -> "Figure":
    """The largest latency reduction along each axis, with the design point marked."""
    from matplotlib.lines import Line2D

    figure, axes = new_figure(12, 4.6, columns=len(AXES))
    highest = max(d.saved_percent for by in found.sweeps.values() for p in by.values() for d in p)
    for ax, (axis, value) in zip(axes, AXES.items(), strict=True):
        for (supernet, preset), by_axis in found.sweeps.items():
            shown = [design for design in by_axis[axis] if value(design.board) > 0]
            x = np.array([value(design.board) for design in shown])
            y = np.array([design.saved_percent for design in shown])
            colour = BOARD_COLOURS[preset]
            ax.plot(x, y, color=colour, ls=LINES[supernet], marker=".", ms=5, lw=1.3)
            default = [design.is_default for design in shown]
            ax.scatter(x[default], y[default], color=colour, s=42, zorder=3)
            headline = [design == found.headline for design in shown]
            ax.scatter(x[headline], y[headline], **STAR)
        log_axes(ax, "x")
        ax.set(xlabel=axis, ylim=(0, 1.1 * max(highest, LATENCY_REDUCTION_PERCENT)))
        _paper_line(ax, LATENCY_REDUCTION_PERCENT)
    default = get_board("zcu104").pb_bytes // KIB
    kib = [default // 4 * 2**n for n in range(6)]
    axes[0].set_xticks(kib, [str(k) for k in kib], rotation=30)
    axes[0].minorticks_off()
    axes[1].tick_params(axis="x", rotation=30)
    axes[0].set_ylabel("largest latency reduction of any SubNet, %")
    handles = [Line2D([], [], color=c, label=b) for b, c in BOARD_COLOURS.items()]
    handles += [Line2D([], [], color=GREY, ls=ls, label=s) for s, ls in LINES.items()]
    handles += [
        Line2D([], [], color=GREY, marker="o", ls="", label="board as it is"),
        Line2D([], [], color=MISS, marker="*", ms=13, ls="", label="design point"),
    ]
    legend_below(figure, 8, handles=handles)
    return figure


def designs(found: Accelerator) -> "Figure":
    """Latency saved over buffer and bandwidth on the headline's chip, in both readings."""
    headline = found.headline
    chip = headline.preset.removesuffix(SUFFIX)
    figure, axes = new_figure(10, 4.2, columns=2)
    for ax, preset in zip(axes, (chip, chip + SUFFIX), strict=True):
        base = base_board(preset)
        saved = {
            _place(design): design.saved_percent
            for design in plausible(headline.supernet, preset)
            if (design.board.kp, design.board.cp) == (base.kp, base.cp)
        }
        x, y = (np.unique(part) for part in zip(*saved, strict=True))
        z = np.array([[saved[a, b] for a in x] for b in y])
        shades = ax.contourf(x, y, z, levels=np.arange(0, 71, 5), cmap="viridis")
        line = ax.contour(x, y, z, levels=[LATENCY_REDUCTION_PERCENT], colors="white")
        ax.clabel(line, fmt=f"paper: {LATENCY_REDUCTION_PERCENT:g} %%", fontsize=8)
        reaching = found.reaching[headline.supernet, preset]
        if reaching is not None:
            ax.scatter(*_place(reaching), clip_on=False, **STAR)
        ax.set(title=f"{headline.supernet} on {preset}", xlabel="persistent buffer, KiB")
        ax.set_xticks(np.linspace(x[0], x[-1], 5).round())
    axes[0].set_ylabel("off-chip bandwidth, GB/s")
    figure.colorbar(shades, ax=axes, label="largest latency reduction, %")
    return figure


def _place(design: Design) -> tuple[float, float]:
    """Persistent Buffer, KiB, and bandwidth, GB/s."""
    return design.board.pb_bytes / KIB, design.board.bandwidth_bytes_per_s / 1e9


def _paper_line(ax: "Axes", percent: float) -> None:
    """The paper's figure as a dashed line across."""
    ax.axhline(percent, color="black", lw=1, ls="--", zorder=1)
    ax.annotate(
        f"paper: {percent:g} %",
        (0.01, percent),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=8,
    )


def energy(found: Energy) -> "Figure":
    """Off-chip weight energy saved by every SubNet over the Persistent Buffer."""
    figure, axes = new_figure(10, 4.4, columns=len(found.weights_saved))
    default = get_board("zcu104").pb_bytes / KIB
    for ax, (supernet, saved) in zip(axes, found.weights_saved.items(), strict=True):
        names = serve_each(supernet, get_board("zcu104")).names
        with_maps = found.traffic_saved[supernet]
        for i, (name, colour, marker) in enumerate(zip(names, SERIES, MARKERS, strict=False)):
            style = {"marker": marker, "markevery": 16, "ms": 4, "lw": 1.4}
            ax.plot(found.pb_kib, saved[:, i], color=colour, label=f"SubNet {name}", **style)
            ax.plot(found.pb_kib, with_maps[:, i], color=colour, lw=0.8, ls=":")
        ax.axvline(default, color=GREY, lw=1, zorder=1)
        ax.annotate(
            "default", (default, 92), xytext=(-4, 0), textcoords="offset points", fontsize=8,
            ha="right", color=GREY,
        )  # fmt: skip
        if supernet == found.headline.supernet:
            kib = found.headline.board.pb_bytes / KIB
            ax.scatter(kib, saved[found.pb_kib == kib].max(), label="design point", **STAR)
        _paper_line(ax, ENERGY_SAVING_PERCENT)
        ax.set(title=supernet, xlabel="Persistent Buffer, KiB", ylim=(0, 102))
    handles, labels = axes[-1].get_legend_handles_labels()
    legend_below(figure, 8, handles=handles, labels=labels)
    axes[0].set_ylabel("off-chip energy saved, %\n(dotted: with feature maps)")
    return figure
