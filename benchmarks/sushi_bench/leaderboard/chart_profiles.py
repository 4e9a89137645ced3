"""Performance profiles."""

import numpy as np

from sushi_bench.leaderboard.chart_parts import DOTTED, LINE, Chart, Key, figure_of, scatter
from sushi_bench.leaderboard.standings import Leaderboard
from sushi_bench.scores.ranking import profile

HEIGHT_PX = 460
NAMED = 6
LEVELS = 101
SHOWN_LEVELS = (0.0, 0.25, 0.5, 0.75, 0.9)
LOWEST, HIGHEST = -1.0, 1.5
"""Scores beyond which nothing is drawn."""


def profiles(board: Leaderboard) -> Chart:
    """The share of episodes above each score."""
    what = "score" if board.scored else "utility"
    low, high = 0.0, 1.0
    if board.scored:  # an episode's score may be above 1, which is the bound's mean
        low = max(LOWEST, float(np.floor(4 * board.scores.min()) / 4))
        high = min(HIGHEST, float(np.ceil(4 * board.scores.max()) / 4))
    levels = np.linspace(low, high, LEVELS)
    shares = 100 * profile(board.scores, levels)
    coloured = _coloured(board)
    traces = []
    # the grey ones first, so that the coloured ones lie above them
    for s, share in sorted(
        zip(board.standings, shares, strict=True), key=lambda pair: id(pair[0]) in coloured
    ):
        colour = coloured.get(id(s))
        hover = [
            (s, f"{value:.0f} % of episodes above {level:.2f}")
            for level, value in zip(levels, share, strict=True)
        ]
        line = {
            "color": colour or "var(--faint)",
            "width": 2.5 if colour else 1.2,
            "dash": "dot" if s.kind == "bound" else "solid",
        }
        traces.append(scatter(levels, share, hover, mode="lines", line=line))
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
        figure_of(
            traces,
            HEIGHT_PX,
            (what, {"range": [low, high]}),
            ("episodes above it, %", {"range": [0, 101]}),
        ),
        ["Policy", *(f"above {level:g}, %" for level in SHOWN_LEVELS)],
        [
            [s.label, *(f"{100 * share:.1f}" for share in row)]
            for s, row in zip(board.standings, at, strict=True)
        ],
    )


def _coloured(board: Leaderboard) -> dict[int, str]:
    """Colours of the policies that stand out, by their ids."""
    bound = [s for s in board.standings if s.kind == "bound"]
    best = [s for s in board.standings if s.kind != "bound"][:NAMED]
    reference = [s for s in board.standings if board.is_reference(s) and s not in best]
    chosen = [*best, *reference]
    colours = {id(s): f"var(--line-{n})" for n, s in enumerate(chosen, start=1)}
    return colours | {id(s): "var(--bound)" for s in bound}
