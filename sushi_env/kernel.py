"""The serving engine: one compiled kernel over an array of environments.

Every interface is a view of `step_rows` and `reset_rows`; a single environment is a batch of
one. The state of an environment is one record, so that a step touches few cache lines, and the
queue is a ring buffer. Seconds, bytes and joules throughout.
"""

import math

import numba as nb
import numpy as np

from sushi_env.layout import OBSERVED_QUERIES
from sushi_env.problem import (
    CLASS_FLOOR,
    CLASS_FLOOR_SEEN,
    CLASS_SLO,
    CLASS_SLO_SEEN,
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
from sushi_env.streams import STREAM_CLASS, STREAM_GAP, STREAM_REGIME, stream_key, uniform

AVERAGE_WEIGHT = 1 / 32
AGE_UNIT = 32

HISTOGRAM_OCTAVES = 16
BINS_PER_OCTAVE = 32
HISTOGRAM_BINS = HISTOGRAM_OCTAVES * BINS_PER_OCTAVE

TOTALS = (
    "utility",
    "goodput_top1",
    "slo_met",
    "floor_met",
    "top1",
    "response_s",
    "offchip_bytes",
    "energy_j",
    "resident_bytes",
    "weight_bytes",
    "reward",
)

STATE = np.dtype(
    [
        ("now", "f8"),
        ("next_arrival", "f8"),
        ("last_arrival", "f8"),
        ("mean_gap", "f8"),
        ("last_change", "f8"),
        ("key_gap", "u8"),
        ("key_class", "u8"),
        ("key_regime", "u8"),
        ("arrivals", "u8"),
        ("regime", "i8"),
        ("cached", "i8"),
        ("head", "i8"),
        ("waiting", "i8"),
        ("served", "i8"),
        ("dropped", "i8"),
        ("reloads", "i8"),
        *[(f"total_{name}", "f8") for name in TOTALS],
    ]
)

# Columns of the outcome of a step: the reward components in their order, then what happened.
OUT_UTILITY, OUT_ACCURACY, OUT_LATENCY, OUT_LATE, OUT_BELOW, OUT_DROPPED, OUT_ENERGY = range(7)
OUT_ARRIVAL, OUT_START, OUT_FINISH, OUT_FREE, OUT_CLASS = range(7, 12)
OUTCOMES = 12

STEPPED = -1


@nb.njit(cache=True)
def _join(k, s, queue_arrival, queue_class, parameters, class_cdf):
    """Lets the next arrival join the queue, or drops it, and draws the one after."""
    p = parameters[0]
    gap = s.next_arrival - s.last_arrival
    s.mean_gap += (gap - s.mean_gap) * AVERAGE_WEIGHT
    s.last_arrival = s.next_arrival

    regimes = class_cdf.shape[0]
    if regimes > 1:
        u = uniform(s.key_regime, s.arrivals)
        if u < p.regime_switch:
            other = min(int(u / p.regime_switch * (regimes - 1)), regimes - 2)
            s.regime = other if other < s.regime else other + 1
    u = uniform(s.key_class, s.arrivals)
    c = 0
    while c < class_cdf.shape[1] - 1 and u >= class_cdf[s.regime, c]:
        c += 1

    if s.waiting < p.capacity:
        slot = (s.head + s.waiting) % p.capacity
        queue_arrival[k, slot] = s.next_arrival
        queue_class[k, slot] = c
        s.waiting += 1
    else:
        s.dropped += 1
    s.arrivals += np.uint64(1)
    s.next_arrival -= math.log(uniform(s.key_gap, s.arrivals)) * p.mean_gap


@nb.njit(cache=True)
def _drop_hopeless(k, s, queue_arrival, queue_class, parameters, pairs, classes):
    """Drops waiting queries that no SubNet could serve in time from now."""
    p = parameters[0]
    fastest = pairs[:, s.cached, PAIR_LATENCY].min()
    kept = 0
    for m in range(s.waiting):
        at = (s.head + m) % p.capacity
        arrival, c = queue_arrival[k, at], queue_class[k, at]
        hopeless = s.now + fastest > arrival + classes[c, CLASS_SLO]
        if hopeless and s.served + s.dropped < p.queries:
            s.dropped += 1
        else:
            to = (s.head + kept) % p.capacity
            queue_arrival[k, to] = arrival
            queue_class[k, to] = c
            kept += 1
    s.waiting = kept


@nb.njit(cache=True)
def _until_decision(k, s, queue_arrival, queue_class, parameters, pairs, classes, class_cdf):
    """Moves on to when the accelerator is free and a query waits, or the episode is over."""
    p = parameters[0]
    while True:
        while s.next_arrival <= s.now and s.served + s.dropped < p.queries:
            _join(k, s, queue_arrival, queue_class, parameters, class_cdf)
        if p.drop_hopeless != 0:
            _drop_hopeless(k, s, queue_arrival, queue_class, parameters, pairs, classes)
        if s.waiting > 0 or s.served + s.dropped >= p.queries:
            return
        s.now = s.next_arrival


@nb.njit(cache=True)
def _observe(k, s, mix, queue_arrival, queue_class, parameters, classes, rows, observation):
    """Writes the observation of environment k; see `ObservationLayout`."""
    p = parameters[0]
    out = observation[k]
    G = rows.shape[0]
    width = rows.shape[1]
    S = width - G
    for g in range(G):
        out[g] = 0.0
    out[s.cached] = 1.0
    for n in range(width):
        out[G + n] = rows[s.cached, n]
    base = G + width
    per_slo = 1 / p.largest_slo
    for m in range(OBSERVED_QUERIES):
        if m < s.waiting:
            at = (s.head + m) % p.capacity
            c = queue_class[k, at]
            slack = (queue_arrival[k, at] + classes[c, CLASS_SLO] - s.now) * per_slo
            out[base] = 1.0
            out[base + 1] = min(max(slack, -1.0), 1.0)
            out[base + 2] = classes[c, CLASS_SLO_SEEN]
            out[base + 3] = classes[c, CLASS_FLOOR_SEEN]
        else:
            out[base] = 0.0
            out[base + 1] = 0.0
            out[base + 2] = 0.0
            out[base + 3] = 0.0
        base += 4
    out[base] = s.waiting / p.capacity
    out[base + 1] = p.fastest / (p.fastest + s.mean_gap)
    for i in range(S):
        out[base + 2 + i] = mix[k, i]
    age = s.now - s.last_change
    out[base + 2 + S] = age / (age + AGE_UNIT * p.fastest)


@nb.njit(cache=True)
def _count_latency(k, ratio, histogram):
    """Counts a response time, given over the histogram's unit, in its logarithmic bin."""
    mantissa, exponent = math.frexp(max(ratio, 1.0))
    b = (exponent - 1) * BINS_PER_OCTAVE + int((2 * mantissa - 1) * BINS_PER_OCTAVE)
    histogram[k, min(b, HISTOGRAM_BINS - 1)] += 1


@nb.njit(cache=True, nogil=True)
def reset_rows(
    which,
    seeds,
    episodes,
    state,
    mix,
    queue_arrival,
    queue_class,
    histogram,
    parameters,
    pairs,
    classes,
    class_cdf,
    rows,
    observation,
):
    """Starts an episode in the environments `which` and writes their first observations.

    Args:
        which: Indices of the environments, int64, shape (m,).
        seeds: Seed of every environment, uint64, shape (n,).
        episodes: Number of the episode under that seed, uint64, shape (n,).
        state: Records of dtype `STATE`, shape (n,).
        mix: Running average of SubNets served, float64, shape (n, S).
        queue_arrival: Arrival times of waiting queries, float64, shape (n, capacity).
        queue_class: Their SLO classes, int64, shape (n, capacity).
        histogram: Response times, int64, shape (n, HISTOGRAM_BINS).
        parameters: See `Problem`, as for the arrays that follow.
        pairs: See `Problem`.
        classes: See `Problem`.
        class_cdf: See `Problem`.
        rows: See `Problem`.
        observation: Written to, float32, shape (n, D).
    """
    p = parameters[0]
    for k in which:
        s = state[k]
        s.now = 0.0
        s.last_arrival = 0.0
        s.mean_gap = p.mean_gap
        s.last_change = 0.0
        s.key_gap = stream_key(seeds[k], episodes[k], STREAM_GAP)
        s.key_class = stream_key(seeds[k], episodes[k], STREAM_CLASS)
        s.key_regime = stream_key(seeds[k], episodes[k], STREAM_REGIME)
        s.arrivals = np.uint64(0)
        # The last counter, which no query reaches, draws the regime the episode starts in.
        first = uniform(s.key_regime, np.uint64(0xFFFFFFFFFFFFFFFF))
        s.regime = min(int(first * class_cdf.shape[0]), class_cdf.shape[0] - 1)
        s.cached = 0
        s.head = 0
        s.waiting = 0
        s.served = 0
        s.dropped = 0
        s.reloads = 0
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
        mix[k, :] = 0.0
        histogram[k, :] = 0
        s.next_arrival = -math.log(uniform(s.key_gap, s.arrivals)) * p.mean_gap
        _until_decision(k, s, queue_arrival, queue_class, parameters, pairs, classes, class_cdf)
        _observe(k, s, mix, queue_arrival, queue_class, parameters, classes, rows, observation)


@nb.njit(cache=True, nogil=True)
def step_rows(
    actions,
    state,
    mix,
    queue_arrival,
    queue_class,
    histogram,
    parameters,
    pairs,
    reloads,
    subnets,
    classes,
    class_cdf,
    rows,
    reward_weights,
    observation,
    reward,
    truncated,
    outcome,
):
    """Serves one query in every environment; see DESIGN, "Serving semantics".

    Args:
        actions: SubNet and next SubGraph, int64, shape (n, 2).
        state: As in `reset_rows`, and so the arrays not named here.
        mix: As in `reset_rows`.
        queue_arrival: As in `reset_rows`.
        queue_class: As in `reset_rows`.
        histogram: As in `reset_rows`.
        parameters: See `Problem`.
        pairs: See `Problem`.
        reloads: See `Problem`.
        subnets: See `Problem`.
        classes: See `Problem`.
        class_cdf: See `Problem`.
        rows: See `Problem`.
        reward_weights: See `Problem`.
        observation: Written to, float32, shape (n, D).
        reward: Written to, float32, shape (n,).
        truncated: Written to, bool, shape (n,).
        outcome: Written to, float64, shape (n, OUTCOMES).

    Returns:
        `STEPPED`, or the first environment whose action is out of range, or `-2 - k` if the
        episode of environment k is over; then nothing was done.
    """
    p = parameters[0]
    S, G = pairs.shape[0], pairs.shape[1]
    n = actions.shape[0]
    for k in range(n):
        if truncated[k]:
            return -2 - k
        if not (0 <= actions[k, 0] < S and 0 <= actions[k, 1] < G):
            return k
    for k in range(n):
        s = state[k]
        i, j = actions[k, 0], actions[k, 1]
        g = s.cached
        arrival, c = queue_arrival[k, s.head], queue_class[k, s.head]
        s.head = (s.head + 1) % p.capacity
        s.waiting -= 1
        dropped_before = s.dropped

        start = s.now
        finish = start + pairs[i, g, PAIR_LATENCY]
        s.now = finish + reloads[g, j, RELOAD_TIME]
        if j != g:
            s.cached = j
            s.last_change = s.now
            s.reloads += 1
        s.served += 1
        response = finish - arrival
        late = finish > arrival + classes[c, CLASS_SLO]
        below = subnets[i, SUBNET_TOP1] < classes[c, CLASS_FLOOR]
        accuracy = subnets[i, SUBNET_ACCURACY]
        offchip = pairs[i, g, PAIR_OFFCHIP] + reloads[g, j, RELOAD_BYTES]
        for m in range(S):
            mix[k, m] -= mix[k, m] * AVERAGE_WEIGHT
        mix[k, i] += AVERAGE_WEIGHT

        _until_decision(k, s, queue_arrival, queue_class, parameters, pairs, classes, class_cdf)

        o = outcome[k]
        o[OUT_UTILITY] = 0.0 if late or below else 0.5 + 0.5 * accuracy
        o[OUT_ACCURACY] = accuracy
        o[OUT_LATENCY] = min(response / classes[c, CLASS_SLO], 1.0)
        o[OUT_LATE] = 1.0 if late else 0.0
        o[OUT_BELOW] = 1.0 if below else 0.0
        o[OUT_DROPPED] = s.dropped - dropped_before
        o[OUT_ENERGY] = offchip * p.offchip_scale
        o[OUT_ARRIVAL] = arrival
        o[OUT_START] = start
        o[OUT_FINISH] = finish
        o[OUT_FREE] = finish + reloads[g, j, RELOAD_TIME]
        o[OUT_CLASS] = c
        r = 0.0
        for m in range(reward_weights.shape[0]):
            r += reward_weights[m] * o[m]
        reward[k] = r
        truncated[k] = s.served + s.dropped >= p.queries

        s.total_utility += o[OUT_UTILITY]
        s.total_goodput_top1 += 0.0 if late else subnets[i, SUBNET_TOP1]
        s.total_slo_met += 0.0 if late else 1.0
        s.total_floor_met += 0.0 if below else 1.0
        s.total_top1 += subnets[i, SUBNET_TOP1]
        s.total_response_s += response
        s.total_offchip_bytes += offchip
        s.total_energy_j += pairs[i, g, PAIR_ENERGY] + reloads[g, j, RELOAD_ENERGY]
        s.total_resident_bytes += pairs[i, g, PAIR_RESIDENT]
        s.total_weight_bytes += subnets[i, SUBNET_WEIGHTS]
        s.total_reward += r
        _count_latency(k, response / p.latency_unit, histogram)
        _observe(k, s, mix, queue_arrival, queue_class, parameters, classes, rows, observation)
    return STEPPED
