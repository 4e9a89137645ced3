"""What learned schedulers know of a scenario beside its observations.

Observations count times from the scenario's largest SLO or the table's largest entries. The
context says how these units compare, and what each SubGraph would save: with it, one network can
serve any board.
"""

import numpy as np
from numpy.typing import NDArray

from sushi_env import Problem

SCALES = ("slo_per_latency", "reload_per_latency", "urgency", "fastest")
"""The first numbers of a context. The unit is the table's largest latency: that unit over the
largest SLO; the table's largest reload time; what waiting for one unit costs in SLOs,
mean(1 / SLO) over the classes; the least latency. L follows, shape (S, G)."""


def context_size(num_subnets: int, num_subgraphs: int) -> int:
    """Numbers that a context is."""
    return len(SCALES) + num_subnets * num_subgraphs


def context_of(problem: Problem) -> NDArray[np.float32]:
    """A scenario's context as numbers, shape (context_size,)."""
    table = problem.table
    unit = table.latency_s.max()
    scales = (
        unit / float(problem.parameters["largest_slo"][0]),
        table.reload_s.max() / unit,
        (unit / problem.classes[:, 0]).mean(),
        table.latency_s.min() / unit,
    )
    return np.concatenate([scales, (table.latency_s / unit).ravel()]).astype(np.float32)
