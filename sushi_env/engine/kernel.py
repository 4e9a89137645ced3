"""The serving engine: compiled steps over an array of environments.

Every interface is a view of `step_rows` and `reset_rows`; a single environment is a batch of
one. Seconds, bytes and joules throughout. Written for speed where it costs little to read: the
clock and the queue's ends are locals within a step, so that they stay in registers; queries
come from blocks (see `sushi_env.engine.arrivals`); what the observation shows of a SubGraph is one
precomputed row; an empty queue starts over at slot 0, so that it stays in cache.
"""

# pyright: reportCallIssue=false
# (Numba passes the first argument of an intrinsic itself.)

import numpy as np

from sushi_env.engine.actions import legal
from sushi_env.engine.arrivals import (
    begin_stream,
    fill_block,
    service_factor,
)
from sushi_env.engine.columns import (
    CLASS_FLOOR,
    CLASS_FLOOR_SEEN,
    CLASS_SLO,
    CLASS_SLO_SEEN,
    CLOSED_LOOP,
    PAIR_ENERGY,
    PAIR_LATENCY,
    PAIR_OFFCHIP,
    PAIR_RESIDENT,
    RELOAD_BYTES,
    RELOAD_ENERGY,
    RELOAD_TIME,
    SUBNET_ACCURACY,
    SUBNET_TOP1,
    SUBNET_WEIGHTS,
)
from sushi_env.engine.layout import OBSERVED_QUERIES
from sushi_env.engine.memory import (
    BINS_PER_OCTAVE,
    BLOCK,
    CLASS_BITS,
    CLASSES,
    HISTOGRAM_BINS,
    attach,
    copy,
    prefetch,
)
from sushi_env.numerics.arithmetic import bits_to_float, float_to_bits
from sushi_env.numerics.compiling import compiled
from sushi_env.numerics.streams import STREAM_POLICY, stream_key, uniform

AVERAGE_WEIGHT = 1 / 32
AGE_UNIT = 32
SHORT_QUEUE = 2

# Columns of the outcome of a step: the reward components in their order, then what happened.
OUT_UTILITY, OUT_ACCURACY, OUT_LATENCY, OUT_LATE, OUT_BELOW, OUT_DROPPED, OUT_ENERGY = range(7)
OUT_ARRIVAL, OUT_START, OUT_FINISH, OUT_FREE, OUT_CLASS, OUT_REWARD = range(7, 13)

STEPPED, OVER, ILLEGAL = range(3)
"""What a step of one environment came to."""

REFUSE, RESET = range(2)
"""What a step does to an environment whose episode is over."""

CLASS_MASK = CLASSES - 1

STATIC, RANDOM, FASTEST_ABOVE_FLOOR, MOST_ACCURATE_IN_TIME = range(4)
"""Policies of `rollout_rows`."""


@compiled(error_model="numpy")
def _drop_hopeless(k, m, now, cached, head, waiting, served, dropped):
    """Drops waiting queries that no SubNet could serve in time from now.

    An episode's last query is kept if none was served, so that every episode has a decision.
    """
    p = m.parameters[0]
    wrap = m.queue.shape[1] - 1
    fastest = m.pairs[:, cached, PAIR_LATENCY].min()
    may_drop = p.queries - served - dropped - (1 if served == 0 else 0)
    kept = 0
    for q in range(waiting):
        at = (head + q) & wrap
        query = m.queue[k, at]
        slo = m.classes[query.tag & CLASS_MASK, CLASS_SLO]
        if now + fastest > query.time + slo and may_drop > 0:
            may_drop -= 1
            dropped += 1
        else:
            to = m.queue[k, (head + kept) & wrap]
            to.time, to.tag = query.time, query.tag
            kept += 1
    return kept, dropped


@compiled(error_model="numpy", inline="always")
def _until_decision(k, m, s, now, cached, head, waiting, served, dropped):
    """Moves on to when the accelerator is free and a query waits, or the episode is over.

    Returns:
        The time, the queue's head and length, and the number of queries dropped.
    """
    p = m.parameters[0]
    wrap = m.queue.shape[1] - 1
    closed_loop = p.arrivals == CLOSED_LOOP
    position, next_arrival = s.position, s.next_arrival
    last_arrival, mean_gap = s.last_arrival, s.mean_gap
    came = 0
    while True:
        if closed_loop and waiting == 0:
            next_arrival = now
        while next_arrival <= now and served + dropped < p.queries:
            mean_gap += (next_arrival - last_arrival - mean_gap) * AVERAGE_WEIGHT
            last_arrival = next_arrival
            if waiting < p.capacity:
                at = (head + waiting) & wrap
                m.queue[k, at].time = next_arrival
                m.queue[k, at].tag = m.block[k, position].tag
                waiting += 1
            else:
                dropped += 1
            came += 1
            position += 1
            if position == BLOCK:
                fill_block(k, m)
                position = 0
            next_arrival = np.inf if closed_loop else m.block[k, position].time
        if p.drop_hopeless != 0:
            waiting, dropped = _drop_hopeless(k, m, now, cached, head, waiting, served, dropped)
        if waiting > 0 or served + dropped >= p.queries:
            break
        head = 0
        if not closed_loop:
            now = next_arrival
    s.position, s.next_arrival = position, next_arrival
    s.last_arrival, s.mean_gap = last_arrival, mean_gap
    s.arrivals += came
    return now, head, waiting, dropped


@compiled(error_model="numpy", inline="always")
def _settle(k, m, head, waiting):
    """Moves a short queue to the ring's first slots, which stay in cache; its new head."""
    if waiting > SHORT_QUEUE or head + waiting > m.queue.shape[1]:
        return head
    for q in range(waiting):
        m.queue[k, q].time = m.queue[k, head + q].time
        m.queue[k, q].tag = m.queue[k, head + q].tag
    return 0


@compiled(error_model="numpy", inline="always")
def _observe(k, m, s, now, cached, head, waiting):
    """Writes the observation of environment k; see `ObservationLayout`."""
    p = m.parameters[0]
    wrap = m.queue.shape[1] - 1
    S, G = m.pairs.shape[0], m.pairs.shape[1]
    width = G + S + G
    D = m.rows.shape[1]
    copy(m.observation, k * D, m.rows, cached * D, D)
    for q in range(min(waiting, OBSERVED_QUERIES)):
        at = (head + q) & wrap
        c = m.queue[k, at].tag & CLASS_MASK
        slack = (m.queue[k, at].time + m.classes[c, CLASS_SLO] - now) * p.per_slo
        base = width + 4 * q
        m.observation[k, base] = 1.0
        m.observation[k, base + 1] = min(max(slack, -1.0), 1.0)
        m.observation[k, base + 2] = m.classes[c, CLASS_SLO_SEEN]
        m.observation[k, base + 3] = m.classes[c, CLASS_FLOOR_SEEN]
    base = width + 4 * OBSERVED_QUERIES
    m.observation[k, base] = waiting / p.capacity
    m.observation[k, base + 1] = p.fastest / (p.fastest + s.mean_gap)
    for i in range(S):
        m.observation[k, base + 2 + i] = m.mix[k, i]
    age = now - s.last_change
    m.observation[k, base + 2 + S] = age / (age + AGE_UNIT * p.fastest)


@compiled(error_model="numpy", inline="always")
def latency_bin(ratio):
    """Bin of a response time given over the histogram's unit: logarithmic, linear in octaves."""
    bits = float_to_bits(max(ratio, 1.0))
    octave = (bits >> 52) - 1023
    mantissa = bits_to_float((bits & ((1 << 52) - 1)) | (1023 << 52))
    b = octave * BINS_PER_OCTAVE + int((mantissa - 1.0) * BINS_PER_OCTAVE)
    return min(max(b, 0), HISTOGRAM_BINS - 1)


@compiled(error_model="numpy")
def _reset(k, m, seed, episode):
    """Starts an episode in environment k and writes its first observation."""
    s = m.state[k]
    s.now = 0.0
    s.last_arrival = 0.0
    s.mean_gap = m.parameters[0].mean_gap
    s.last_change = 0.0
    s.arrivals = 0
    s.position = 0
    s.head = 0
    s.waiting = 0
    s.served = 0
    s.dropped = 0
    s.reloads = 0
    s.cached = 0
    s.total_utility = 0.0
    s.total_goodput_top1 = 0.0
    s.total_slo_met = 0.0
    s.total_floor_met = 0.0
    s.total_top1 = 0.0
    s.total_response_s = 0.0
    s.total_offchip_bytes = 0.0
    s.total_energy_j = 0.0
    s.total_resident_bytes = 0.0
    s.total_weight_bytes = 0.0
    s.total_reward = 0.0
    for i in range(m.mix.shape[1]):
        m.mix[k, i] = 0.0
    for b in range(HISTOGRAM_BINS + 1):
        m.histogram[k, b] = 0
    s.latency_bin = HISTOGRAM_BINS
    s.least_response_s = np.inf
    s.most_response_s = 0.0
    m.truncated[k] = False
    begin_stream(k, m, seed, episode)
    fill_block(k, m)
    s.next_arrival = m.block[k, 0].time
    s.now, s.head, s.waiting, s.dropped = _until_decision(k, m, s, 0.0, 0, 0, 0, 0, 0)
    _observe(k, m, s, s.now, 0, s.head, s.waiting)


@compiled(error_model="numpy", inline="always")
def _serve(k, m, i, j, observe):
    """Serves the head of environment k's queue with SubNet i, then caches SubGraph j."""
    p = m.parameters[0]
    s = m.state[k]
    wrap = m.queue.shape[1] - 1
    S = m.pairs.shape[0]
    g, head, served, dropped_before = s.cached, s.head, s.served + 1, s.dropped
    arrival, query = m.queue[k, head].time, m.queue[k, head].tag
    c = query & CLASS_MASK
    slo = m.classes[c, CLASS_SLO]
    waiting = s.waiting - 1

    start = s.now
    duration = m.pairs[i, g, PAIR_LATENCY]
    if p.jitter_sigma != 0.0:
        duration *= service_factor(k, m, query >> CLASS_BITS)
    finish = start + duration
    free = finish + m.reloads[g, j, RELOAD_TIME]
    if j != g:
        s.cached = j
        s.last_change = free
        s.reloads += 1
    for n in range(S):
        m.mix[k, n] -= m.mix[k, n] * AVERAGE_WEIGHT
    m.mix[k, i] += AVERAGE_WEIGHT
    head = _settle(k, m, (head + 1) & wrap, waiting)
    now, head, waiting, dropped = _until_decision(
        k, m, s, free, j, head, waiting, served, dropped_before
    )
    s.now, s.head, s.waiting = now, head, waiting
    s.served, s.dropped = served, dropped
    over = served + dropped >= p.queries
    m.truncated[k] = over

    response = finish - arrival
    on_time = 0.0 if finish > arrival + slo else 1.0
    above = 0.0 if m.subnets[i, SUBNET_TOP1] < m.classes[c, CLASS_FLOOR] else 1.0
    accuracy, top1 = m.subnets[i, SUBNET_ACCURACY], m.subnets[i, SUBNET_TOP1]
    offchip = m.pairs[i, g, PAIR_OFFCHIP] + m.reloads[g, j, RELOAD_BYTES]
    utility = on_time * above * (0.5 + 0.5 * accuracy)
    latency = min(response / slo, 1.0)
    lost = float(dropped - dropped_before)
    energy = offchip * p.offchip_scale
    w = m.reward_weights
    reward = (
        w[OUT_UTILITY] * utility
        + w[OUT_ACCURACY] * accuracy
        + w[OUT_LATENCY] * latency
        + w[OUT_LATE] * (1.0 - on_time)
        + w[OUT_BELOW] * (1.0 - above)
        + w[OUT_DROPPED] * lost
        + w[OUT_ENERGY] * energy
    )
    m.outcome[k, OUT_UTILITY] = utility
    m.outcome[k, OUT_ACCURACY] = accuracy
    m.outcome[k, OUT_LATENCY] = latency
    m.outcome[k, OUT_LATE] = 1.0 - on_time
    m.outcome[k, OUT_BELOW] = 1.0 - above
    m.outcome[k, OUT_DROPPED] = lost
    m.outcome[k, OUT_ENERGY] = energy
    m.outcome[k, OUT_ARRIVAL] = arrival
    m.outcome[k, OUT_START] = start
    m.outcome[k, OUT_FINISH] = finish
    m.outcome[k, OUT_FREE] = free
    m.outcome[k, OUT_CLASS] = c
    m.outcome[k, OUT_REWARD] = reward
    m.reward[k] = reward

    s.total_utility += utility
    s.total_goodput_top1 += on_time * top1
    s.total_slo_met += on_time
    s.total_floor_met += above
    s.total_top1 += top1
    s.total_response_s += response
    s.least_response_s = min(s.least_response_s, response)
    s.most_response_s = max(s.most_response_s, response)
    s.total_offchip_bytes += offchip
    s.total_energy_j += m.pairs[i, g, PAIR_ENERGY] + m.reloads[g, j, RELOAD_ENERGY]
    s.total_resident_bytes += m.pairs[i, g, PAIR_RESIDENT]
    s.total_weight_bytes += m.subnets[i, SUBNET_WEIGHTS]
    s.total_reward += reward
    # Counted a step late, when the line has been fetched: the only access that jumps about.
    m.histogram[k, s.latency_bin] += 1
    s.latency_bin = latency_bin(response / p.latency_unit)
    if observe:
        _observe(k, m, s, now, j, head, waiting)


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
        _reset(k, m, seeds[k], episodes[k])


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
            _reset(k, m, seeds[k], episodes[k])
            m.reward[k] = 0.0
            m.outcome[k, :] = 0.0
        else:
            _serve(k, m, actions[k, 0], actions[k, 1], True)


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
    _serve(0, m, i, j, True)
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

    Only the last observation is written.

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
        for _ in range(steps):
            if m.truncated[k]:
                break
            chosen, cache = _choose(k, m, rule, i, j, key)
            _serve(k, m, chosen, cache, False)
            taken += 1
        s = m.state[k]
        _observe(k, m, s, s.now, s.cached, s.head, s.waiting)
    return taken
