"""The columns of the page's tables, and what they mean."""

from dataclasses import replace

from sushi_bench.leaderboard.cells import Column
from sushi_bench.scores.bootstrap import Interval
from sushi_env.engine import metrics
from sushi_env.engine.metrics import Metric


def percent(value: Interval | None) -> Interval | None:
    """Shares as percent."""
    return value and Interval(100 * value.value, 100 * value.low, 100 * value.high)


def _column(metric: Metric) -> Column:
    return Column(
        metric.name,
        metric.title,
        metric.unit,
        metric.text,
        metric.better,
        metric.group,
        metric.digits,
        lambda standing: metric.scale * getattr(standing.metrics, metric.name),
    )


SCORES = (
    Column(
        "score",
        "Score",
        "",
        "Utility of every episode on a scale where, in each scenario, the best fixed SubNet is 0 "
        "and the clairvoyant bound is 1; then the mean of the middle half of all episodes "
        "(interquartile mean). The ranking goes by it.",
        "higher",
        "Score",
        3,
        lambda standing: standing.score,
    ),
    Column(
        "mean_score",
        "Mean score",
        "",
        "The same, but the mean of all episodes: extreme ones count in full.",
        "higher",
        "Score",
        3,
        lambda standing: standing.mean_score,
    ),
)

SCENARIO_SCORE = Column(
    "score",
    "Score",
    "",
    "Mean utility on a scale where the best fixed SubNet is 0 and the clairvoyant bound is 1.",
    "higher",
    "Utility",
    3,
    lambda standing: standing.score,
)

UTILITY = replace(
    _column(metrics.METRICS["utility"]), group="Utility", get=lambda standing: standing.utility
)


def comparisons(reference: str) -> tuple[Column, Column]:
    """The columns that hold a policy against the reference of that label."""
    return (
        Column(
            "difference",
            "Difference",
            "",
            f"Mean utility minus that of {reference}, episode by episode: both face the same "
            "queries, so chance in the arrivals cancels out.",
            "higher",
            f"Against {reference}",
            4,
            lambda standing: standing.difference,
            signed=True,
        ),
        Column(
            "improvement",
            "Wins",
            "%",
            f"Share of episodes in which it reaches a higher utility than {reference}; equal ones "
            "count half. The probability of improvement.",
            "higher",
            f"Against {reference}",
            0,
            lambda standing: percent(standing.improvement),
        ),
    )


_GROUPS = list(dict.fromkeys(metric.group for metric in metrics.METRICS.values() if metric.group))
METRICS = tuple(
    _column(metric)
    for group in _GROUPS
    for metric in metrics.METRICS.values()
    if metric.group == group
)
"""What the page shows beside utility, by group."""


def suite_columns(scored: bool, reference: str | None) -> list[Column]:
    """Columns of the table over the whole suite."""
    compared = comparisons(reference) if reference else ()
    return [*(SCORES if scored else ()), UTILITY, *compared, *METRICS]


def scenario_columns(scored: bool, reference: str | None) -> list[Column]:
    """Columns of a scenario's table."""
    compared = comparisons(reference) if reference else ()
    return [UTILITY, *((SCENARIO_SCORE,) if scored else ()), *compared, *METRICS]
