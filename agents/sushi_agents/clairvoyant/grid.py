"""The time grid of the completion bound: where it begins at each query, and how fine it is."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sushi_agents.clairvoyant.instance import Instance

TOLERANCE_S = 1e-9
"""Deadlines count as met by the bound if missed by no more than this; beyond float error."""


class Grid(NamedTuple):
    """Times at which the completion bound is known: `starts[q] + step * k`, k < cells.

    Attributes:
        starts: Earliest time at which query q can be begun, seconds, shape (N + 1,).
        step: Distance of two times, seconds.
        cells: How many there are; the last stands for all later times.
        drop_from: Time from which query q may have found the queue full, or inf, shape (N,).
        serve_until: Time after which query q cannot be begun, having waited too long not to have
            found the queue full; or inf; shape (N,).
        give_up_from: Time from which the episode may end with query q and all after it
            unresolved, because later ones were dropped; or inf; shape (N,).
        least: Fastest SubNet's latency under each SubGraph, seconds, shape (G,).
        patience: Under admission `drop_hopeless`, how long before its deadline a query may
            have been dropped by the time its turn comes, seconds, shape (G,).
        idling: Whether the accelerator may idle; see `completion`.
        group: For each SubGraph, which row of the completion bound is its own, shape (G,).
    """

    starts: NDArray[np.float64]
    step: float
    cells: int
    drop_from: NDArray[np.float64]
    serve_until: NDArray[np.float64]
    give_up_from: NDArray[np.float64]
    least: NDArray[np.float64]
    patience: NDArray[np.float64]
    idling: bool
    group: NDArray[np.int64]


def lay_grid(
    instance: Instance,
    cells: int,
    idling: bool,
    group: NDArray[np.int64],
    widening: float = 1.0,
) -> Grid:
    """Lays a grid over an instance.

    A query can be dropped at a full queue only if `capacity` queries before it are still
    waiting when it arrives. Under admission `keep` all of them are served before its turn comes,
    so its turn is at least `capacity` fastest services after its arrival; and a query that is
    admitted is begun at most `capacity` slowest services and reloads after it. Under
    `drop_hopeless` they may be dropped instead, but none was hopeless when the service began
    during which the query arrived.

    A query that was hopeless at an earlier decision still is when its turn comes, since a
    service has been rendered meanwhile; unless jitter made that service very short.

    Args:
        instance: The episode.
        cells: Times per query.
        idling: Whether the accelerator may idle.
        group: Groups of SubGraphs; see `merge_subgraphs`.
        widening: Factor on the span of the grid, which reaches a little beyond the largest
            SLO: further delay costs nothing until queries are dropped.

    Returns:
        The grid.
    """
    N, capacity = instance.queries, instance.capacity
    times, jitter = instance.times, instance.jitter
    least = instance.latency.min(axis=0)
    longest = instance.latency.max() * jitter.max() + instance.reload.max()
    span = (instance.slo.max() + 2 * longest) * widening
    patience = np.maximum(least, least.max() * (1 - min(jitter.min(), 1.0)))
    starts = times[: N + 1].copy()
    drop_from, serve_until = np.full(N, np.inf), np.full(N, np.inf)
    if instance.drop_hopeless:
        crowd = np.full(N, np.inf)
        crowd[capacity:] = times[capacity:N] - times[: max(N - capacity, 0)]
        possible = crowd <= instance.slo.max() + longest + TOLERANCE_S
        drop_from[possible] = times[:N][possible]
        give_up_from = np.full(N, times[N])
    else:
        serve_until = times[:N] + capacity * longest + TOLERANCE_S
        filling = capacity * least.min() * jitter.min() - TOLERANCE_S
        drop_from[capacity:] = times[capacity:N] + filling
        give_up_from = np.where(
            np.arange(N) + capacity >= N, times[capacity : N + capacity], np.inf
        )
        latest = times[0]  # to begin query q, if all before it took as long as they can
        for q in range(N):
            drop_from[q] = drop_from[q] if latest >= drop_from[q] else np.inf
            give_up_from[q] = give_up_from[q] if latest >= give_up_from[q] else np.inf
            longest_here = instance.latency.max() * jitter[q] + instance.reload.max()
            latest = max(latest + longest_here + TOLERANCE_S, times[q + 1])
            served = starts[q] + least.min() * jitter[q]
            starts[q + 1] = max(times[q + 1], min(served, max(starts[q], drop_from[q])))
    step = span / (cells - 1)
    return Grid(
        starts, step, cells, drop_from, serve_until, give_up_from, least, patience, idling, group
    )
