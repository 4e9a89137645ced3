"""What follows from an observation and the table without any learning, compiled.

Serving the head with SubNet i leaves the others a best plan; loading SubGraph j costs and saves
time. Learned schedulers see both as numbers. They depend on no parameter, so they are computed
once per observation, in batches, and kept: training stores them, a deployed agent and an ONNX
file get them from the same function.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.network.table_context import SCALES, context_size
from sushi_env.engine.layout import (
    FLOOR,
    OBSERVED_QUERIES,
    PART_NAMES,
    PRESENT,
    QUERY_FEATURES,
    SLACK,
    SLO,
    ObservationLayout,
)
from sushi_env.numerics.compiling import compiled

ROUNDING = 1e-6
"""What float32 may have taken from a floor or a slack of the observation."""
SHARP = 8.0
"""How much finer the second view of a value is than the first."""
MOST_LOAD = 0.9
"""The highest observed load that counts, in the observation's x / (1 + x)."""
HORIZON = 16.0
"""Queries like those of late that a SubGraph is taken to be loaded for, before learning."""
FINE = 10.0
"""What shares of the largest latency are multiplied with: they are a few hundredths."""

HEAD_FEATURES = 12
LATER_FEATURES = 2
OTHER_FEATURES = 3
OWN_FEATURES = 9
OTHERS = OBSERVED_QUERIES - 1
SUBNET_FEATURES = HEAD_FEATURES + OTHERS * LATER_FEATURES
WIDTH = len(QUERY_FEATURES)
PLANNED_PARTS = ("cached", "latency", "reload", "queue", "load", "subnet_mix")
"""Parts of the observation that plans are made of; no network is without them."""


class PlanLayout:
    """Named slices of what a network sees of an observation, for S SubNets and G SubGraphs.

    | slice | length | meaning |
    |---|---|---|
    | `observation` | D | the observation itself |
    | `scales` | 4 | how its units compare; see `SCALES` |
    | `subnets` | S * (12 + (M - 1) * 2) | what SubNet i does for the head and leaves for \
the rest; time that it leaves each of the others, coarse and fine |
    | `others` | (M - 1) * 3 | their SLO, their floor, and whether they are there |
    | `worth` | S | utility of the head and of the best plan for the others |
    | `delay` | S | SLOs that those who come meanwhile spend waiting |
    | `subgraphs` | G * (S + 9) | time that SubGraph j saves each SubNet; what loading it costs \
and saves |
    | `of_late` | G | time it would save a query served like those of late |
    | `at_once` | G | time it would save those who wait, less that of loading it |

    Attributes:
        num_subnets: S.
        num_subgraphs: G.
        observed: Of the observation, the parts that the network was made for.
    """

    def __init__(self, num_subnets: int, num_subgraphs: int, parts: Sequence[str]):
        self.num_subnets, self.num_subgraphs = num_subnets, num_subgraphs
        self.observed = ObservationLayout(num_subnets, num_subgraphs, tuple(parts))

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each named part lies, in order."""
        S, G = self.num_subnets, self.num_subgraphs
        lengths = {
            "observation": self.observed.size,
            "scales": len(SCALES),
            "subnets": S * SUBNET_FEATURES,
            "others": OTHERS * OTHER_FEATURES,
            "worth": S,
            "delay": S,
            "subgraphs": G * (S + OWN_FEATURES),
            "of_late": G,
            "at_once": G,
        }
        ends = np.cumsum(list(lengths.values())).tolist()
        return {
            name: slice(end - length, end)
            for (name, length), end in zip(lengths.items(), ends, strict=True)
        }

    @property
    def size(self) -> int:
        """Numbers per observation."""
        return self.slices["at_once"].stop


class Planner:
    """Computes what a network sees; a pure function of observations, table and scenario.

    Args:
        num_subnets: S.
        num_subgraphs: G.
        levels: Normalised top-1 of each SubNet, shape (S,).
        context: Of the scenario; see `context_of`.
        parts: Names of the parts of the observation that the network sees; by default all.
    """

    def __init__(
        self,
        num_subnets: int,
        num_subgraphs: int,
        levels: Sequence[float],
        context: Sequence[float],
        parts: Sequence[str] = PART_NAMES,
    ):
        self.layout = PlanLayout(num_subnets, num_subgraphs, parts)
        self.columns: NDArray[np.int64] | None = None
        self.levels = np.array(levels, dtype=np.float32)
        self.context = np.array(context, dtype=np.float32)[None, :]
        observed, planned = self.layout.observed.slices, self.layout.slices
        self._observed = np.array([observed[name].start for name in PLANNED_PARTS])
        self._planned = np.array([part.start for part in planned.values()])
        self._size = self.layout.observed.size
        self._context_size = context_size(num_subnets, num_subgraphs)

    def select(self, layout: ObservationLayout) -> None:
        """Takes its parts out of observations that are laid out like this."""
        observed = self.layout.observed
        self.columns = None if layout == observed else layout.columns_of(observed)

    def __call__(
        self, observations: NDArray[np.float32], dtype: Any = np.float32
    ) -> NDArray[np.floating]:
        """What a network sees of observations.

        Args:
            observations: Flat, shape (n, D); or (n, D + C), where they end in the context of
                their own scenario.
            dtype: Of the result.

        Returns:
            Shape (n, size); see `PlanLayout`.
        """
        if self.columns is not None:
            observations = observations[:, self.columns]
        observations = np.ascontiguousarray(observations, dtype=np.float32)
        own = observations[:, self._size :]
        contexts = self.context if own.shape[1] == 0 else own
        assert contexts.shape[1] == self._context_size, observations.shape
        planned = np.empty((len(observations), self.layout.size), dtype=dtype)
        _plan(
            observations[:, : self._size],
            contexts,
            self.levels,
            self._observed,
            self._planned,
            planned,
        )
        return planned


@compiled(error_model="numpy", nogil=True)
def _plan(observations, contexts, levels, observed, planned, out):
    """Writes what networks see of each observation; times are in float64 throughout."""
    S, D = levels.shape[0], observations.shape[1]
    G = (contexts.shape[1] - 4) // S
    latency, seen, worth = np.empty(S), np.empty(S), np.empty(S)
    delay, end, wanted = np.empty(S), np.empty(S), np.empty(S)
    mix, saved = np.empty(S), np.empty(G)
    ends, earned = np.empty(OTHERS + 1), np.empty(OTHERS + 1)
    need, value = np.empty(OTHERS), np.empty(OTHERS)
    for n in range(observations.shape[0]):
        row, seen_by = observations[n], out[n]
        context = contexts[n if contexts.shape[0] > 1 else 0]
        seen_by[:D] = row
        for k in range(4):
            seen_by[D + k] = min(max(context[k], 0.0), 4.0)
        _plan_subnets(
            row, context, levels, observed, planned, seen_by,
            (latency, seen, worth, delay, end, ends, earned, need, value),
        )  # fmt: skip
        _plan_subgraphs(
            row, context, levels, observed, planned, seen_by, (seen, wanted, mix, saved), G
        )


@compiled(error_model="numpy")
def _plan_subnets(row, context, levels, observed, planned, out, scratch):
    """Of each SubNet, were it to serve the head.

    Behind the head, query m's time left is its slack, less the SubNet's latency, less m fastest
    services; in units of half the largest SubNet's latency, clipped to [-1, 1]. Until those who
    wait are served, a time t, some rate x t others come and wait t / 2 on average: counted in
    SLOs that is `delay`, the term of `Lookahead`.
    """
    latency, seen, worth, delay, end, ends, earned, need, value = scratch
    S = levels.shape[0]
    per_latency, urgency, least = np.float64(context[0]), np.float64(context[2]), context[3]
    unit = per_latency / 2.0
    queue = observed[3]
    slack, floor = np.float64(row[queue + SLACK]), row[queue + FLOOR] - ROUNDING
    fastest, fastest_uncached = np.inf, np.inf
    for i in range(S):
        seen[i] = row[observed[1] + i]
        latency[i] = seen[i] * per_latency
        fastest = min(fastest, latency[i])
        fastest_uncached = min(
            fastest_uncached, np.float64(context[4 + i * ((context.shape[0] - 4) // S)])
        )
    _needs(row, queue, levels, latency, need, value)
    share = min(max(np.float64(row[observed[4]]), 0.0), MOST_LOAD)
    rate = share / (1.0 - share) / fastest_uncached
    head = planned[2]
    best_worth, best_net, soonest = -np.inf, -np.inf, np.inf
    for i in range(S):
        well, plan_earned, plan_end = _best_plan(
            latency[i], row, queue, need, value, fastest, ends, earned
        )
        left = slack - latency[i]
        allowed = 1.0 if levels[i] >= floor else 0.0
        own = 0.5 + 0.5 * np.float64(levels[i]) if left >= -1e-7 and allowed > 0.0 else 0.0
        spare = left / unit
        worth[i], end[i] = own + plan_earned, plan_end / per_latency
        delay[i] = rate * urgency * end[i] * end[i] / 2.0
        at = head + i * SUBNET_FEATURES
        out[at] = own
        out[at + 1] = _clip(spare, -1.0, 1.0)
        out[at + 2] = _clip(SHARP * spare, -1.0, 1.0)
        out[at + 3] = allowed
        out[at + 4] = seen[i]
        out[at + 5] = well / OBSERVED_QUERIES
        out[at + 6] = worth[i] / OBSERVED_QUERIES
        out[at + 9] = _clip(end[i] / 4.0, 0.0, 2.0)
        best_worth = max(best_worth, worth[i])
        best_net = max(best_net, worth[i] - delay[i])
        soonest = min(soonest, end[i])
    for i in range(S):
        at = head + i * SUBNET_FEATURES
        short = worth[i] - delay[i] - best_net
        out[at + 7] = _clip(worth[i] - best_worth, -2.0, 0.0)
        out[at + 8] = _clip(2.0 * (end[i] - soonest), 0.0, 2.0)
        out[at + 10] = _clip(short, -2.0, 0.0)
        out[at + 11] = _clip(SHARP * short, -2.0, 0.0)
        out[planned[4] + i] = worth[i]
        out[planned[5] + i] = delay[i]
    step = per_latency * least
    for m in range(OTHERS):
        q = queue + (m + 1) * WIDTH
        present = row[q + PRESENT]
        other = planned[3] + m * OTHER_FEATURES
        out[other] = row[q + SLO] * present
        out[other + 1] = row[q + FLOOR] * present
        out[other + 2] = present
        for i in range(S):
            later = (row[q + SLACK] - latency[i] - m * step) / unit
            at = head + i * SUBNET_FEATURES + HEAD_FEATURES + m * LATER_FEATURES
            out[at] = _clip(later, -1.0, 1.0) * present
            out[at + 1] = _clip(later / 3.0, -1.0, 1.0) * present


@compiled(error_model="numpy", inline="always")
def _clip(value, low, high):
    return min(max(value, low), high)


@compiled(error_model="numpy")
def _needs(row, queue, levels, latency, need, value):
    """For each query behind the head: the fastest service that reaches its floor, and its worth."""
    for m in range(OTHERS):
        floor = row[queue + (m + 1) * WIDTH + FLOOR] - ROUNDING
        need[m], value[m] = np.inf, 0.5 + 0.5 * np.float64(levels[0])
        for i in range(levels.shape[0]):
            if levels[i] >= floor and latency[i] < need[m]:
                need[m], value[m] = latency[i], 0.5 + 0.5 * np.float64(levels[i])


@compiled(error_model="numpy")
def _best_plan(begin, row, queue, need, value, fastest, ends, earned):
    """The best plan for those behind the head, if it is served until `begin`.

    Each of them, in order, is served well, by the fastest SubNet that reaches its floor, or given
    up to the fastest of all. Of such plans the best serves most queries well; of these, it ends
    first. By dynamic programming over how many are served well.

    Returns:
        How many are served well, what they earn, and when the last one is served.
    """
    ends[:] = np.inf
    earned[:] = 0.0
    ends[0] = begin
    for m in range(OTHERS):
        q = queue + (m + 1) * WIDTH
        if row[q + PRESENT] <= 0.0:
            continue
        latest = row[q + SLACK] + ROUNDING
        for k in range(min(m + 1, OTHERS), -1, -1):
            well = ends[k - 1] + need[m] if k > 0 else np.inf
            if well > latest:
                well = np.inf
            given_up = ends[k] + fastest
            if well < given_up:
                ends[k], earned[k] = well, earned[k - 1] + value[m]
            else:
                ends[k] = given_up
    best = 0
    for k in range(OTHERS, -1, -1):
        if ends[k] < np.inf:
            best = k
            break
    return best, earned[best], ends[best]


@compiled(error_model="numpy")
def _plan_subgraphs(row, context, levels, observed, planned, out, scratch, G):
    """Of each SubGraph, were it loaded next. Times are shares of the table's largest latency.

    Those who wait are taken to be served by the fastest SubNet that reaches their floor, those of
    late as the observed mix of SubNets says, which at first is that of all SubNets alike: else
    nothing would speak for the first load of an episode, and the likeliest would be never.
    """
    seen, wanted, mix, saved = scratch
    S = levels.shape[0]
    total = 0.0
    for i in range(S):
        mix[i] = row[observed[5] + i]
        total += mix[i]
        wanted[i] = 0.0
    for i in range(S):
        mix[i] += (1.0 - total) / S
    for m in range(OTHERS):
        q = observed[3] + (m + 1) * WIDTH
        floor = row[q + FLOOR] - ROUNDING
        least, chosen = np.inf, 0
        for i in range(S):
            if levels[i] >= floor and seen[i] < least:
                least, chosen = seen[i], i
        wanted[chosen] += row[q + PRESENT]
    best, least_mean = -np.inf, np.inf
    for g in range(G):
        of_late, waiting, mean = 0.0, 0.0, 0.0
        for i in range(S):
            cached = np.float64(context[4 + i * G + g])
            gain = seen[i] - cached
            of_late += gain * mix[i]
            waiting += gain * wanted[i]
            mean += cached
            out[planned[6] + g * (S + OWN_FEATURES) + i] = _clip(FINE * gain, -2.0, 2.0)
        mean /= S
        least_mean = min(least_mean, mean)
        loading = np.float64(row[observed[2] + g]) * context[1]
        saved[g] = HORIZON * of_late + waiting - loading
        best = max(best, saved[g])
        at = planned[6] + g * (S + OWN_FEATURES) + S
        out[at] = _clip(FINE * of_late, -2.0, 2.0)
        out[at + 1] = _clip(FINE * SHARP * of_late, -2.0, 2.0)
        out[at + 2] = _clip(FINE * waiting, -4.0, 4.0)
        out[at + 3] = row[observed[0] + g]
        out[at + 4] = _clip(2.0 * loading, 0.0, 2.0)
        out[at + 5] = _clip(2.0 * FINE * loading, 0.0, 2.0)
        out[at + 6] = mean
        out[planned[7] + g] = of_late
        out[planned[8] + g] = waiting - loading
    for g in range(G):
        at = planned[6] + g * (S + OWN_FEATURES) + S
        short = saved[g] - best
        out[at + 6] = _clip(FINE * (out[at + 6] - least_mean), 0.0, 2.0)
        out[at + 7] = _clip(short, -2.0, 0.0)
        out[at + 8] = _clip(SHARP * short, -2.0, 0.0)
