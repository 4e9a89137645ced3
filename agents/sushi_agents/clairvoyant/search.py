"""The search forward: label-setting over the queries, bounded by the completion bound."""

import numpy as np

from sushi_agents.clairvoyant.completion import bound_at
from sushi_agents.clairvoyant.labels import extend, settle
from sushi_env.numerics.compiling import compiled


@compiled(nogil=True)
def _drop_dominated(candidates, filled, keep, G, only_plain):
    """Unmarks candidates if another, of the same SubGraph, is as early and as good.

    Returns:
        The best bound among them.
    """
    lost = -np.inf
    best = np.full(G, -np.inf)
    for y in np.argsort(candidates.free[:filled]):
        if not keep[y] or (only_plain and not candidates.plain[y]):
            continue
        g = candidates.graph[y]
        if candidates.reward[y] > best[g]:
            best[g] = candidates.reward[y]
        else:
            keep[y] = False
            lost = max(lost, candidates.bound[y])
    return lost


@compiled(nogil=True)
def _keep_best(candidates, filled, keep, most):
    """Unmarks all but the `most` candidates of highest bound; returns the best one unmarked."""
    marked = np.flatnonzero(keep[:filled])
    lost = -np.inf
    if len(marked) > most:
        order = np.argsort(-candidates.bound[marked])
        for y in marked[order[most:]]:
            keep[y] = False
            lost = max(lost, candidates.bound[y])
    return lost


@compiled(nogil=True)
def _select(candidates, filled, keep, most, G, by_dominance):
    """Marks in `keep` at most `most` candidates worth extending; returns the best bound lost.

    Being dominated is a proof only for plain candidates. It thins out the others, too, if they
    are too many, and what they could have earned counts as lost.
    """
    keep[:filled] = True
    lost = -np.inf
    if by_dominance:
        _drop_dominated(candidates, filled, keep, G, True)
        if keep[:filled].sum() > most:
            lost = _drop_dominated(candidates, filled, keep, G, False)
    return max(lost, _keep_best(candidates, filled, keep, most))


@compiled(nogil=True)
def _compact(candidates, filled, keep):
    """Moves the marked candidates to the front; returns how many they are."""
    to = 0
    for y in range(filled):
        if keep[y]:
            candidates.free[to] = candidates.free[y]
            candidates.reward[to] = candidates.reward[y]
            candidates.graph[to] = candidates.graph[y]
            candidates.parent[to] = candidates.parent[y]
            candidates.action[to] = candidates.action[y]
            candidates.bound[to] = candidates.bound[y]
            candidates.plain[to] = candidates.plain[y]
            to += 1
    return to


@compiled(nogil=True)
def _overflow_bound(q, labels, x, after, grid, instance):
    """What label x could earn at most if query q, or some later one, found the queue full.

    It idles until its query may be dropped, or the episode may end with the rest unresolved.
    """
    bound = -np.inf
    if grid.drop_from[q] < np.inf:
        free = max(labels.free[x], grid.drop_from[q])
        g = grid.group[labels.graph[x]]
        rest = bound_at(after, g, free, grid.starts[q + 1], grid.step)
        bound = labels.reward[x] + instance.drop + rest
    if grid.give_up_from[q] < np.inf:
        rest = (instance.queries - q) * instance.drop
        bound = max(bound, labels.reward[x] + rest)
    return bound


@compiled(nogil=True)
def advance(
    q, labels, count, after, grid, instance, threshold, candidates, keep, following, parent, action
):
    """Extends the labels of layer q to those of layer q + 1.

    If the grid allows idling, a label is dominated by one that is free no later and has earned
    no less under the same SubGraph. As long as the queue never overflows the same actions then
    lead to no less. After an overflow the dominated one might be better off, having lost a
    useless query for nothing; what that could earn is bounded and counted as lost. On a grid
    without idling no label is dominated.

    Args:
        q: The layer.
        labels: Its labels.
        count: How many there are.
        after: Completion bound of query q + 1, a row per group of SubGraphs.
        grid: The grid of the completion bound.
        instance: The episode.
        threshold: Only what may earn more is of interest.
        candidates: Scratch.
        keep: Scratch, bool, as long as the candidates.
        following: Written to: the labels of layer q + 1.
        parent: Written to: the label that each extends, int32.
        action: Written to: by which action, int16.

    Returns:
        How many labels there are now; the best bound of what was lost; and of the schedules
        that ended, the best one's reward, parent and action, or -inf, -1 and -1.
    """
    S, G = instance.latency.shape
    most = len(following.free)
    by_dominance = grid.idling
    lost = -np.inf
    filled = 0
    for x in range(count):
        if filled + S * G > len(keep):
            lost = max(lost, _select(candidates, filled, keep, most, G, by_dominance))
            filled = _compact(candidates, filled, keep)
        if by_dominance and labels.resolved[x] == q:
            lost = max(lost, _overflow_bound(q, labels, x, after, grid, instance))
        filled = extend(q, labels, x, after, grid, instance, threshold, candidates, filled)
    lost = max(lost, _select(candidates, filled, keep, most, G, by_dominance))
    filled = _compact(candidates, filled, keep)
    kept = 0
    best, best_parent, best_action = -np.inf, -1, -1
    for y in range(filled):
        if by_dominance and not candidates.plain[y]:
            lost = max(lost, candidates.bound[y])
        settle(candidates, y, labels, following, kept, instance, grid.least)
        if following.resolved[kept] < instance.queries:
            parent[kept], action[kept] = candidates.parent[y], candidates.action[y]
            kept += 1
            continue
        total = following.reward[kept] + following.owed[kept] * instance.drop
        if total > best:
            best, best_parent, best_action = total, candidates.parent[y], candidates.action[y]
    return kept, lost, best, best_parent, best_action
