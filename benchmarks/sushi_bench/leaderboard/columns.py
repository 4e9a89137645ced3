"""The columns of the page's tables, and what they mean."""

from typing import Literal

from sushi_bench.leaderboard.cells import Column
from sushi_bench.scores.bootstrap import Interval


def percent(value: Interval | None) -> Interval | None:
    """Shares as percent."""
    return value and Interval(100 * value.value, 100 * value.low, 100 * value.high)


def _metric(
    name: str,
    heading: str,
    unit: str,
    digits: int,
    better: Literal["higher", "lower", "neither"],
    group: str,
    meaning: str,
    scale: float = 1.0,
) -> Column:
    return Column(
        name,
        heading,
        unit,
        meaning,
        better,
        group,
        digits,
        lambda standing: scale * getattr(standing.metrics, name),
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

UTILITY = Column(
    "utility",
    "Utility",
    "",
    "Mean over all queries, dropped ones included. A query counts 0 if it was late, dropped, or "
    "served below its accuracy floor; else 0.5 for the least accurate SubNet up to 1 for the most "
    "accurate.",
    "higher",
    "Utility",
    4,
    lambda standing: standing.utility,
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


METRICS = (
    _metric(
        "goodput_accuracy", "Goodput accuracy", "%", 1, "higher", "Quality",
        "Top-1 accuracy of the SubNet that served the query if it met its deadline, else 0; mean "
        "over all queries.",
    ),
    _metric(
        "slo_attainment", "SLO met", "%", 1, "higher", "Quality",
        "Share of queries served within their latency objective.", 100,
    ),
    _metric(
        "floor_attainment", "Floor met", "%", 1, "higher", "Quality",
        "Share of queries served by a SubNet at or above their accuracy floor.", 100,
    ),
    _metric(
        "served_accuracy", "Served top-1", "%", 2, "higher", "Quality",
        "Mean top-1 accuracy of the SubNets that served queries, late or not.",
    ),
    _metric(
        "drop_rate", "Dropped", "%", 1, "lower", "Quality",
        "Share of queries dropped because the queue was full.", 100,
    ),
    _metric(
        "latency_p50_s", "p50", "ms", 1, "lower", "Response time",
        "Median response time of served queries, queueing included.", 1e3,
    ),
    _metric(
        "latency_p95_s", "p95", "ms", 1, "lower", "Response time",
        "95th percentile of the response time.", 1e3,
    ),
    _metric(
        "latency_p99_s", "p99", "ms", 1, "lower", "Response time",
        "99th percentile of the response time.", 1e3,
    ),
    _metric(
        "offchip_bytes", "Off-chip", "MB", 2, "lower", "Hardware",
        "Bytes over the off-chip memory port per served query, cache reloads included.", 1e-6,
    ),
    _metric(
        "energy_j", "Energy", "mJ", 2, "lower", "Hardware",
        "Energy per served query, cache reloads included.", 1e3,
    ),
    _metric(
        "cache_hit_ratio", "Cache hits", "%", 1, "higher", "Hardware",
        "Share of the served SubNets' weight bytes that were in the Persistent Buffer.", 100,
    ),
    _metric(
        "reloads", "Reloads", "", 0, "neither", "Hardware",
        "Times per episode that another SubGraph was loaded into the Persistent Buffer.",
    ),
)  # fmt: skip


def suite_columns(scored: bool, reference: str | None) -> list[Column]:
    """Columns of the table over the whole suite."""
    compared = comparisons(reference) if reference else ()
    return [*(SCORES if scored else ()), UTILITY, *compared, *METRICS]


def scenario_columns(scored: bool, reference: str | None) -> list[Column]:
    """Columns of a scenario's table."""
    compared = comparisons(reference) if reference else ()
    return [UTILITY, *((SCENARIO_SCORE,) if scored else ()), *compared, *METRICS]
