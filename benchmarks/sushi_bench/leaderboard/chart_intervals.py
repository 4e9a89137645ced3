"""Charts with a row for each policy: a mark and its interval."""

from collections.abc import Sequence
from typing import Any

from sushi_bench.leaderboard.cells import exact
from sushi_bench.leaderboard.chart_parts import (
    DASHED,
    HOVER_LABEL,
    KINDS,
    Chart,
    Key,
    axis_of,
    kinds_legend,
    layout_of,
    line_across,
    plain,
    plain_data,
)
from sushi_bench.leaderboard.standings import Leaderboard, ScenarioStandings, Standing

ROW_PX, MARGIN_PX = 22, 90


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
    figure["layout"]["shapes"] = [line_across(50, "var(--muted)")]
    return Chart(
        "improvement",
        "Probability of improvement",
        f"In how many episodes a policy beats {reference} on the same queries, with 95 % "
        "intervals; equal ones count half. Right of 50 % it is more often better.",
        f"More often better than {reference}: {', '.join(better) or 'none'}.",
        kinds_legend(there),
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
    legend = kinds_legend(of.standings)
    for name, (value, colour) in lines.items():
        if value is not None:
            figure["layout"].setdefault("shapes", []).append(line_across(value, colour))
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
    title: str,
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
                    "array": [float(exact(max(high - v, 0.0))) for _, v, _, high in those],
                    "arrayminus": [float(exact(max(v - low, 0.0))) for _, v, low, _ in those],
                    "color": colour,
                    "thickness": 2,
                    "width": 3,
                },
                hovertext=[
                    f"<b>{plain(s.label, HOVER_LABEL)}</b><br>{v:.{digits}f} ({low:.{digits}f} to "
                    f"{high:.{digits}f})"
                    for s, v, low, high in those
                ],
                hoverinfo="text",
            )
        )
    layout = layout_of(MARGIN_PX + ROW_PX * len(points)) | {
        "xaxis": axis_of(title) | ({"range": [span[0] - 2, span[1] + 2]} if span else {}),
        # positions, not names: two policies may be called alike, and a name may be a number
        "yaxis": axis_of("")
        | {
            "tickvals": list(rows.values()),
            "ticktext": [plain(s.label) for s, *_ in points],
            "range": [0.3, len(points) + 0.7],
        },
    }
    return plain_data(go.Figure(traces, layout))
