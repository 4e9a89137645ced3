"""What an episode is judged by, from the totals that the kernel keeps."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from sushi_env.engine.memory import BINS_PER_OCTAVE


@dataclass(frozen=True)
class EpisodeMetrics:
    """Metrics of one episode, or the mean over several. Rates are over all resolved queries.

    Attributes:
        utility: Mean utility; what schedulers are ranked by.
        goodput_accuracy: Mean of top-1 where the SLO was met, else 0; percent.
        slo_attainment: Share of queries served within their SLO.
        floor_attainment: Share of queries served at or above their accuracy floor.
        served_accuracy: Mean top-1 of served queries, percent.
        latency_mean_s: Mean response time of served queries, seconds.
        latency_p50_s: Its median, seconds; percentiles come from a histogram of 32 bins per
            octave, interpolated, and are within 3 % and what occurred.
        latency_p95_s: 95th percentile, seconds.
        latency_p99_s: 99th percentile, seconds.
        drop_rate: Share of queries dropped.
        cache_hit_ratio: Share of the served SubNets' weight bytes that were cached.
        reloads: Cache changes.
        offchip_bytes: Mean off-chip bytes per served query, reloads included.
        energy_j: Mean energy per served query, reloads included, joules.
        reward: Sum of rewards.
    """

    utility: float
    goodput_accuracy: float
    slo_attainment: float
    floor_attainment: float
    served_accuracy: float
    latency_mean_s: float
    latency_p50_s: float
    latency_p95_s: float
    latency_p99_s: float
    drop_rate: float
    cache_hit_ratio: float
    reloads: float
    offchip_bytes: float
    energy_j: float
    reward: float


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


def episode_metrics(
    state: np.void, histogram: NDArray[np.int32], latency_unit_s: float
) -> EpisodeMetrics:
    """Metrics of an episode from the engine's record of it.

    Args:
        state: One record of dtype `kernel.STATE`.
        histogram: Its response times, shape (HISTOGRAM_BINS,).
        latency_unit_s: Unit of the histogram, seconds.

    Returns:
        The metrics; all zero before the first query is resolved.
    """
    resolved = max(int(state["served"]) + int(state["dropped"]), 1)
    served = max(int(state["served"]), 1)
    least, most = float(state["least_response_s"]), float(state["most_response_s"])
    p50, p95, p99 = (
        min(max(percentile_s(histogram, latency_unit_s, q), least), most) for q in (0.5, 0.95, 0.99)
    )
    return EpisodeMetrics(
        utility=float(state["total_utility"] / resolved),
        goodput_accuracy=float(state["total_goodput_top1"] / resolved),
        slo_attainment=float(state["total_slo_met"] / resolved),
        floor_attainment=float(state["total_floor_met"] / resolved),
        served_accuracy=float(state["total_top1"] / served),
        latency_mean_s=float(state["total_response_s"] / served),
        latency_p50_s=p50,
        latency_p95_s=p95,
        latency_p99_s=p99,
        drop_rate=float(state["dropped"] / resolved),
        cache_hit_ratio=float(state["total_resident_bytes"] / max(state["total_weight_bytes"], 1)),
        reloads=float(state["reloads"]),
        offchip_bytes=float(state["total_offchip_bytes"] / served),
        energy_j=float(state["total_energy_j"] / served),
        reward=float(state["total_reward"]),
    )


def mean_metrics(episodes: Sequence[EpisodeMetrics]) -> EpisodeMetrics:
    """Mean of each metric over episodes; there must be at least one."""
    names = [field.name for field in fields(EpisodeMetrics)]
    return EpisodeMetrics(
        **{name: float(np.mean([getattr(e, name) for e in episodes])) for name in names}
    )
