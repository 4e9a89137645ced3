"""The picture of learning curves (extra `plot`: Matplotlib)."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from sushi_accel.figures import legend_below, new_figure
from sushi_accel.palette import GREY, SERIES
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
    figure, (ax,) = new_figure(8, 5)
    for colour, group in zip(cycle(SERIES), curves, strict=False):
        values = np.stack(group.utility)
        label = f"{group.label} ({len(values)} seed{'s' if len(values) > 1 else ''})"
        ax.plot(group.steps, np.median(values, axis=0), color=colour, label=label, marker=".")
        ax.fill_between(
            group.steps, values.min(axis=0), values.max(axis=0), color=colour, alpha=0.2, lw=0
        )
    for dashes, (name, utility) in zip(("--", ":", "-."), lines.items(), strict=False):
        ax.axhline(utility, color=GREY, ls=dashes, lw=1.2, label=f"{name} (not trained)")
    ax.set(xlabel="environment steps", ylabel="mean utility per query", xlim=(0, None))
    ax.xaxis.set_major_formatter(lambda steps, _: f"{steps / 1e6:g} M")
    legend_below(figure, 2)
    ax.set_title(title, fontsize=10)
    return figure
