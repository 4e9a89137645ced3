"""What an episode is judged by, from the totals that the kernel keeps.

A field of `EpisodeMetrics` is the one place where a metric is declared: tables, pages, result files
and what is logged in training follow from it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sushi_env.engine.records import BINS_PER_OCTAVE


def percentile_s(histogram: NDArray[np.int32], unit_s: float, q: float) -> float:
    """A quantile of response times from their histogram, linear within a bin, seconds."""
    target = q * histogram.sum()
    cumulative = np.cumsum(histogram)
    b = int(np.searchsorted(cumulative, target))
    if b >= len(histogram) or cumulative[-1] == 0:
        return 0.0
    inside = (target - (cumulative[b] - histogram[b])) / max(histogram[b], 1)
    octave, position = divmod(b, BINS_PER_OCTAVE)
    return float(unit_s * 2.0**octave * (1 + (position + inside) / BINS_PER_OCTAVE))


@dataclass(frozen=True)
class Episode:
    """What the engine keeps of an episode.

    Attributes:
        state: One record of dtype `records.STATE`.
        histogram: Its response times, int32, shape (HISTOGRAM_BINS,).
        unit_s: Unit of the histogram, seconds.
    """

    state: np.void
    histogram: NDArray[np.int32]
    unit_s: float

    @property
    def resolved(self) -> int:
        """Queries served or dropped; at least 1, so that nothing divides by 0."""
        return max(int(self.state["served"]) + int(self.state["dropped"]), 1)

    def total(self, name: str) -> float:
        """One of `records.TOTALS`."""
        return self.state[f"total_{name}"]

    def of_all(self, name: str) -> float:
        """The mean of a total over all resolved queries, dropped ones included."""
        return self.total(name) / self.resolved

    def of_served(self, name: str) -> float:
        """The mean of a total over the queries served."""
        return self.total(name) / max(int(self.state["served"]), 1)

    def percentile(self, q: float) -> float:
        """A quantile of response times, seconds: interpolated, and within what occurred."""
        least, most = self.state["least_response_s"], self.state["most_response_s"]
        return min(max(percentile_s(self.histogram, self.unit_s, q), least), most)


@dataclass(frozen=True)
class Metric:
    """A metric of an episode.

    Attributes:
        name: Its name.
        title: Its heading in tables.
        text: What it is.
        of: How it follows from an episode.
        better: Which way is better.
        group: The group in which the page shows it; none if it does not.
        brief: Heading in a terminal's tables; none if they do not show it.
        unit: Unit in which it is shown.
        scale: What its value is multiplied with to be in that unit.
        digits: Decimals with which it is shown.
        least: The least value, if there is one.
        most: The largest, if there is one.
    """

    name: str
    title: str
    text: str
    of: Callable[[Episode], float]
    better: Literal["higher", "lower", "neither"] = "higher"
    group: str = ""
    brief: str = ""
    unit: str = ""
    scale: float = 1.0
    digits: int = 1
    least: float | None = 0.0
    most: float | None = None

    def shown(self, metrics: "EpisodeMetrics") -> str:
        """Its value as people read it, without the unit."""
        return f"{self.scale * getattr(metrics, self.name):.{self.digits}f}"


def _metric(title: str, text: str, of: Callable[[Episode], float], **more: Any) -> Any:
    return field(metadata={"title": title, "text": text, "of": of} | more)


_SHARE = {"unit": "%", "scale": 100.0, "most": 1.0}
_TIME = {"unit": "ms", "scale": 1e3, "better": "lower"}


@dataclass(frozen=True)
class EpisodeMetrics:
    """Metrics of one episode, or the mean over several.

    Percentiles come from a histogram of 32 bins per octave, are interpolated, and within 3 %.
    """

    utility: float = _metric(
        "Utility",
        "Mean over all queries, dropped ones included. A query counts 0 if it was late, dropped, "
        "or served below its accuracy floor; else 0.5 for the least accurate SubNet up to 1 for "
        "the most accurate.",
        lambda e: e.of_all("utility"),
        brief="utility",
        digits=4,
        most=1.0,
    )
    goodput_accuracy: float = _metric(
        "Goodput accuracy",
        "Top-1 accuracy of the SubNet that served the query if it met its deadline, else 0; mean "
        "over all queries.",
        lambda e: e.of_all("goodput_top1"),
        group="Quality",
        unit="%",
        most=100.0,
    )
    slo_attainment: float = _metric(
        "SLO met",
        "Share of queries served within their latency objective.",
        lambda e: e.of_all("slo_met"),
        group="Quality",
        brief="SLO\nmet %",
        **_SHARE,
    )
    floor_attainment: float = _metric(
        "Floor met",
        "Share of queries served by a SubNet at or above their accuracy floor.",
        lambda e: e.of_all("floor_met"),
        group="Quality",
        brief="floor\nmet %",
        **_SHARE,
    )
    served_accuracy: float = _metric(
        "Served top-1",
        "Mean top-1 accuracy of the SubNets that served queries, late or not.",
        lambda e: e.of_served("top1"),
        group="Quality",
        brief="served\ntop-1 %",
        unit="%",
        digits=2,
        most=100.0,
    )
    latency_mean_s: float = _metric(
        "Mean",
        "Mean response time of served queries, queueing included.",
        lambda e: e.of_served("response_s"),
        **_TIME,
    )
    latency_p50_s: float = _metric(
        "p50",
        "Median response time of served queries, queueing included.",
        lambda e: e.percentile(0.5),
        group="Response time",
        **_TIME,
    )
    latency_p95_s: float = _metric(
        "p95",
        "95th percentile of the response time.",
        lambda e: e.percentile(0.95),
        group="Response time",
        **_TIME,
    )
    latency_p99_s: float = _metric(
        "p99",
        "99th percentile of the response time.",
        lambda e: e.percentile(0.99),
        group="Response time",
        brief="p99\nms",
        **_TIME,
    )
    drop_rate: float = _metric(
        "Dropped",
        "Share of queries dropped.",
        lambda e: e.state["dropped"] / e.resolved,
        group="Quality",
        brief="dropped\n%",
        better="lower",
        **_SHARE,
    )
    cache_hit_ratio: float = _metric(
        "Cache hits",
        "Share of the served SubNets' weight bytes that were in the Persistent Buffer.",
        lambda e: e.total("resident_bytes") / max(e.total("weight_bytes"), 1),
        group="Hardware",
        brief="cache\nhit %",
        **_SHARE,
    )
    reloads: float = _metric(
        "Reloads",
        "Times per episode that another SubGraph was loaded into the Persistent Buffer.",
        lambda e: e.state["reloads"],
        group="Hardware",
        better="neither",
        digits=0,
    )
    offchip_bytes: float = _metric(
        "Off-chip",
        "Bytes over the off-chip memory port per served query, cache reloads included.",
        lambda e: e.of_served("offchip_bytes"),
        group="Hardware",
        better="lower",
        unit="MB",
        scale=1e-6,
        digits=2,
    )
    energy_j: float = _metric(
        "Energy",
        "Energy per served query, cache reloads included.",
        lambda e: e.of_served("energy_j"),
        group="Hardware",
        better="lower",
        unit="mJ",
        scale=1e3,
        digits=2,
    )
    reward: float = _metric(
        "Reward", "Sum of rewards.", lambda e: e.total("reward"), brief="reward", least=None
    )


METRICS = {f.name: Metric(f.name, **f.metadata) for f in fields(EpisodeMetrics)}
"""What is known of each metric, by name, in order."""

EpisodeMetrics.__doc__ = "\n".join(
    [str(EpisodeMetrics.__doc__), "    Attributes:"]
    + [f"        {m.name}: {m.text}" for m in METRICS.values()]
)


def episode_metrics(
    state: np.void, histogram: NDArray[np.int32], latency_unit_s: float
) -> EpisodeMetrics:
    """Metrics of an episode from the engine's record of it.

    Args:
        state: One record of dtype `records.STATE`.
        histogram: Its response times, shape (HISTOGRAM_BINS,).
        latency_unit_s: Unit of the histogram, seconds.

    Returns:
        The metrics; all zero before the first query is resolved.
    """
    episode = Episode(state, histogram, latency_unit_s)
    return EpisodeMetrics(**{name: float(m.of(episode)) for name, m in METRICS.items()})


def mean_metrics(episodes: Sequence[EpisodeMetrics]) -> EpisodeMetrics:
    """Mean of each metric over episodes; there must be at least one."""
    return EpisodeMetrics(
        **{name: float(np.mean([getattr(e, name) for e in episodes])) for name in METRICS}
    )
