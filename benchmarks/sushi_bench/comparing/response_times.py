"""How response times are distributed, counted while policies run."""

import numpy as np
from numpy.typing import NDArray

from sushi_env import Engine, Problem

BINS_PER_OCTAVE = 32
OCTAVES = 20


class ResponseTimes:
    """Counts response times in logarithmic bins of 1/32 octave.

    Attributes:
        unit_s: Lower end of the first bin, seconds; no query can be served faster.
        counts: Queries per bin, int64, shape (OCTAVES * BINS_PER_OCTAVE,).
    """

    def __init__(self, problem: Problem):
        self.unit_s = float(problem.table.latency_s.min()) / 2
        self.counts = np.zeros(OCTAVES * BINS_PER_OCTAVE, dtype=np.int64)

    def watch(self, engine: Engine, running: NDArray[np.bool_]) -> None:
        """Counts the latest step of the environments that are `running`, bool, shape (n,)."""
        outcome = engine.outcome[running]
        response = outcome["finish_s"] - outcome["arrival_s"]
        bins = np.log2(np.maximum(response / self.unit_s, 1.0)) * BINS_PER_OCTAVE
        np.add.at(self.counts, np.minimum(bins.astype(np.int64), len(self.counts) - 1), 1)


def bin_ends_s(unit_s: float) -> NDArray[np.float64]:
    """Upper ends of the bins, seconds."""
    return unit_s * 2.0 ** (np.arange(1, OCTAVES * BINS_PER_OCTAVE + 1) / BINS_PER_OCTAVE)
