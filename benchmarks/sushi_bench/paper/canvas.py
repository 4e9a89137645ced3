"""Figures outside pyplot, no global state and no window; the look that all pictures share."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK, GREY = (
    "#2a6fbb",
    "#e07b28",
    "#3a9160",
    "#b5433a",
    "#7a5ba6",
    "#8a6d3b",
    "#c562a3",
    "#8a8f98",
)
COLOURS = (BLUE, ORANGE, GREEN, RED, PURPLE, BROWN, PINK)
MARKERS = ("o", "^", "s", "D", "v", "P", "X")


def canvas(columns: int, width: float = 10.0, height: float = 4.2) -> "tuple[Figure, list[Axes]]":
    """A figure with panels side by side."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, columns, squeeze=False)[0].tolist()
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(alpha=0.25)
    return figure, axes


def plain_log(ax: "Axes", axis: str = "x") -> None:
    """A logarithmic axis labelled with plain numbers at 1, 2 and 5 times powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    (ax.set_xscale if axis == "x" else ax.set_yscale)("log")
    chosen = ax.xaxis if axis == "x" else ax.yaxis
    chosen.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=30))
    chosen.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    chosen.set_minor_formatter(NullFormatter())


def paper_line(ax: "Axes", value: float, unit: str) -> None:
    """The paper's figure as a dashed line across."""
    ax.axhline(value, color="black", lw=1, ls="--", zorder=1)
    ax.annotate(
        f"paper: {value:g}{unit}",
        (0.01, value),
        xycoords=("axes fraction", "data"),
        xytext=(0, 3),
        textcoords="offset points",
        fontsize=8,
    )
