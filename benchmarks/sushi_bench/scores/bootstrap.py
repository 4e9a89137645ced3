"""Statistics over a suite, with intervals: interquartile mean and stratified bootstrap.

Scores come as arrays of shape (..., scenarios, episodes). Resampling draws episodes within each
scenario, never across (Agarwal et al., "Deep RL at the Edge of the Statistical Precipice",
NeurIPS 2021, as in their package rliable), from a fixed seed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

CONFIDENCE = 0.95
RESAMPLES = 2000
SEED = 0
BATCH = 100
QUARTER = 0.25

Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """A figure, and its 95 % interval.

    Attributes:
        value: The figure.
        low: Lower end.
        high: Upper end.
    """

    value: float
    low: float
    high: float

    def apart_from(self, other: "Interval") -> bool:
        """Whether the two intervals do not overlap."""
        return self.low > other.high or other.low > self.high


def interquartile_mean(scores: Scores) -> NDArray[np.float64]:
    """Mean of the middle half of all episodes of all scenarios, shape (...)."""
    flat = scores.reshape(*scores.shape[:-2], -1)
    return np.asarray(stats.trim_mean(flat, QUARTER, axis=-1))


def mean(scores: Scores) -> NDArray[np.float64]:
    """Mean over all episodes of all scenarios, shape (...)."""
    return scores.mean(axis=(-2, -1))


def with_intervals(
    scores: Scores, statistic: Callable[[Scores], NDArray[np.float64]] = interquartile_mean
) -> list[Interval]:
    """A statistic of several policies, each with its percentile interval.

    All policies are resampled alike: the same episodes are drawn for each, as they met the same
    queries.

    Args:
        scores: Shape (policies, scenarios, episodes).
        statistic: From shape (..., scenarios, episodes) to shape (...).

    Returns:
        One interval per policy; of no width if there is a single episode.
    """
    values = statistic(scores)
    if scores.shape[-1] < 2:
        return [Interval(float(v), float(v), float(v)) for v in values]
    found = stats.bootstrap(
        tuple(scores[:, k] for k in range(scores.shape[1])),  # a sample per scenario
        lambda *strata, axis: statistic(np.stack(strata, axis=-2)),
        n_resamples=RESAMPLES,
        batch=BATCH,
        vectorized=True,
        axis=-1,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    return [
        Interval(float(v), float(low), float(high))
        for v, low, high in zip(values, np.ravel(found.low), np.ravel(found.high), strict=True)
    ]
