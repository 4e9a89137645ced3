"""The simulated clock: arrivals come by themselves, and a service takes as long as the table says.

Written for speed where it costs little to read: the clock and the queue's ends are locals within a
step, so that they stay in registers; queries come from blocks (see `sushi_env.engine.arrivals`); an
empty queue starts over at slot 0, so that it stays in cache.
"""

import numpy as np

from sushi_env.engine.arrivals import begin_stream, fill_block, service_factor
from sushi_env.engine.observation import observe
from sushi_env.engine.queue import drop_hopeless, join, settle
from sushi_env.engine.records import (
    BLOCK,
    CLASS_BITS,
    CLOSED_LOOP,
    HISTOGRAM_BINS,
    PAIR_LATENCY,
    RELOAD_TIME,
)
from sushi_env.engine.service import AVERAGE_WEIGHT, account, commit
from sushi_env.numerics.compiling import compiled
from sushi_env.numerics.pointers import clear


@compiled(error_model="numpy", inline="always")
def _until_decision(k, m, s, now, cached, head, waiting, served, dropped):
    """Moves on to when the accelerator is free and a query waits, or the episode is over.

    Returns:
        The time, the queue's head and length, and the number of queries dropped.
    """
    p = m.parameters[0]
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
            length = join(k, m, head, waiting, next_arrival, m.block[k, position].tag)
            dropped += 1 if length == waiting else 0
            waiting = length
            came += 1
            position += 1
            if position == BLOCK:
                fill_block(k, m)
                position = 0
            next_arrival = np.inf if closed_loop else m.block[k, position].time
        if p.drop_hopeless != 0:
            # An episode's last query is kept if none was served: every episode has a decision.
            most = p.queries - served - dropped - (1 if served == 0 else 0)
            kept = drop_hopeless(k, m, now, cached, head, waiting, most)
            dropped += waiting - kept
            waiting = kept
        if waiting > 0 or served + dropped >= p.queries:
            break
        head = 0
        if not closed_loop:
            now = next_arrival
    s.position, s.next_arrival = position, next_arrival
    s.last_arrival, s.mean_gap = last_arrival, mean_gap
    s.arrivals += came
    return now, head, waiting, dropped


@compiled(error_model="numpy")
def begin(k, m, seed, episode):
    """Starts an episode in environment k and writes its first observation; both uint64."""
    clear(m.state, k)
    s = m.state[k]
    s.mean_gap = m.parameters[0].mean_gap
    s.least_response_s = np.inf
    for i in range(m.mix.shape[1]):
        m.mix[k, i] = 0.0
    for b in range(HISTOGRAM_BINS + 1):
        m.histogram[k, b] = 0
    s.latency_bin = HISTOGRAM_BINS
    m.truncated[k] = False
    begin_stream(k, m, seed, episode)
    fill_block(k, m)
    s.next_arrival = m.block[k, 0].time
    s.now, s.head, s.waiting, s.dropped = _until_decision(k, m, s, 0.0, 0, 0, 0, 0, 0)
    observe(k, m, s, s.now, 0, s.head, s.waiting)


@compiled(error_model="numpy", inline="always")
def serve(k, m, i, j, seen, told):
    """Serves the head of environment k's queue with SubNet i, then caches SubGraph j.

    The next observation is written only if it is to be `seen`; the outcome if it is to be `told`,
    or the episode ends.
    """
    p = m.parameters[0]
    s = m.state[k]
    g, head, served, dropped_before = s.cached, s.head, s.served + 1, s.dropped
    arrival, tag = m.queue[k, head].time, m.queue[k, head].tag
    waiting = s.waiting - 1

    start = s.now
    duration = m.pairs[i, g, PAIR_LATENCY]
    if p.jitter_sigma != 0.0:
        duration *= service_factor(k, m, tag >> CLASS_BITS)
    finish = start + duration
    free = finish + m.reloads[g, j, RELOAD_TIME]
    commit(k, m, s, i, j, free)
    head = settle(k, m, (head + 1) & (m.queue.shape[1] - 1), waiting)
    now, head, waiting, dropped = _until_decision(
        k, m, s, free, j, head, waiting, served, dropped_before
    )
    s.now, s.head, s.waiting = now, head, waiting
    s.served, s.dropped = served, dropped
    over = served + dropped >= p.queries
    m.truncated[k] = over
    dropped -= dropped_before
    account(k, m, s, arrival, tag, i, g, j, start, finish, free, dropped, told or over)
    if seen:
        observe(k, m, s, now, j, head, waiting)
