"""The observation, written by name; see `sushi_env.engine.layout`. It knows no clock but `now`."""

from sushi_env.engine.layout import FLOOR, OBSERVED_QUERIES, PRESENT, QUERY_FEATURES, SLACK, SLO
from sushi_env.engine.records import CLASS_FLOOR_SEEN, CLASS_MASK, CLASS_SLO, CLASS_SLO_SEEN
from sushi_env.numerics.compiling import compiled
from sushi_env.numerics.pointers import copy

AGE_UNIT = 32
_WIDTH = len(QUERY_FEATURES)


@compiled(error_model="numpy", inline="always")
def observe(k, m, s, now, cached, head, waiting):
    """Writes the observation of environment k, of state s, at a time, with a SubGraph and a queue.

    What it shows of a SubGraph is one precomputed row, which is copied first.
    """
    p, at = m.parameters[0], m.offsets[0]
    wrap = m.queue.shape[1] - 1
    D = m.rows.shape[1]
    copy(m.observation, k * D, m.rows, cached * D, D)
    for q in range(min(waiting, OBSERVED_QUERIES)):
        query = m.queue[k, (head + q) & wrap]
        c = query.tag & CLASS_MASK
        slack = (query.time + m.classes[c, CLASS_SLO] - now) * p.per_slo
        base = at.queue + _WIDTH * q
        m.observation[k, base + PRESENT] = 1.0
        m.observation[k, base + SLACK] = min(max(slack, -1.0), 1.0)
        m.observation[k, base + SLO] = m.classes[c, CLASS_SLO_SEEN]
        m.observation[k, base + FLOOR] = m.classes[c, CLASS_FLOOR_SEEN]
    m.observation[k, at.waiting] = waiting / p.capacity
    m.observation[k, at.load] = p.fastest / (p.fastest + s.mean_gap)
    for i in range(m.mix.shape[1]):
        m.observation[k, at.subnet_mix + i] = m.mix[k, i]
    age = now - s.last_change
    m.observation[k, at.cache_age] = age / (age + AGE_UNIT * p.fastest)
