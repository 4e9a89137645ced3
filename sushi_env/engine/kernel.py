"""The kernel's entry points: compiled steps over an array of environments.

Every interface is a view of `step_rows` and `reset_rows`; a single environment is a batch of
one. Seconds, bytes and joules throughout.
"""

import numpy as np

from sushi_env.engine.actions import legal
from sushi_env.engine.memory import attach
from sushi_env.engine.observation import observe
from sushi_env.engine.records import (
    BLOCK,
    CLASS_FLOOR,
    CLASS_MASK,
    CLASS_SLO,
    HISTOGRAM_BINS,
    PAIR_LATENCY,
    SUBNET_TOP1,
)
from sushi_env.engine.simulation import begin, serve
from sushi_env.numerics.compiling import compiled
from sushi_env.numerics.pointers import clear, prefetch
from sushi_env.numerics.streams import STREAM_POLICY, stream_key, uniform

STEPPED, OVER, ILLEGAL = range(3)
"""What a step of one environment came to."""

REFUSE, RESET = range(2)
"""What a step does to an environment whose episode is over."""

STATIC, RANDOM, FASTEST_ABOVE_FLOOR, MOST_ACCURATE_IN_TIME = range(4)
"""Policies of `rollout_rows`."""


@compiled(error_model="numpy", nogil=True)
def reset_rows(memory, which, seeds, episodes):
    """Starts an episode in the environments `which` and writes their first observations.

    Args:
        memory: Addresses of a `Memory` of n environments.
        which: Indices of the environments, int64, shape (m,).
        seeds: Seed of every environment, uint64, shape (n,).
        episodes: Number of the episode under that seed, uint64, shape (n,).
    """
    m = attach(memory)
    for k in which:
        begin(k, m, seeds[k], episodes[k])


@compiled(error_model="numpy", nogil=True)
def first_bad_row(memory, actions, when_over):
    """The first environment that cannot be stepped so, and why.

    Args:
        memory: Addresses of a `Memory` of n environments.
        actions: SubNet and next SubGraph, int64, shape (n, 2).
        when_over: `REFUSE` or `RESET`.

    Returns:
        Its index, and `OVER` or `ILLEGAL`; or -1 and `STEPPED`.
    """
    m = attach(memory)
    for k in range(actions.shape[0]):
        over = m.truncated[k]
        if over and when_over == REFUSE:
            return k, OVER
        if not over and not legal(k, m, actions[k, 0], actions[k, 1]):
            return k, ILLEGAL
    return -1, STEPPED


@compiled(error_model="numpy", nogil=True)
def step_rows(memory, actions, seeds, episodes, first, last):
    """Serves one query in each environment from `first` to before `last`.

    One whose episode is over starts the next one instead, with reward 0. The actions must
    have passed `first_bad_row`.

    Args:
        memory: Addresses of a `Memory` of n environments.
        actions: SubNet and next SubGraph, int64, shape (n, 2).
        seeds: Seed of every environment, uint64, shape (n,).
        episodes: Number of the episode under that seed, uint64, shape (n,).
        first: First environment.
        last: The one after the last.
    """
    m = attach(memory)
    ring = m.queue.shape[1]
    S = m.mix.shape[1]
    for k in range(first, last):
        # Large batches wait for memory: what the processor cannot foresee is asked for early.
        far = k + 8
        if far < last:
            prefetch(m.state, far)
            prefetch(m.state, far + 1)
            prefetch(m.mix, far * S)
        near = k + 4
        if near < last:
            s = m.state[near]
            prefetch(m.queue, near * ring + s.head)
            prefetch(m.queue, near * ring + ((s.head + s.waiting + 1) & (ring - 1)))
            prefetch(m.block, near * BLOCK + s.position)
            prefetch(m.block, near * BLOCK + ((s.position + 2) & (BLOCK - 1)))
            prefetch(m.histogram, near * (HISTOGRAM_BINS + 1) + s.latency_bin)
        if m.truncated[k]:
            episodes[k] += np.uint64(1)
            begin(k, m, seeds[k], episodes[k])
            m.reward[k] = 0.0
            clear(m.outcome, k)
        else:
            serve(k, m, actions[k, 0], actions[k, 1], True, True)


@compiled(error_model="numpy")
def step_one(memory, i, j):
    """Serves one query in environment 0: SubNet i, next SubGraph j.

    Returns:
        `STEPPED`, `OVER` or `ILLEGAL`; only in the first case was anything done.
    """
    m = attach(memory)
    if m.truncated[0]:
        return OVER
    if not legal(0, m, i, j):
        return ILLEGAL
    serve(0, m, i, j, True, True)
    return STEPPED


@compiled(error_model="numpy")
def _choose(k, m, rule, i, j, key):
    """Action of a built-in policy in environment k."""
    s = m.state[k]
    S, G = m.pairs.shape[0], m.pairs.shape[1]
    if rule == STATIC:
        return i, j
    if rule == RANDOM:
        n = np.uint64(2 * s.served)
        i = min(int(uniform(key, n) * S), S - 1)
        return i, min(int(uniform(key, n + np.uint64(1)) * G), G - 1)
    c = m.queue[k, s.head].tag & CLASS_MASK
    latest = m.queue[k, s.head].time + m.classes[c, CLASS_SLO]
    best, fallback = -1, 0
    for n in range(S):
        latency, top1 = m.pairs[n, s.cached, PAIR_LATENCY], m.subnets[n, SUBNET_TOP1]
        if rule == FASTEST_ABOVE_FLOOR:
            feasible = top1 >= m.classes[c, CLASS_FLOOR]
            better = best < 0 or latency < m.pairs[best, s.cached, PAIR_LATENCY]
            fall = top1 > m.subnets[fallback, SUBNET_TOP1]
        else:
            feasible = s.now + latency <= latest
            better = best < 0 or top1 > m.subnets[best, SUBNET_TOP1]
            fall = latency < m.pairs[fallback, s.cached, PAIR_LATENCY]
        if feasible and better:
            best = n
        if fall:
            fallback = n
    return (best if best >= 0 else fallback), s.cached


@compiled(error_model="numpy", nogil=True)
def rollout_rows(memory, rule, i, j, seeds, steps, first, last):
    """Steps a built-in policy in each environment, until its episode ends or for `steps`.

    Only the last observation, outcome and reward are written.

    Args:
        memory: Addresses of a `Memory` of n environments.
        rule: `STATIC`, `RANDOM`, `FASTEST_ABOVE_FLOOR` or `MOST_ACCURATE_IN_TIME`.
        i: SubNet of `STATIC`.
        j: SubGraph of `STATIC`.
        seeds: Seed of every environment, uint64, shape (n,); `RANDOM` draws from it.
        steps: Largest number of decisions in each environment.
        first: First environment.
        last: The one after the last.

    Returns:
        Number of decisions taken in all of them.
    """
    m = attach(memory)
    taken = 0
    for k in range(first, last):
        key = stream_key(seeds[k], np.uint64(0), STREAM_POLICY)
        for n in range(steps):
            if m.truncated[k]:
                break
            chosen, cache = _choose(k, m, rule, i, j, key)
            serve(k, m, chosen, cache, False, n + 1 == steps)
            taken += 1
        s = m.state[k]
        observe(k, m, s, s.now, s.cached, s.head, s.waiting)
    return taken
