"""SubNet choices that several schedulers share.

All take, for the queries at the heads of n queues, the latencies L[:, g] under some SubGraph g.
On ties the first SubNet wins.
"""

import numpy as np
from numpy.typing import NDArray


def least_above_floor(
    cost: NDArray[np.float64], top1: NDArray[np.float64], floor: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The SubNet of least cost that reaches the floor; if none does, the most accurate.

    With latency as the cost this is SUSHI's strict-accuracy policy (MLSys 2023).

    Args:
        cost: Cost of each SubNet, shape (n, S).
        top1: Top-1 of each SubNet, percent, shape (S,).
        floor: Accuracy floors, percent, shape (n,).

    Returns:
        SubNets, shape (n,).
    """
    feasible = top1 >= floor[:, None]
    chosen = np.where(feasible, cost, np.inf).argmin(axis=1)
    return np.where(feasible.any(axis=1), chosen, top1.argmax())


def most_accurate_in_time(
    latency_s: NDArray[np.float64], top1: NDArray[np.float64], limit_s: NDArray[np.float64]
) -> NDArray[np.int64]:
    """The most accurate SubNet within the limit; if none is, the fastest.

    SUSHI's strict-latency policy (MLSys 2023).

    Args:
        latency_s: Latency of each SubNet, shape (n, S).
        top1: Top-1 of each SubNet, percent, shape (S,).
        limit_s: Time allowed, seconds, shape (n,).

    Returns:
        SubNets, shape (n,).
    """
    feasible = latency_s <= limit_s[:, None]
    chosen = np.where(feasible, top1, -np.inf).argmax(axis=1)
    return np.where(feasible.any(axis=1), chosen, latency_s.argmin(axis=1))
