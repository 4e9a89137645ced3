"""The clairvoyant bound of an episode, and a schedule that reaches it or nearly does."""

from collections.abc import Iterator
from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

from sushi_agents.clairvoyant.completion import complete
from sushi_agents.clairvoyant.grid import Grid, lay_grid
from sushi_agents.clairvoyant.instance import Instance, realise
from sushi_agents.clairvoyant.labels import (
    HANDED_ON,
    room_for_candidates,
    room_for_labels,
    step_reward,
    until_decision,
)
from sushi_agents.clairvoyant.merging import merge_subgraphs
from sushi_agents.clairvoyant.search import advance
from sushi_env import InputError, Problem
from sushi_env.engine.actions import decode

CELLS = 8192
SCOUTS = 64
MAX_LABELS = 512
RELATIVE_TOLERANCE = 1e-9
EFFORTS = 3
ENOUGH = 0.001
"""A gap of so much of what all queries can be worth calls for no further effort."""


@dataclass(frozen=True)
class Bound:
    """What the best scheduler that knows all arrivals can earn in an episode.

    Attributes:
        upper: No scheduler's reward is higher, but for `RELATIVE_TOLERANCE`.
        reward: Reward of the schedule `actions`, replayed in the engine.
        actions: SubNet and next SubGraph of each query served, int64, shape (served, 2).
        exact: Whether `reward` is proved to be optimal; then `upper` is equal to it.
    """

    upper: float
    reward: float
    actions: NDArray[np.int64]
    exact: bool

    @property
    def gap(self) -> float:
        """How much better than `reward` the optimum can be at most."""
        return self.upper - self.reward


def clairvoyant_bound(
    problem: Problem,
    seed: int,
    episode: int = 0,
    max_labels: int = MAX_LABELS,
    cells: int = CELLS,
) -> Bound:
    """Bounds the reward of an episode from above, and finds a schedule close to the bound.

    Backwards over the queries, dynamic programming on a grid of times bounds what each may
    still earn. Forwards, label-setting keeps Pareto-optimal (free time, reward) labels per
    query and SubGraph, first a few to find a good schedule, then all that may still beat it,
    up to `max_labels` a query. If none had to be left out the schedule is optimal.

    Where queries are dropped, at a full queue or by admission, the bound is that of a
    relaxation: a query may be dropped if it can have been, and the accelerator may idle.

    Args:
        problem: The compiled scenario.
        seed: Seed of the environment.
        episode: Number of the episode under that seed.
        max_labels: Labels kept per query; more give a better schedule and a proof more often.
        cells: Times of the grid; more give a tighter bound, for time and memory in proportion.

    Returns:
        The bound.

    Raises:
        InputError: If a number is out of range, or the scenario has no bound; see `realise`.
    """
    return bound_instance(realise(problem, seed, episode), max_labels, cells)


def bound_instance(instance: Instance, max_labels: int = MAX_LABELS, cells: int = CELLS) -> Bound:
    """The bound of an instance; see `clairvoyant_bound`."""
    if max_labels < 1 or cells < 2:
        raise InputError(
            f"clairvoyant bound: max_labels = {max_labels}, cells = {cells}, "
            "must be at least 1 and 2"
        )
    if _hopeless_but_one(instance):
        return _forced(instance)
    upper, best = np.inf, _Search(-np.inf, -np.inf, np.zeros((0, 2), np.int64))
    enough = ENOUGH * instance.queries * _worth(instance)
    group, merged = merge_subgraphs(instance)
    for effort in range(EFFORTS):
        # A queue that overflows needs a longer view, admission that drops a sharper one.
        if instance.drop_hopeless:
            grid = lay_grid(instance, cells * 4**effort, False, group)
        else:
            idling = effort < EFFORTS - 1
            grid = lay_grid(instance, cells * 2**effort, idling, group, widening=4.0**effort)
        backwards = _Backwards(merged, grid)
        scouted = _search(instance, backwards, _beyond(best.reward), min(SCOUTS, max_labels))
        best = max(best, scouted, key=lambda search: search.reward)
        found = _search(instance, backwards, _beyond(best.reward), max_labels)
        best = max(best, found, key=lambda search: search.reward)
        upper = min(upper, backwards.root(), max(best.reward, found.lost))
        if upper - best.reward <= enough:
            break
    exact = upper <= _beyond(best.reward)
    # What admission drops before the first decision is part of no step's reward.
    at_once = best.dropped_at_once * instance.drop
    reward = best.reward - at_once
    return Bound(reward if exact else upper - at_once, reward, best.actions, exact)


def _hopeless_but_one(instance: Instance) -> bool:
    """Whether admission drops all queries but the last, which the engine then serves, hopeless."""
    slo = instance.slo[instance.classes[: instance.queries - 1]]
    times = instance.times[: instance.queries - 1]
    return instance.drop_hopeless and bool(
        (times + instance.latency[:, 0].min() > times + slo).all()
    )


def _forced(instance: Instance) -> Bound:
    """The bound of an episode with a single decision."""
    S, G = instance.latency.shape
    last = instance.queries - 1
    rewards = [
        step_reward(instance, i, 0, j, last, instance.times[last])[0]
        for i in range(S)
        for j in range(G)
    ]
    best = int(np.argmax(rewards))
    action = decode([best], G)
    return Bound(rewards[best], rewards[best], action, True)


def _worth(instance: Instance) -> float:
    """What a query can be worth at most, from best to worst."""
    worst = min((instance.late.min() + instance.per_slo), instance.drop)
    return float(instance.in_time.max() - worst)


def _beyond(reward: float) -> float:
    """The least reward that counts as more than `reward`."""
    return reward + RELATIVE_TOLERANCE * max(1.0, abs(reward))


class _Backwards:
    """The completion bound of every query, kept for one query in a block and recomputed.

    Its instance is that of merged SubGraphs, G rows as there are groups.
    """

    def __init__(self, instance: Instance, grid: Grid):
        self.instance, self.grid = instance, grid
        N, G = instance.queries, instance.latency.shape[1]
        self.of_groups = grid._replace(
            least=_of_groups(np.minimum, grid.least, grid.group),
            patience=_of_groups(np.maximum, grid.patience, grid.group),
        )
        self.block = max(isqrt(N), 1)
        self.edges = list(range(0, N, self.block))
        self.kept = np.zeros((len(self.edges) + 1, G, grid.cells))
        self.layers = np.zeros((self.block + 1, G, grid.cells))
        for b in reversed(range(len(self.edges))):
            self.kept[b] = self._compute(b)[0]

    def _compute(self, b: int) -> NDArray[np.float64]:
        low = self.edges[b]
        high = min(low + self.block, self.instance.queries)
        layers = self.layers[: high - low + 1]
        layers[-1] = self.kept[b + 1]
        complete(low, high, layers, self.of_groups, self.instance)
        return layers

    def root(self) -> float:
        """The bound of the whole episode."""
        return float(self.kept[0, 0, 0])

    def after_each(self) -> Iterator[NDArray[np.float64]]:
        """The completion bounds of queries 1, 2, ..., N, each shape (G, K)."""
        for b in range(len(self.edges)):
            yield from self._compute(b)[1:]


def _of_groups(
    best: np.ufunc, values: NDArray[np.float64], group: NDArray[np.int64]
) -> NDArray[np.float64]:
    found = np.full(group.max() + 1, -np.inf if best is np.maximum else np.inf)
    best.at(found, group, values)
    return found


@dataclass(frozen=True)
class _Search:
    reward: float
    lost: float
    actions: NDArray[np.int64]
    dropped_at_once: int = 0


def _search(
    instance: Instance, backwards: _Backwards, threshold: float, max_labels: int
) -> _Search:
    """Searches for the best schedule worth more than `threshold`."""
    grid = backwards.grid
    N, G = instance.queries, instance.latency.shape[1]
    branching = instance.latency.size
    labels = room_for_labels(max_labels, instance.capacity)
    following = room_for_labels(max_labels, instance.capacity)
    candidates = room_for_candidates(8 * max_labels + branching)
    keep = np.zeros(len(candidates.free), dtype=np.bool_)
    until_decision(labels, 0, instance, grid.least)
    parents = np.zeros((N, max_labels), dtype=np.int32)
    actions = np.zeros((N, max_labels), dtype=np.int16)
    count, lost, at_once = 1, -np.inf, int(labels.resolved[0])
    best, end = -np.inf, (0, 0, HANDED_ON)
    for q, after in enumerate(backwards.after_each()):
        count, gone, total, parent, action = advance(
            q, labels, count, after, grid, instance, threshold, candidates, keep, following,
            parents[q], actions[q],
        )  # fmt: skip
        labels, following = following, labels
        lost = max(lost, gone)
        if total > best:
            best, end = total, (q, parent, action)
        if count == 0:
            break
    chosen = []
    q, label, action = end
    while True:
        if action != HANDED_ON:
            chosen.append(int(action))
        if q == 0:
            break
        q -= 1
        label, action = parents[q, label], actions[q, label]
    path = decode(np.array(chosen[::-1], dtype=np.int64), G)
    return _Search(float(best), float(lost), path, at_once)
