"""The columns of the page's tables: what they are called, what they mean, how they are written."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from sushi_bench.bootstrap import Interval
from sushi_bench.leaderboard.standings import Standing

MINUS = "\N{MINUS SIGN}"


@dataclass(frozen=True)
class Cell:
    """What stands in a table under a column.

    Attributes:
        text: As people read it; empty if there is nothing.
        value: As the table is sorted, and as programs read it; empty likewise.
        interval: The 95 % interval, as people read it; empty if there is none.
        low: Its lower end, as `value`.
        high: Its upper end.
    """

    text: str = ""
    value: str = ""
    interval: str = ""
    low: str = ""
    high: str = ""


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        key: Its name for programs.
        heading: Its heading.
        unit: Unit of its figures; empty for a plain number.
        meaning: What it is, in a sentence.
        better: Which figures are better.
        group: What the columns around it have in common.
        digits: Digits after the point.
        get: The figure of a standing, or its interval; None if there is none.
        signed: Whether positive figures get a sign.
    """

    key: str
    heading: str
    unit: str
    meaning: str
    better: Literal["higher", "lower", "neither"]
    group: str
    digits: int
    get: Callable[[Standing], float | Interval | None]
    signed: bool = False

    def cell(self, standing: Standing) -> Cell:
        """The column's cell for a policy."""
        found = self.get(standing)
        if found is None:
            return Cell()
        if not isinstance(found, Interval):
            return Cell(self.show(found), exact(found))
        return Cell(
            self.show(found.value),
            exact(found.value),
            f"{self.show(found.low)} to {self.show(found.high)}",
            exact(found.low),
            exact(found.high),
        )

    def show(self, value: float) -> str:
        """A figure as people read it."""
        text = f"{value:+.{self.digits}f}" if self.signed else f"{value:.{self.digits}f}"
        if float(text) == 0:
            text = text.lstrip("+-")
        return text.replace("-", MINUS)


@dataclass(frozen=True)
class Track:
    """A cell as a bar from 0 to its figure; all in percent of the room there is.

    Attributes:
        zero: Where 0 is.
        left: Where the bar begins.
        width: Its length.
        low: Where the interval begins.
        span: Its length.
    """

    zero: str
    left: str
    width: str
    low: str
    span: str


def track(cell: Cell, low: float, high: float) -> Track:
    """A cell as a bar where there is room from `low` to `high`; what lies beyond is cut."""
    zero, begin, end, at = (
        min(max((float(value) - low) / (high - low), 0.0), 1.0)
        for value in ("0", cell.low, cell.high, cell.value)
    )
    shares = zero, min(zero, at), abs(at - zero), begin, end - begin
    return Track(*(portion(share) for share in shares))


def portion(value: float) -> str:
    """A share as percent, for the style sheet."""
    return f"{100 * value:.2f}"


def groups(columns: Sequence[Column]) -> list[tuple[str, int]]:
    """Names of groups of columns that stand together, and how many columns each has."""
    return [(name, len(list(those))) for name, those in groupby(columns, lambda c: c.group)]


def exact(value: float) -> str:
    """A figure as programs read it: nine digits, which no machine's rounding reaches."""
    return f"{value:.9g}"


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
