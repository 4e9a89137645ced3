"""Charts with a row for each policy: a mark and its interval."""

from collections.abc import Sequence
from typing import Any

from sushi_bench.leaderboard.chart_parts import (
    DASHED,
    Axis,
    Chart,
    Key,
    by_kind,
    figure_of,
    kinds_legend,
    line_across,
    plain,
    rounded,
    scatter,
)
from sushi_bench.leaderboard.columns import percent
from sushi_bench.leaderboard.standings import Leaderboard, ScenarioStandings, Standing
from sushi_bench.scores.bootstrap import Interval

ROW_PX, MARGIN_PX = 22, 90

Points = Sequence[tuple[Standing, Interval]]


def improvements(board: Leaderboard) -> Chart:
    """The probability of improvement over the reference, with intervals."""
    points = [(s, won) for s in board.standings if (won := percent(s.improvement)) is not None]
    reference = board.reference or ""
    better = [s.label for s, won in points if won.low > 50 and s.kind != "bound"]
    lines = [line_across(50, "var(--muted)")]
    return Chart(
        "improvement",
        "Probability of improvement",
        f"In how many episodes a policy beats {reference} on the same queries, with 95 % "
        "intervals; equal ones count half. Right of 50 % it is more often better.",
        f"More often better than {reference}: {', '.join(better) or 'none'}.",
        kinds_legend([s for s, _ in points]),
        _forest(points, ("episodes won, %", {"range": [-2, 102]}), 0, lines),
        ["Policy", "Wins, %", "95 % interval"],
        [[s.label, *_shown(won, 1)] for s, won in points],
    )


def scenario_utilities(of: ScenarioStandings) -> Chart:
    """Mean utilities in a scenario, with intervals, the bound and the best static SubNet."""
    points = [(s, s.utility) for s in of.standings]
    lines, legend = [], kinds_legend(of.standings)
    for name, value, colour in (
        ("best fixed SubNet", of.zero, "var(--muted)"),
        ("upper bound", of.upper, "var(--bound)"),
    ):
        if value is not None:
            lines.append(line_across(value, colour))
            legend.append(Key(DASHED, colour, f"{name}, {value:.4f}"))
    return Chart(
        "utilities",
        "Utility of each policy",
        "Mean utility with its 95 % interval; the longer the stretch from the lowest to the "
        "highest, the better the scenario tells policies apart.",
        f"{of.standings[0].label} reaches most, {of.standings[-1].label} least.",
        legend,
        _forest(points, ("mean utility", {}), 4, lines),
        ["Policy", "Utility", "95 % interval"],
        [[s.label, *_shown(utility, 4)] for s, utility in points],
    )


def _shown(interval: Interval, digits: int) -> tuple[str, str]:
    """An interval's figure and its ends."""
    value, low, high = (f"{v:.{digits}f}" for v in (interval.value, interval.low, interval.high))
    return value, f"{low} to {high}"


def _forest(
    points: Points, axis: Axis, digits: int, lines: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """A figure with a row for each policy: a mark and its interval, the first at the top."""
    intervals = {id(s): interval for s, interval in points}
    # positions, not names: two policies may be called alike, and a name may be a number
    rows = {id(s): len(points) - n for n, (s, _) in enumerate(points)}
    traces = []
    for those, mark in by_kind([s for s, _ in points]):
        found = [intervals[id(s)] for s in those]
        error = {
            "type": "data",
            "symmetric": False,
            "array": rounded(max(i.high - i.value, 0.0) for i in found),
            "arrayminus": rounded(max(i.value - i.low, 0.0) for i in found),
            "color": mark["color"],
            "thickness": 2,
            "width": 3,
        }
        traces.append(
            scatter(
                [i.value for i in found],
                [rows[id(s)] for s in those],
                [(s, "{} ({})".format(*_shown(intervals[id(s)], digits))) for s in those],
                mode="markers",
                marker=mark | {"size": 9},
                error_x=error,
            )
        )
    names = {
        "tickvals": list(rows.values()),
        "ticktext": [plain(s.label) for s, _ in points],
        "range": [0.3, len(points) + 0.7],
    }
    return figure_of(traces, MARGIN_PX + ROW_PX * len(points), axis, ("", names), lines)
