"""What the page's charts are made of.

Plotly takes some HTML in text for markup, so every text from a result file goes through `plain`.
Colours are custom properties of the style sheet (`var(--...)`), which `charts.js` looks up: so
charts follow the theme.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sushi_bench.leaderboard.cells import exact
from sushi_bench.leaderboard.standings import Standing

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

KINDS = {
    "heuristic": ("circle", "var(--heuristic)"),
    "learned": ("diamond", "var(--learned)"),
    "other": ("square", "var(--other)"),
    "bound": ("star", "var(--bound)"),
}
"""Marker and colour of each kind of policy."""

MARKS = {
    "circle": "\N{BLACK CIRCLE}",
    "diamond": "\N{BLACK DIAMOND}",
    "square": "\N{BLACK SQUARE}",
    "star": "\N{BLACK STAR}",
}
LINE, DOTTED = "\N{EM DASH}", "\N{MIDDLE DOT}" * 3
DASHED = "\N{BOX DRAWINGS LIGHT TRIPLE DASH VERTICAL}"

LONGEST_LABEL = 24
HOVER_LABEL = 60


@dataclass(frozen=True)
class Key:
    """A line of a legend.

    Attributes:
        mark: A character that looks like the mark.
        colour: Its colour.
        name: What is marked so.
    """

    mark: str
    colour: str
    name: str


@dataclass(frozen=True)
class Chart:
    """A chart.

    Attributes:
        id: Its name, unique on the page.
        title: Its title.
        reading: How it is read, in a sentence or two.
        says: What it shows, for those who do not see it.
        legend: What the marks mean. It stands beside the figure, where it wraps as text does.
        figure: The Plotly figure, plain data.
        headings: Headings of the table with the same figures.
        rows: Its rows; the first cell is the policy.
    """

    id: str
    title: str
    reading: str
    says: str
    legend: list[Key]
    figure: dict[str, Any]
    headings: list[str]
    rows: list[list[str]]


def plain(text: str, longest: int = LONGEST_LABEL) -> str:
    """Text that Plotly shows as it is, shortened."""
    short = text if len(text) <= longest else text[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"
    return html.escape(short, quote=False)


def kinds_legend(standings: Sequence[Standing]) -> list[Key]:
    """The legend of kinds of policies, those that there are."""
    return [
        Key(MARKS[marker], colour, "clairvoyant" if kind == "bound" else kind)
        for kind, (marker, colour) in KINDS.items()
        if any(s.kind == kind for s in standings)
    ]


def layout_of(height: int) -> dict[str, Any]:
    """The layout of a figure of so many pixels."""
    return {
        "template": None,
        "height": height,
        "autosize": True,
        "margin": {"l": 8, "r": 16, "t": 8, "b": 48},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"color": "var(--text)", "size": 12},
        "hoverlabel": {
            "bgcolor": "var(--surface)",
            "bordercolor": "var(--border)",
            "font": {"color": "var(--text)"},
            "align": "left",
        },
        "hovermode": "closest",
        "dragmode": False,  # a finger that scrolls past shall not zoom
        "showlegend": False,
    }  # fmt: skip


def axis_of(title: str) -> dict[str, Any]:
    """An axis under that title."""
    return {
        "title": {"text": title},
        "automargin": True,
        "fixedrange": True,
        "gridcolor": "var(--grid)",
        "linecolor": "var(--border)",
        "zeroline": False,
    }


def line_across(x: float, colour: str) -> dict[str, Any]:
    """A dashed line from top to bottom."""
    return {
        "type": "line",
        "x0": float(exact(x)),
        "x1": float(exact(x)),
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
        "line": {"color": colour, "width": 1.5, "dash": "dash"},
    }


def plain_data(figure: "Figure") -> dict[str, Any]:
    """A figure as plain data, for JSON."""
    return json.loads(json.dumps(figure.to_plotly_json(), allow_nan=False))
