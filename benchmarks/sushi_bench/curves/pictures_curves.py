"""The picture of learning curves (extra `plot`: Matplotlib)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sushi_bench.comparing.pictures_comparison import COLOURS
from sushi_bench.curves.learning_curves import Curves

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def curves_picture(title: str, curves: Sequence[Curves], lines: Mapping[str, float]) -> "Figure":
    """Utility against steps: a line for the median of the seeds, a band for their range.

    Args:
        title: Title.
        curves: The curves.
        lines: Utility of policies that do not learn, by name.

    Returns:
        A figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    ax = figure.subplots()
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(alpha=0.25)
    for colour, group in zip(COLOURS * len(curves), curves, strict=False):
        values = np.stack(group.utility)
        label = f"{group.label} ({len(values)} seed{'s' if len(values) > 1 else ''})"
        ax.plot(group.steps, np.median(values, axis=0), color=colour, label=label, marker=".")
        ax.fill_between(
            group.steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, lw=0
        )
    for dashes, (name, utility) in zip(("--", ":", "-."), lines.items(), strict=False):
        ax.axhline(utility, color="#5f6770", ls=dashes, lw=1.2, label=f"{name} (not trained)")
    ax.set_xlabel("environment steps")
    ax.set_ylabel("mean utility per query")
    ax.set_xlim(left=0)
    ax.xaxis.set_major_formatter(lambda steps, _: f"{steps / 1e6:g} M")
    figure.legend(loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    ax.set_title(title, fontsize=10)
    return figure
