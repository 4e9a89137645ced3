"""Upper bounds on what an episode can still earn, by dynamic programming backwards in time.

V[q, g, k] is at least the reward of queries q, q + 1, ... if SubGraph g is cached and the
accelerator is free between the k-th and the next time of the grid, or later in the last cell.
Rewards are those of the cell's beginning, and deadlines are generous by a nanosecond.

As long as no query is dropped it is no worse to be free earlier. Then the accelerator may as well
idle at will: V only falls in time, and times are rounded down. Where queries are dropped it can
pay to be late for a useless one, and a bound that allows idling is loose. A grid without idling
takes what begins in one cell to end in either of two, and the better one counts.
"""

import numpy as np

from sushi_agents.clairvoyant.grid import TOLERANCE_S
from sushi_env.numerics.compiling import compiled


@compiled(nogil=True)
def _raise_to(target, source, base, slope):
    """Raises target[k] to source[k] + base + slope * k where it is lower."""
    for k in range(len(target)):
        value = source[k] + (base + slope * k)
        target[k] = value if value > target[k] else target[k]


@compiled(nogil=True)
def _raise_shifted(target, begin, end, source, shift, base, slope):
    """Raises target[k], begin <= k < end, to source[k + shift] + base + slope * k.

    Beyond its ends the source continues with its first and last value.
    """
    low = min(max(-shift, begin), end)
    high = min(max(len(source) - shift, low), end)
    for k in range(begin, low):
        target[k] = max(target[k], source[0] + (base + slope * k))
    if high > low:
        inside = source[low + shift : high + shift]
        _raise_to(target[low:high], inside, base + slope * low, slope)
    for k in range(high, end):
        target[k] = max(target[k], source[-1] + (base + slope * k))


@compiled(nogil=True)
def _or_next(values):
    """Of each entry and the one after it the larger, along the last axis."""
    larger = values.copy()
    for g in range(values.shape[0]):
        _raise_to(larger[g, :-1], values[g, 1:], 0.0, 0.0)
    return larger


@compiled(nogil=True)
def _best_from(values, first):
    """The largest of values[first:], or the last value if that is beyond the end."""
    return values[min(max(first, 0), len(values) - 1) :].max()


@compiled(nogil=True)
def _cells_until(seconds, step, cells):
    """How many of the times 0, step, 2 step, ... are at most `seconds`; at most `cells`."""
    return int(min(max(np.floor(seconds / step) + 1, 0.0), float(cells)))


@compiled(nogil=True)
def _after_service(after, grid, instance, padded):
    """The bound once a service has ended and the next SubGraph is to be chosen.

    Args:
        after: V of the next query, shape (G, K).
        grid: The grid.
        instance: The episode.
        padded: Written to, shape (G, P + K): the bound at the grid's times, and at P times
            before them, as many as the longest reload takes.
    """
    G, K = after.shape
    P = padded.shape[1] - K
    padded[:] = -np.inf
    either = after if grid.idling else _or_next(after)
    for g in range(G):
        for j in range(G):
            seconds = instance.reload[g, j]
            shift = int(np.floor(seconds / grid.step)) - P
            source = after[j] if seconds == 0.0 else either[j]
            _raise_shifted(padded[g], 0, P + K, source, shift, instance.reloading[g, j], 0.0)


@compiled(nogil=True)
def _before_service(q, after, padded, grid, instance, now):
    """V of query q from that of query q + 1.

    Args:
        q: The query.
        after: V of query q + 1, shape (G, K).
        padded: What `_after_service` made of it, shape (G, P + K).
        grid: The grid.
        instance: The episode.
        now: Written to, shape (G, K).
    """
    G, K = after.shape
    P = padded.shape[1] - K
    step, begun = grid.step, grid.starts[q]
    c = instance.classes[q]
    slo, deadline = instance.slo[c], instance.times[q] + instance.slo[c]
    waited, ahead = begun - instance.times[q], begun - grid.starts[q + 1]
    now[:] = -np.inf
    either = after
    if not grid.idling:
        padded, either = _or_next(padded), _or_next(after)
    for g in range(G):
        out = now[g]
        servable = _cells_until(grid.serve_until[q] - begun, step, K)
        if instance.drop_hopeless:
            spare = deadline + TOLERANCE_S - grid.least[g] - begun
            servable = _cells_until(spare, step, K)
        for i in range(instance.latency.shape[0]):
            service = instance.latency[i, g] * instance.jitter[q]
            shift = int(np.floor((ahead + service) / step)) + P
            met = min(_cells_until(slo + TOLERANCE_S - waited - service, step, K), servable)
            base = instance.in_time[i, c] + instance.serving[i, g]
            base += instance.per_slo * (waited + service) / slo
            slope = instance.per_slo * step / slo
            _raise_shifted(out, 0, met, padded[g], shift, base, slope)
            base = instance.late[i, c] + instance.serving[i, g] + instance.per_slo
            _raise_shifted(out, met, servable, padded[g], shift, base, 0.0)
            if servable == K:
                out[K - 1] = max(out[K - 1], base + _best_from(padded[g], K - 1 + shift))
        # Dropped at a full queue or by admission; or left over when the episode ends. The last
        # cell stands for all later times: what is allowed at some time is allowed there.
        since = grid.drop_from[q]
        if instance.drop_hopeless:
            since = min(since, deadline - grid.patience[g] - TOLERANCE_S)
        if since < np.inf:
            first = max(_cells_until(since - begun, step, K) - 1, 0)
            shift = int(np.floor(ahead / step))
            _raise_shifted(out, first, K, either[g], shift, instance.drop, 0.0)
            out[K - 1] = max(out[K - 1], instance.drop + _best_from(after[g], K - 1 + shift))
        if grid.give_up_from[q] < np.inf:
            first = max(_cells_until(grid.give_up_from[q] - begun, step, K) - 1, 0)
            for k in range(first, K):
                out[k] = max(out[k], (instance.queries - q) * instance.drop)
        if grid.idling:
            for k in range(K - 2, -1, -1):
                out[k] = max(out[k], out[k + 1])


@compiled(nogil=True)
def complete(low, high, layers, grid, instance):
    """V of queries low..high - 1 from that of query `high`.

    Args:
        low: First query.
        high: The query whose bound is known.
        layers: V of queries low..high, shape (high - low + 1, G, K); the last is given, the
            others are written to.
        grid: The grid.
        instance: The episode.
    """
    longest = int(np.ceil(instance.reload.max() / grid.step)) + 1
    padded = np.empty((layers.shape[1], longest + layers.shape[2]))
    for q in range(high - 1, low - 1, -1):
        _after_service(layers[q + 1 - low], grid, instance, padded)
        _before_service(q, layers[q + 1 - low], padded, grid, instance, layers[q - low])


@compiled(nogil=True)
def bound_at(layer, g, seconds, start, step):
    """V at a time, given the layer (G, K) of a query and where its grid starts."""
    k = (seconds - start) / step
    return layer[g, int(min(max(k, 0.0), layer.shape[1] - 1.0))]
