"""How every Matplotlib picture is set up and saved (extra `plot`)."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sushi_accel.errors import InputError, need
from sushi_accel.files.atomic import check_writable, replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = (".png", ".svg", ".pdf")


def check_picture(path: Path | None) -> None:
    """Finds out, before any work is done for it, whether a picture can be made, if one is wanted.

    Raises:
        InputError: If its ending names no format, the extra `plot` is not installed, or the path
            cannot be written.
    """
    if path is None:
        return
    if path.suffix not in FORMATS:
        raise InputError(f"picture {path}: must end in .png, .svg or .pdf")
    need("pictures need", "plot", "matplotlib")
    check_writable(path, f"picture {path}")


def new_figure(
    width: float, height: float, rows: int = 1, columns: int = 1, grid: bool = True, **options: Any
) -> "tuple[Figure, list[Axes]]":
    """A figure of its own, outside pyplot: no global state, no window.

    Args:
        width: Width, inches.
        height: Height, inches.
        rows: Panels below each other.
        columns: Panels side by side.
        grid: Whether panels have a faint grid.
        options: For Matplotlib's `subplots`.

    Returns:
        The figure, and its panels row by row.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, columns, squeeze=False, **options).ravel().tolist()
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
        if grid:
            ax.grid(alpha=0.25)
    return figure, axes


def log_axes(ax: "Axes", which: str = "xy") -> None:
    """Logarithmic axes labelled with plain numbers at 1, 2 and 5 times powers of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name in which:
        ax.set(**{f"{name}scale": "log"})
        axis = ax.xaxis if name == "x" else ax.yaxis
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=30))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def legend_below(figure: "Figure", columns: int, **options: Any) -> None:
    """A legend below all panels; `options` are Matplotlib's."""
    options = {"frameon": False, "fontsize": 8} | options
    figure.legend(loc="outside lower center", ncols=columns, **options)


def save_picture(figure: "Figure", path: Path) -> None:
    """Saves a figure, atomically; see `check_picture`.

    Raises:
        InputError: If the path cannot be written.
    """
    with replacing(path, f"picture {path}") as part:
        figure.savefig(part)
