"""The page's charts: Plotly figures, each with the same figures as a table.

Plotly takes some HTML in text for markup, so every text from a result file goes through `plain`.
Colours are custom properties of the style sheet (`var(--...)`), which `charts.js` looks up: so
charts follow the theme.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sushi_bench.leaderboard.columns import METRICS, exact
from sushi_bench.leaderboard.standings import Leaderboard, ScenarioStandings, Standing
from sushi_bench.scores import profile

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
NAMED_PROFILES = 6
ROW_PX, MARGIN_PX, PLANE_PX = 22, 90, 460
LEVELS = 81
SHOWN_LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9)
LABEL_WIDTH, LABEL_HEIGHT = 0.2, 0.05
"""Room that a label takes in the plane, in parts of the range of the points."""


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


def plane(standings: Sequence[Standing], where: str) -> Chart:
    """Served accuracy over the 99th percentile of the response time."""
    from plotly import graph_objects as go

    accuracy, latency = (
        next(c for c in METRICS if c.key == key) for key in ("served_accuracy", "latency_p99_s")
    )
    traces = []
    for kind, (marker, colour) in KINDS.items():
        those = [s for s in standings if s.kind == kind]
        if not those:
            continue
        named = {id(s) for s in _apart(those, standings)}
        traces.append(
            go.Scatter(
                x=[1e3 * s.metrics.latency_p99_s for s in those],
                y=[s.metrics.served_accuracy for s in those],
                mode="markers+text",
                text=[plain(s.label) if id(s) in named else "" for s in those],
                textposition="top center",
                textfont={"size": 11, "color": "var(--muted)"},
                marker={
                    "symbol": marker,
                    "color": colour,
                    # the area goes by utility, which both axes leave out
                    "size": [round(7 + 15 * s.utility.value, 2) for s in those],
                    "opacity": 0.85,
                    "line": {"width": 1, "color": "var(--surface)"},
                },
                hovertext=[
                    f"<b>{plain(s.label, 60)}</b><br>served top-1 {accuracy.cell(s).text} %<br>"
                    f"p99 {latency.cell(s).text} ms<br>utility {s.utility.value:.4f}"
                    for s in those
                ],
                hoverinfo="text",
            )
        )
    layout = _layout(PLANE_PX) | {
        "xaxis": _axis("p99 response time, ms (log)") | _logarithmic(standings),
        "yaxis": _axis("served top-1, %"),
    }
    ranked = [s for s in standings if s.kind != "bound"]
    fast = min(ranked, key=lambda s: s.metrics.latency_p99_s)
    right = max(ranked, key=lambda s: s.metrics.served_accuracy)
    return Chart(
        "plane",
        "Accuracy and latency",
        "Up is more accurate, left is faster; the larger the mark, the higher the utility. "
        "Utility wants each query accurate enough in time, so neither corner wins it.",
        f"{where}: {fast.label} is fastest (p99 {latency.cell(fast).text} ms, top-1 "
        f"{accuracy.cell(fast).text} %), {right.label} most accurate (p99 "
        f"{latency.cell(right).text} ms, top-1 {accuracy.cell(right).text} %).",
        _kinds(standings),
        _plain_data(go.Figure(traces, layout)),
        ["Policy", "p99, ms", "Served top-1, %", "Utility"],
        [
            [s.label, latency.cell(s).text, accuracy.cell(s).text, f"{s.utility.value:.4f}"]
            for s in standings
        ],
    )


def profiles(board: Leaderboard) -> Chart:
    """The share of episodes above each score."""
    from plotly import graph_objects as go

    what = "score" if board.scored else "utility"
    low = max(-1.0, float(np.floor(4 * board.scores.min()) / 4)) if board.scored else 0.0
    levels = np.linspace(low, 1.0, LEVELS)
    shares = 100 * profile(board.scores, levels)
    coloured = _coloured(board)
    traces = []
    # the grey ones first, so that the coloured ones lie above them
    for s, share in sorted(
        zip(board.standings, shares, strict=True), key=lambda pair: id(pair[0]) in coloured
    ):
        colour = coloured.get(id(s))
        traces.append(
            go.Scatter(
                x=[float(exact(level)) for level in levels],
                y=[float(exact(value)) for value in share],
                mode="lines",
                line={
                    "color": colour or "var(--faint)",
                    "width": 2.5 if colour else 1.2,
                    "dash": "dot" if s.kind == "bound" else "solid",
                },
                hovertext=[
                    f"<b>{plain(s.label, 60)}</b><br>{value:.0f} % of episodes above {level:.2f}"
                    for level, value in zip(levels, share, strict=True)
                ],
                hoverinfo="text",
            )
        )
    layout = _layout(PLANE_PX) | {
        "xaxis": _axis(what) | {"range": [low, 1.0]},
        "yaxis": _axis("episodes above it, %") | {"range": [0, 101]},
    }
    at = profile(board.scores, np.array(SHOWN_LEVELS))
    first = next((n for n, s in enumerate(board.standings) if s.place == 1), 0)
    return Chart(
        "profiles",
        "Performance profiles",
        f"How many of the episodes end above a {what}: the higher and the further right a line, "
        "the better, and a line that is above another everywhere is better whatever one cares "
        "for. In colour the best policies; the others in grey.",
        f"{board.standings[first].label} ends above a {what} of 0.5 in {100 * at[first, 2]:.0f} % "
        "of episodes.",
        [
            Key(DOTTED if s.kind == "bound" else LINE, coloured[id(s)], s.label)
            for s in board.standings
            if id(s) in coloured
        ]
        + [Key(LINE, "var(--faint)", "others")],
        _plain_data(go.Figure(traces, layout)),
        ["Policy", *(f"above {level:g}, %" for level in SHOWN_LEVELS)],
        [
            [s.label, *(f"{100 * share:.1f}" for share in row)]
            for s, row in zip(board.standings, at, strict=True)
        ],
    )


def improvements(board: Leaderboard) -> Chart:
    """The probability of improvement over the reference, with intervals."""
    there = [s for s in board.standings if s.improvement is not None]
    reference = board.reference or ""
    points = [
        (s, 100 * i.value, 100 * i.low, 100 * i.high)
        for s in there
        if (i := s.improvement) is not None
    ]
    better = [s.label for s, _, low, _ in points if low > 50 and s.kind != "bound"]
    figure = _forest(points, "episodes won, %", 0, (0.0, 100.0))
    figure["layout"]["shapes"] = [_line(50, "var(--muted)")]
    return Chart(
        "improvement",
        "Probability of improvement",
        f"In how many episodes a policy beats {reference} on the same queries, with 95 % "
        "intervals; equal ones count half. Right of 50 % it is more often better.",
        f"More often better than {reference}: {', '.join(better) or 'none'}.",
        _kinds(there),
        figure,
        ["Policy", "Wins, %", "95 % interval"],
        [[s.label, f"{v:.1f}", f"{low:.1f} to {high:.1f}"] for s, v, low, high in points],
    )


def scenario_utilities(of: ScenarioStandings) -> Chart:
    """Mean utilities in a scenario, with intervals, the bound and the best static SubNet."""
    points = [(s, s.utility.value, s.utility.low, s.utility.high) for s in of.standings]
    figure = _forest(points, "mean utility", 4, None)
    lines = {
        "best fixed SubNet": (of.zero, "var(--muted)"),
        "upper bound": (of.upper, "var(--bound)"),
    }
    legend = _kinds(of.standings)
    for name, (value, colour) in lines.items():
        if value is not None:
            figure["layout"].setdefault("shapes", []).append(_line(value, colour))
            legend.append(Key(DASHED, colour, f"{name}, {value:.4f}"))
    first, last = of.standings[0].label, of.standings[-1].label
    return Chart(
        "utilities",
        "Utility of each policy",
        "Mean utility with its 95 % interval; the longer the stretch from the lowest to the "
        "highest, the better the scenario tells policies apart.",
        f"{first} reaches most, {last} least.",
        legend,
        figure,
        ["Policy", "Utility", "95 % interval"],
        [[s.label, f"{v:.4f}", f"{low:.4f} to {high:.4f}"] for s, v, low, high in points],
    )


def _forest(
    points: Sequence[tuple[Standing, float, float, float]],
    axis: str,
    digits: int,
    span: tuple[float, float] | None,
) -> dict[str, Any]:
    """A figure with a row for each policy: a mark and its interval, the first at the top."""
    from plotly import graph_objects as go

    rows = {id(s): len(points) - n for n, (s, *_) in enumerate(points)}
    traces = []
    for kind, (marker, colour) in KINDS.items():
        those = [point for point in points if point[0].kind == kind]
        if not those:
            continue
        traces.append(
            go.Scatter(
                x=[float(exact(v)) for _, v, _, _ in those],
                y=[rows[id(s)] for s, *_ in those],
                mode="markers",
                marker={"symbol": marker, "color": colour, "size": 9},
                error_x={
                    "type": "data",
                    "symmetric": False,
                    "array": [float(exact(high - v)) for _, v, _, high in those],
                    "arrayminus": [float(exact(v - low)) for _, v, low, _ in those],
                    "color": colour,
                    "thickness": 2,
                    "width": 3,
                },
                hovertext=[
                    f"<b>{plain(s.label, 60)}</b><br>{v:.{digits}f} ({low:.{digits}f} to "
                    f"{high:.{digits}f})"
                    for s, v, low, high in those
                ],
                hoverinfo="text",
            )
        )
    layout = _layout(MARGIN_PX + ROW_PX * len(points)) | {
        "xaxis": _axis(axis) | ({"range": [span[0] - 2, span[1] + 2]} if span else {}),
        # positions, not names: two policies may be called alike, and a name may be a number
        "yaxis": _axis("")
        | {
            "tickvals": list(rows.values()),
            "ticktext": [plain(s.label) for s, *_ in points],
            "range": [0.3, len(points) + 0.7],
        },
    }
    return _plain_data(go.Figure(traces, layout))


def _kinds(standings: Sequence[Standing]) -> list[Key]:
    """The legend of kinds of policies, those that there are."""
    return [
        Key(MARKS[marker], colour, "clairvoyant" if kind == "bound" else kind)
        for kind, (marker, colour) in KINDS.items()
        if any(s.kind == kind for s in standings)
    ]


def _apart(those: Sequence[Standing], everyone: Sequence[Standing]) -> list[Standing]:
    """Those whose labels in the plane do not lie on another's, best first."""
    found: list[Standing] = []
    x = np.log([max(s.metrics.latency_p99_s, 1e-9) for s in everyone])
    y = np.array([s.metrics.served_accuracy for s in everyone])
    x, y = x / (np.ptp(x) or 1.0), y / (np.ptp(y) or 1.0)
    placed: list[int] = []
    for n, s in enumerate(everyone):
        if all(abs(x[n] - x[m]) > LABEL_WIDTH or abs(y[n] - y[m]) > LABEL_HEIGHT for m in placed):
            placed.append(n)
            if any(s is t for t in those):
                found.append(s)
    return found


def _coloured(board: Leaderboard) -> dict[int, str]:
    """Colours of the policies that stand out, by their ids."""
    bound = [s for s in board.standings if s.kind == "bound"]
    best = [s for s in board.standings if s.kind != "bound"][:NAMED_PROFILES]
    reference = [s for s in board.standings if board.is_reference(s) and s not in best]
    chosen = [*best, *reference]
    colours = {id(s): f"var(--line-{n})" for n, s in enumerate(chosen, start=1)}
    return colours | {id(s): "var(--bound)" for s in bound}


def _layout(height: int) -> dict[str, Any]:
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


def _axis(title: str) -> dict[str, Any]:
    return {
        "title": {"text": title},
        "automargin": True,
        "fixedrange": True,
        "gridcolor": "var(--grid)",
        "linecolor": "var(--border)",
        "zeroline": False,
    }


def _logarithmic(standings: Sequence[Standing]) -> dict[str, Any]:
    """A logarithmic axis of p99 with plain numbers at 1, 2 and 5 times powers of ten."""
    times = [1e3 * s.metrics.latency_p99_s for s in standings if s.metrics.latency_p99_s > 0]
    low, high = (min(times), max(times)) if times else (1.0, 10.0)
    powers = range(int(np.floor(np.log10(low))) - 1, int(np.ceil(np.log10(high))) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    return {
        "type": "log",
        "tickvals": [float(exact(tick)) for tick in ticks],
        "ticktext": [f"{tick:g}" for tick in ticks],
        "range": [float(exact(np.log10(low) - 0.15)), float(exact(np.log10(high) + 0.15))],
    }


def _line(x: float, colour: str) -> dict[str, Any]:
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


def _plain_data(figure: "Figure") -> dict[str, Any]:
    """A figure as plain data, for JSON."""
    return json.loads(json.dumps(figure.to_plotly_json(), allow_nan=False))
