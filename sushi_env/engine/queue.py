"""The queue: who waits, in a ring per environment. It knows no clock but the times it is given.

The ring's head and length are arguments and results, so that a step keeps them in registers; they
lie in the environment's `STATE` between steps.
"""

import numpy as np

from sushi_env.engine.records import CLASS_MASK, CLASS_SLO, PAIR_LATENCY
from sushi_env.numerics.compiling import compiled

SHORT_QUEUE = 2


@compiled(error_model="numpy", inline="always")
def join(k, m, head, waiting, time, tag):
    """Puts a query at the end of environment k's queue, if it has room.

    Returns:
        The queue's length.
    """
    if waiting < m.parameters[0].capacity:
        at = (head + waiting) & (m.queue.shape[1] - 1)
        m.queue[k, at].time = time
        m.queue[k, at].tag = tag
        waiting += 1
    return waiting


@compiled(error_model="numpy")
def drop_hopeless(k, m, now, cached, head, waiting, most):
    """Drops waiting queries that no SubNet could serve in time from now, `most` of them at most.

    Returns:
        The queue's length.
    """
    wrap = m.queue.shape[1] - 1
    fastest = m.pairs[:, cached, PAIR_LATENCY].min()
    kept = 0
    for q in range(waiting):
        query = m.queue[k, (head + q) & wrap]
        slo = m.classes[query.tag & CLASS_MASK, CLASS_SLO]
        if now + fastest > query.time + slo and most > 0:
            most -= 1
        else:
            to = m.queue[k, (head + kept) & wrap]
            to.time, to.tag = query.time, query.tag
            kept += 1
    return kept


@compiled(error_model="numpy", inline="always")
def settle(k, m, head, waiting):
    """Moves a short queue to the ring's first slots, which stay in cache.

    Returns:
        The queue's head.
    """
    if waiting > SHORT_QUEUE or head + waiting > m.queue.shape[1]:
        return head
    for q in range(waiting):
        m.queue[k, q].time = m.queue[k, head + q].time
        m.queue[k, q].tag = m.queue[k, head + q].tag
    return np.int64(0)
