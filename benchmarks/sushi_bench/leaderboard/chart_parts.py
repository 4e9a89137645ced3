"""What the page's charts are made of.

Plotly takes some HTML in text for markup, so every text from a result file goes through `plain`.
Colours are custom properties of the style sheet (`var(--...)`), which `charts.js` looks up: so
charts follow the theme.
"""

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sushi_bench.leaderboard.cells import exact
from sushi_bench.leaderboard.standings import Standing

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
        Key(
            MARKS[mark["symbol"]],
            mark["color"],
            "clairvoyant" if those[0].kind == "bound" else those[0].kind,
        )
        for those, mark in by_kind(standings)
    ]


LAYOUT = {
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
}
AXIS = {
    "automargin": True,
    "fixedrange": True,
    "gridcolor": "var(--grid)",
    "linecolor": "var(--border)",
    "zeroline": False,
}


Axis = tuple[str, dict[str, Any]]
"""An axis: its title, and what is special about it."""


def figure_of(
    traces: Sequence[dict[str, Any]],
    height: int,
    x: Axis,
    y: Axis,
    shapes: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """A Plotly figure of so many pixels as plain data: traces over shapes; see `scatter`."""
    xaxis, yaxis = (
        {"title": {"text": title, "standoff": 15}} | AXIS | more for title, more in (x, y)
    )
    layout = {**LAYOUT, "height": height, "xaxis": xaxis, "yaxis": yaxis, "shapes": shapes}
    return {"data": traces, "layout": layout}


def scatter(
    x: Iterable[float], y: Iterable[float], hover: Sequence[tuple[Standing, str]], **more: Any
) -> dict[str, Any]:
    """A trace whose points say, in HTML, what is known about a policy."""
    text = [f"<b>{plain(s.label, HOVER_LABEL)}</b><br>{words}" for s, words in hover]
    return {
        "type": "scatter",
        "x": rounded(x),
        "y": rounded(y),
        "hovertext": text,
        "hoverinfo": "text",
        **more,
    }


def by_kind(standings: Sequence[Standing]) -> Iterator[tuple[list[Standing], dict[str, str]]]:
    """The policies of each kind that there is, and the mark that stands for it."""
    for kind, (symbol, colour) in KINDS.items():
        those = [s for s in standings if s.kind == kind]
        if those:
            yield those, {"symbol": symbol, "color": colour}


def rounded(values: Iterable[float]) -> list[float]:
    """Figures as the page has them everywhere; see `exact`."""
    return [float(exact(value)) for value in values]


def line_across(x: float, colour: str) -> dict[str, Any]:
    """A dashed line from top to bottom."""
    (at,) = rounded([x])
    return {
        "type": "line",
        "x0": at,
        "x1": at,
        "y0": 0,
        "y1": 1,
        "yref": "paper",
        "layer": "below",
        "line": {"color": colour, "width": 1.5, "dash": "dash"},
    }
