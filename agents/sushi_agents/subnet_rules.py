"""SubNet choices that several schedulers share: SUSHI's two policies (MLSys 2023).

Both take, for the query at the head, the latencies L[:, g] under some SubGraph g.
"""

import numpy as np
from numpy.typing import NDArray


def least_latency_above_floor(
    latency_s: NDArray[np.float64], top1: NDArray[np.float64], floor: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Strict accuracy: the fastest SubNet that reaches the floor; if none, the most accurate.

    Args:
        latency_s: Latency of each SubNet, shape (n, S).
        top1: Top-1 of each SubNet, percent, shape (S,).
        floor: Accuracy floors, percent, shape (n,).

    Returns:
        SubNets, shape (n,).
    """
    feasible = top1 >= floor[:, None]
    chosen = np.where(feasible, latency_s, np.inf).argmin(axis=1)
    return np.where(feasible.any(axis=1), chosen, top1.argmax())


def most_accurate_in_time(
    latency_s: NDArray[np.float64], top1: NDArray[np.float64], limit_s: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Strict latency: the most accurate SubNet within the limit; if none, the fastest.

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
