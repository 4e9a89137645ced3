"""The queries of an episode ahead of time: what the engine would draw, whatever the actions."""

import math
from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from sushi_env import Problem
from sushi_env.streams import STREAM_CLASS, STREAM_GAP, STREAM_REGIME, stream_key, uniform


@dataclass(frozen=True)
class ArrivalStream:
    """The first queries of an episode.

    Attributes:
        times: Arrival times, seconds, not decreasing, float64, shape (count,).
        classes: SLO class of each, int64, shape (count,).
        jitter: Multiplier of each query's service time, float64, shape (count,).
    """

    times: NDArray[np.float64]
    classes: NDArray[np.int64]
    jitter: NDArray[np.float64]


@nb.njit(cache=True)
def _draw(seed, episode, mean_gap, regime_switch, class_cdf, times, classes):
    key_gap = stream_key(seed, episode, STREAM_GAP)
    key_class = stream_key(seed, episode, STREAM_CLASS)
    key_regime = stream_key(seed, episode, STREAM_REGIME)
    regimes = class_cdf.shape[0]
    first = uniform(key_regime, np.uint64(0xFFFFFFFFFFFFFFFF))
    regime = min(int(first * regimes), regimes - 1)
    time = 0.0
    for q in range(len(times)):
        counter = np.uint64(q)
        time -= math.log(uniform(key_gap, counter)) * mean_gap
        if regimes > 1:
            u = uniform(key_regime, counter)
            if u < regime_switch:
                other = min(int(u / regime_switch * (regimes - 1)), regimes - 2)
                regime = other if other < regime else other + 1
        u = uniform(key_class, counter)
        c = 0
        while c < class_cdf.shape[1] - 1 and u >= class_cdf[regime, c]:
            c += 1
        times[q] = time
        classes[q] = c


def realised_arrivals(problem: Problem, seed: int, episode: int, count: int) -> ArrivalStream:
    """The first `count` queries of an episode of a seed, as the engine will draw them."""
    times, classes = np.empty(count), np.empty(count, dtype=np.int64)
    _draw(
        np.uint64(seed),
        np.uint64(episode),
        float(problem.parameters["mean_gap"][0]),
        float(problem.parameters["regime_switch"][0]),
        problem.class_cdf,
        times,
        classes,
    )
    return ArrivalStream(times, classes, np.ones(count))
