"""What learned schedulers know of a scenario beside its observations (extra `train`).

Observations count times from the scenario's largest SLO or the table's largest entries. The
context says how these units compare, and what each SubGraph would save: with it, one network can
serve any board.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from sushi_env import Problem

SCALES = ("slo_per_latency", "reload_per_latency", "urgency", "fastest")
"""Columns of `TableContext.scales`."""


class TableContext(NamedTuple):
    """Contexts of n observations, or one for all: n = 1. The unit is the table's largest latency.

    Attributes:
        scales: One column each, shape (n, 4): that unit over the largest SLO; the table's largest
            reload time; what waiting for one unit costs in SLOs, mean(1 / SLO) over the classes;
            the least latency.
        latency: L, shape (n, S, G).
    """

    scales: torch.Tensor
    latency: torch.Tensor

    @property
    def fastest_uncached(self) -> torch.Tensor:
        """The least latency with an empty cache, shape (n, 1): what offered load counts from."""
        return self.latency[:, :, 0].min(dim=1, keepdim=True).values

    def scale(self, name: str) -> torch.Tensor:
        """A column of `scales`, shape (n, 1)."""
        k = SCALES.index(name)
        return self.scales[:, k : k + 1]


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


def parse_context(numbers: torch.Tensor, num_subnets: int, num_subgraphs: int) -> TableContext:
    """Contexts from rows of numbers, shape (n, context_size)."""
    scales, latency = numbers[:, : len(SCALES)], numbers[:, len(SCALES) :]
    return TableContext(scales, latency.reshape(-1, num_subnets, num_subgraphs))
