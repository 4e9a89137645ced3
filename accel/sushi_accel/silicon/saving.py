"""What a cached byte saves: the slope of latency against what is streamed, with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_accel.silicon.published import Published
from sushi_accel.silicon.sweeps import Sweeps

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Saving:
    """Milliseconds per MiB that is cached instead of streamed, on one link.

    Attributes:
        link: The link; see `sushi_accel.silicon.published.link_of`.
        rows: From what: `dense layers` or `networks`.
        hosts: What they were timed on.
        count: Rows in the regression.
        measured: Slope of the measured latencies.
        low: Lower end of its 95 % interval.
        high: Upper end.
        predicted: Slope of the predicted latencies, by the same regression.
    """

    link: str
    rows: str
    hosts: tuple[str, ...]
    count: int
    measured: float
    low: float
    high: float
    predicted: float

    @property
    def inside(self) -> bool:
        """Whether the predicted slope lies in the measured one's interval."""
        return self.low <= self.predicted <= self.high


def slopes(
    streamed_mib: NDArray[np.float64],
    latencies_ms: Sequence[NDArray[np.float64]],
    groups: Sequence[str],
) -> tuple[tuple[float, float, float], ...] | None:
    """Ordinary least squares of latencies on what is streamed, with a constant per group.

    Args:
        streamed_mib: What is streamed, MiB, shape (n,).
        latencies_ms: Latencies to regress on it, milliseconds, arrays of shape (n,).
        groups: The group of each row.

    Returns:
        For each of the latencies the slope and its 95 % interval; None if there are too few rows.
    """
    from scipy.stats import t as student

    names = list(dict.fromkeys(groups))
    constants = np.array([[float(group == name) for name in names] for group in groups])
    design = np.column_stack([streamed_mib, constants])
    freedom = len(design) - np.linalg.matrix_rank(design)
    if freedom < 1 or np.linalg.matrix_rank(design) < design.shape[1]:
        return None
    inverse = np.linalg.inv(design.T @ design)
    found = []
    for latency in latencies_ms:
        solution = inverse @ (design.T @ latency)
        variance = float(((latency - design @ solution) ** 2).sum()) / freedom
        half = float(student.ppf((1 + CONFIDENCE) / 2, freedom)) * np.sqrt(variance * inverse[0, 0])
        slope = float(solution[0])
        found.append((slope, slope - float(half), slope + float(half)))
    return tuple(found)


def saving_of_sweeps(sweeps: Sweeps, predicted_ms: NDArray[np.float64], link: str) -> Saving | None:
    """What a cached MiB saves in dense layers that stream, whose compute is next to nothing."""
    rows = sweeps.of("dense") & (sweeps.streamed_mib > 0)
    if not rows.any():
        return None
    latencies = (sweeps.measured_ms[rows], predicted_ms[rows])
    found = slopes(sweeps.streamed_mib[rows], latencies, ["all"] * int(rows.sum()))
    if found is None:
        return None
    return Saving(link, "dense layers", (), int(rows.sum()), *found[0], found[1][0])


def saving_of_networks(
    published: Published, predicted_ms: NDArray[np.float64], link: str
) -> Saving | None:
    """What a cached MiB saves in the families of which some stream more than others."""
    varied = [
        rows for rows in published.groups(link).values() if np.ptp(published.streamed_mib[rows]) > 0
    ]
    if not varied:
        return None
    rows = np.logical_or.reduce(varied)
    families = [published.families[n] for n in np.flatnonzero(rows)]
    latencies = (published.measured_ms[rows], predicted_ms[rows])
    found = slopes(published.streamed_mib[rows], latencies, families)
    if found is None:
        return None
    hosts = tuple(dict.fromkeys(published.hosts[n] for n in np.flatnonzero(rows)))
    return Saving(link, "networks", hosts, int(rows.sum()), *found[0], found[1][0])
