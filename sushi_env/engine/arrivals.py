"""The arrival stream of an episode, generated a block of queries at a time inside the kernel.

A stream is fixed by scenario, seed and episode: each draw is a function of the query's number.
All gaps are first counted in mean gaps (of which the mean is 1 for every process, so that the
load is kept) and then multiplied by the scenario's. With closed-loop arrivals only the classes
come from here, the times from the decisions.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_env.engine.memory import Memory, attach
from sushi_env.engine.problem import Problem
from sushi_env.engine.records import (
    BLOCK,
    CLASS_BITS,
    CLASS_MASK,
    CLOSED_LOOP,
    CYCLE,
    GAMMA,
    MMPP,
    POISSON,
    TRACE,
)
from sushi_env.numerics.arithmetic import exponential, logarithm
from sushi_env.numerics.compiling import compiled
from sushi_env.numerics.streams import (
    STREAM_CLASS,
    STREAM_GAP,
    STREAM_JITTER,
    STREAM_MODULATION,
    STREAM_REGIME,
    standard_gamma,
    standard_normal,
    stream_key,
    uniform,
)

_MOST_SEGMENTS = 1_000_000
"""Changes of the rate before one arrival, after which it comes at the mean rate."""

_LATEST_GAP = 1e12
"""Longest gap, in seconds: so the clock stays finite, and time goes on, whatever the figures."""

_LAST = np.uint64(0xFFFFFFFFFFFFFFFF)
"""A counter that no query reaches; draws what is chosen once per episode."""

_GAMMA_DRAWS = np.uint64(20)
_NORMAL_DRAWS = np.uint64(8)


@compiled(error_model="numpy")
def begin_stream(k, m, seed, episode):
    """Puts environment k's generator at the beginning of an episode; seed, episode uint64."""
    p = m.parameters[0]
    a = m.generators[k]
    a.key_gap = stream_key(seed, episode, STREAM_GAP)
    a.key_class = stream_key(seed, episode, STREAM_CLASS)
    a.key_regime = stream_key(seed, episode, STREAM_REGIME)
    a.key_modulation = stream_key(seed, episode, STREAM_MODULATION)
    a.key_jitter = stream_key(seed, episode, STREAM_JITTER)
    a.generated = 0
    a.time = 0.0
    a.switches = 0
    a.segment = 0
    a.left = 0.0
    regimes = m.class_cdf.shape[0]
    a.regime = min(int(uniform(a.key_regime, _LAST) * regimes), regimes - 1)
    a.regime_changes = 0
    a.regime_left = _regime_length(a, m)
    u = uniform(a.key_modulation, _LAST)
    if p.arrivals == TRACE:
        a.segment = min(int(u * m.trace.shape[0]), m.trace.shape[0] - 1)
    elif p.arrivals == MMPP or p.arrivals == CYCLE:
        # A random point in time: each segment is as likely as its share of all spans.
        point = u * m.spans.sum()
        while a.segment < m.spans.shape[0] - 1 and point >= m.spans[a.segment]:
            point -= m.spans[a.segment]
            a.segment += 1
        if p.arrivals == MMPP:  # what is left of a memoryless stay is as long as a whole one
            a.left = _stay(a, m)
        else:
            a.left = max(m.spans[a.segment] - point, 0.0)


@compiled(error_model="numpy")
def _stay(a, m):
    """Length of a stay in the present state."""
    u = uniform(a.key_modulation, np.uint64(2 * a.switches))
    return -logarithm(u) * m.spans[a.segment]


@compiled(error_model="numpy")
def _next_segment(a, m, markov):
    """Moves on to the next state of a Markov chain, or to the next step of a cycle."""
    count = m.spans.shape[0]
    if markov:
        u = uniform(a.key_modulation, np.uint64(2 * a.switches + 1))
        other = min(int(u * (count - 1)), count - 2)
        a.segment = other if other < a.segment else other + 1
        a.switches += 1
        a.left = _stay(a, m)
    else:
        a.segment = a.segment + 1 if a.segment + 1 < count else 0
        a.left = m.spans[a.segment]


@compiled(error_model="numpy")
def _modulated_gap(a, m, work, markov):
    """Time in which a rate that changes from segment to segment does `work`."""
    gap = 0.0
    passed = 0
    while work > m.rates[a.segment] * a.left and passed < _MOST_SEGMENTS:
        work -= m.rates[a.segment] * a.left
        gap += a.left
        passed += 1
        _next_segment(a, m, markov)
    if passed == _MOST_SEGMENTS or work == 0.0:
        return gap + work
    step = work / m.rates[a.segment]
    a.left -= step
    return gap + step


@compiled(error_model="numpy")
def _gap(a, m, query):
    """Gap before a query, in mean gaps, for the processes that are not memoryless."""
    p = m.parameters[0]
    if p.arrivals == GAMMA:
        if p.gap_scv == 0.0:
            return 1.0
        counter = np.uint64(query) << _GAMMA_DRAWS
        return p.gap_scv * standard_gamma(a.key_gap, counter, 1.0 / p.gap_scv)
    if p.arrivals == TRACE:
        gap = m.trace[a.segment]
        a.segment = a.segment + 1 if a.segment + 1 < m.trace.shape[0] else 0
        return gap
    if p.arrivals == CLOSED_LOOP:
        return 0.0
    work = -logarithm(uniform(a.key_gap, np.uint64(query)))
    return _modulated_gap(a, m, work, p.arrivals == MMPP)


@compiled(error_model="numpy")
def _next_regime(a, m):
    """Moves on to another regime, all as likely, and draws how many queries it lasts."""
    regimes = m.class_cdf.shape[0]
    u = uniform(a.key_regime, np.uint64(2 * a.regime_changes))
    other = min(int(u * (regimes - 1)), regimes - 2)
    a.regime = other if other < a.regime else other + 1
    a.regime_changes += 1
    a.regime_left = _regime_length(a, m)


@compiled(error_model="numpy")
def _regime_length(a, m):
    """Queries that a regime lasts: geometric, by inversion."""
    regimes, stay = m.class_cdf.shape[0], m.parameters[0].log_regime_stay
    if regimes == 1:
        return np.int64(2**62)
    u = uniform(a.key_regime, np.uint64(2 * a.regime_changes + 1))
    return 1 + int(logarithm(u) / stay) if stay < 0.0 else 1


@compiled(error_model="numpy")
def fill_block(k, m):
    """Writes the next `BLOCK` queries of environment k: times, and numbers with classes."""
    p = m.parameters[0]
    a = m.generators[k]
    first, mean_gap = a.generated, p.mean_gap
    gaps, block = m.gaps[k], m.block[k]
    key = a.key_gap
    if p.arrivals == POISSON:
        for q in range(BLOCK):  # loops of their own become vector code
            gaps[q] = -logarithm(uniform(key, np.uint64(first + q))) * mean_gap
    else:
        for q in range(BLOCK):
            gaps[q] = _gap(a, m, first + q) * mean_gap
    time = a.time
    last_class = m.class_cdf.shape[1] - 1
    key = a.key_class
    for q in range(BLOCK):
        gap = gaps[q]
        time += gap if 0.0 <= gap <= _LATEST_GAP else _LATEST_GAP
        if a.regime_left == 0:
            _next_regime(a, m)
        a.regime_left -= 1
        u = uniform(key, np.uint64(first + q))
        c = 0
        for n in range(last_class):  # without a branch, which no processor could predict
            c += 1 if u >= m.class_cdf[a.regime, n] else 0
        block[q].time = time
        block[q].tag = ((first + q) << CLASS_BITS) | c
    a.time = time
    a.generated = first + BLOCK


@compiled(error_model="numpy")
def service_factor(k, m, query):
    """Factor on the service time of a query, by its number."""
    sigma = m.parameters[0].jitter_sigma
    if sigma == 0.0:
        return 1.0
    z = standard_normal(m.generators[k].key_jitter, np.uint64(query) << _NORMAL_DRAWS)
    return exponential(sigma * z - 0.5 * sigma * sigma)


@compiled(error_model="numpy")
def _realise(memory, seed, episode, times, classes, factors):
    m = attach(memory)
    begin_stream(0, m, seed, episode)
    for q in range(times.shape[0]):
        if q % BLOCK == 0:
            fill_block(0, m)
        times[q] = m.block[0, q % BLOCK].time
        classes[q] = m.block[0, q % BLOCK].tag & CLASS_MASK
        factors[q] = service_factor(0, m, q)


@dataclass(frozen=True)
class ArrivalStream:
    """The first queries of an episode.

    Attributes:
        times: Arrival times, seconds, float64, shape (n,); zeros if arrivals are closed-loop.
        classes: SLO classes, int64, shape (n,).
        jitter: Factors on the service times, float64, shape (n,).
    """

    times: NDArray[np.float64]
    classes: NDArray[np.int64]
    jitter: NDArray[np.float64]


def realised_arrivals(problem: Problem, seed: int, episode: int, count: int) -> ArrivalStream:
    """The first queries of an episode, as every policy will meet them.

    Args:
        problem: The compiled scenario.
        seed: Seed of the environment.
        episode: Number of the episode under that seed, from 0.
        count: Number of queries.
    """
    memory = Memory(problem, 1)
    times, factors = np.zeros(count), np.ones(count)
    classes = np.zeros(count, dtype=np.int64)
    key = np.uint64(seed % 2**64), np.uint64(episode)
    _realise(memory.addresses, *key, times, classes, factors)
    return ArrivalStream(times, classes, factors)
