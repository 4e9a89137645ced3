"""Labels: partial schedules that really happen, kept query by query.

A label in layer q has decided what becomes of the queries before q: served, or dropped by the
engine's own rules, which are followed to the letter. It is extended by every action for query
q, or, if q was dropped already, handed on.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sushi_agents.clairvoyant.completion import bound_at
from sushi_env.engine.actions import encode
from sushi_env.numerics.compiling import compiled

HANDED_ON = -1


class Labels(NamedTuple):
    """Room for n labels of one layer.

    Attributes:
        free: Time at which the accelerator is free, seconds, shape (n,).
        reward: Reward so far, less that of queries dropped ahead of their turn, shape (n,).
        graph: Cached SubGraph, shape (n,).
        joined: Queries that have arrived, shape (n,).
        resolved: Queries served or dropped, shape (n,).
        owed: Dropped queries not yet in `reward`, shape (n,).
        waiting: Length of the queue, shape (n,).
        queue: Waiting queries by number, shape (n, capacity).
    """

    free: NDArray[np.float64]
    reward: NDArray[np.float64]
    graph: NDArray[np.int64]
    joined: NDArray[np.int64]
    resolved: NDArray[np.int64]
    owed: NDArray[np.int64]
    waiting: NDArray[np.int64]
    queue: NDArray[np.int32]


class Candidates(NamedTuple):
    """Extensions of labels, not yet settled, room for n.

    Attributes:
        free: Time at which the accelerator would be free, seconds, shape (n,).
        reward: Reward, as in `Labels`, shape (n,).
        graph: SubGraph cached then, shape (n,).
        parent: The label that was extended, shape (n,).
        action: SubNet * G + SubGraph, or `HANDED_ON`, shape (n,).
        bound: What the episode could earn at most, shape (n,).
        plain: Whether no query has been dropped yet, shape (n,).
    """

    free: NDArray[np.float64]
    reward: NDArray[np.float64]
    graph: NDArray[np.int64]
    parent: NDArray[np.int32]
    action: NDArray[np.int16]
    bound: NDArray[np.float64]
    plain: NDArray[np.bool_]


def room_for_labels(n: int, capacity: int) -> Labels:
    """Empty labels."""
    integers = np.zeros((5, n), dtype=np.int64)
    graph, joined, resolved, owed, waiting = integers
    queue = np.zeros((n, capacity), dtype=np.int32)
    return Labels(np.zeros(n), np.zeros(n), graph, joined, resolved, owed, waiting, queue)


def room_for_candidates(n: int) -> Candidates:
    """Empty candidates."""
    return Candidates(
        np.zeros(n),
        np.zeros(n),
        np.zeros(n, dtype=np.int64),
        np.zeros(n, dtype=np.int32),
        np.zeros(n, dtype=np.int16),
        np.zeros(n),
        np.zeros(n, dtype=np.bool_),
    )


@compiled(nogil=True)
def until_decision(labels, x, instance, least):
    """Lets queries join label x's queue, drops and idles, until one is to be served or all is over.

    The engine's `_until_decision`, on known arrivals.
    """
    while True:
        while (
            instance.times[labels.joined[x]] <= labels.free[x]
            and labels.resolved[x] < instance.queries
        ):
            if labels.waiting[x] < instance.capacity:
                labels.queue[x, labels.waiting[x]] = labels.joined[x]
                labels.waiting[x] += 1
            else:
                labels.resolved[x] += 1
                labels.owed[x] += 1
            labels.joined[x] += 1
        if instance.drop_hopeless:
            kept = 0
            for m in range(labels.waiting[x]):
                query = labels.queue[x, m]
                latest = instance.times[query] + instance.slo[instance.classes[query]]
                hopeless = labels.free[x] + least[labels.graph[x]] > latest
                if hopeless and labels.resolved[x] < instance.queries:
                    labels.resolved[x] += 1
                    labels.owed[x] += 1
                else:
                    labels.queue[x, kept] = query
                    kept += 1
            labels.waiting[x] = kept
        if labels.waiting[x] > 0 or labels.resolved[x] >= instance.queries:
            return
        labels.free[x] = instance.times[labels.joined[x]]


@compiled(nogil=True)
def step_reward(instance, i, g, j, q, start):
    """Reward of serving query q from `start` on, drops apart, and the time of its end."""
    c = instance.classes[q]
    finish = start + instance.latency[i, g] * instance.jitter[q]
    reward = instance.serving[i, g] + instance.reloading[g, j]
    if finish > instance.times[q] + instance.slo[c]:
        return reward + instance.late[i, c] + instance.per_slo, finish
    part = min((finish - instance.times[q]) / instance.slo[c], 1.0)
    return reward + instance.in_time[i, c] + instance.per_slo * part, finish


@compiled(nogil=True)
def extend(q, labels, x, after, grid, instance, threshold, candidates, filled):
    """Adds to the candidates what label x can become.

    Args:
        q: The layer of the labels.
        labels: The labels.
        x: The label.
        after: Completion bound of query q + 1, a row per group of SubGraphs.
        grid: Its grid.
        instance: The episode.
        threshold: A candidate that cannot earn more is left out.
        candidates: Written to.
        filled: How many candidates there are.

    Returns:
        How many candidates there are now.
    """
    S, G = instance.latency.shape
    start, step, group = grid.starts[q + 1], grid.step, grid.group
    g, now = labels.graph[x], labels.free[x]
    if labels.queue[x, 0] > q:
        reward = labels.reward[x] + instance.drop
        bound = reward + bound_at(after, group[g], now, start, step)
        if bound <= threshold:
            return filled
        candidates.free[filled] = now
        candidates.reward[filled] = reward
        candidates.graph[filled] = g
        candidates.parent[filled] = x
        candidates.action[filled] = HANDED_ON
        candidates.bound[filled] = bound
        candidates.plain[filled] = False
        return filled + 1
    plain = labels.resolved[x] == q
    for i in range(S):
        for j in range(G):
            reward, finish = step_reward(instance, i, g, j, q, now)
            reward += labels.reward[x]
            free = finish + instance.reload[g, j]
            bound = reward + bound_at(after, group[j], free, start, step)
            if bound <= threshold:
                continue
            candidates.free[filled] = free
            candidates.reward[filled] = reward
            candidates.graph[filled] = j
            candidates.parent[filled] = x
            candidates.action[filled] = encode(i, j, G)
            candidates.bound[filled] = bound
            arrived = np.searchsorted(instance.times, free, side="right")
            full = labels.waiting[x] - 1 + max(arrived - labels.joined[x], 0) > instance.capacity
            candidates.plain[filled] = plain and not full
            filled += 1
    return filled


@compiled(nogil=True)
def settle(candidates, y, parents, labels, x, instance, least):
    """Makes candidate y label x of the next layer, by the engine's rules."""
    p = candidates.parent[y]
    served = 0 if candidates.action[y] == HANDED_ON else 1
    labels.free[x] = candidates.free[y]
    labels.reward[x] = candidates.reward[y]
    labels.graph[x] = candidates.graph[y]
    labels.joined[x] = parents.joined[p]
    labels.resolved[x] = parents.resolved[p] + served
    labels.owed[x] = parents.owed[p] - (1 - served)
    labels.waiting[x] = parents.waiting[p] - served
    for m in range(labels.waiting[x]):
        labels.queue[x, m] = parents.queue[p, m + served]
    if served == 1:
        until_decision(labels, x, instance, least)
