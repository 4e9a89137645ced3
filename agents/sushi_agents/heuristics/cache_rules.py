"""Cache choices that combine with any SubNet choice: `<policy>+cache-last` and its like."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_accel import SushiAbs
from sushi_agents.policy import Actions, Observations, Policy, Rule, checked_answer
from sushi_env import Problem
from sushi_env.engine.actions import IllegalActionError, allowed, as_pairs

MIX_WEIGHT = 1 / 32
"""What the newest decision weighs in the observed mix of SubNets."""

SAME_S = 1e-12
"""Latencies that differ by less, in seconds, are the same: floating-point error."""

CacheRule = Callable[[Rule, Observations, NDArray[np.int64]], NDArray[np.int64]]
"""From a rule, observations and SubNets chosen to the SubGraphs to be cached next, shape (n,)."""


def shared_subgraph(table: SushiAbs) -> int:
    """The SubGraph of least mean latency over all SubNets; the first one on ties."""
    mean = table.latency_s.mean(axis=0)
    return int(np.flatnonzero(mean <= mean.min() + SAME_S)[0])


def favourite_subgraphs(table: SushiAbs) -> NDArray[np.int64]:
    """For each SubNet the SubGraph under which it is fastest, the first one on ties, shape (S,)."""
    least = table.latency_s.min(axis=1, keepdims=True)
    return (table.latency_s <= least + SAME_S).argmax(axis=1)


def _unless_as_good(
    rule: Rule, observations: Observations, subnets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The SubNets' favourite SubGraphs, or what is cached where that serves them as fast."""
    cached, latency = rule.cached(observations), rule.table.latency_s
    favourites = favourite_subgraphs(rule.table)[subnets]
    as_good = latency[subnets, cached] <= latency[subnets, favourites] + SAME_S
    return np.where(as_good, cached, favourites)


def cache_none(
    rule: Rule, observations: Observations, subnets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`cache-none`: nothing, ever."""
    return np.zeros(len(observations), dtype=np.int64)


def cache_shared(
    rule: Rule, observations: Observations, subnets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`cache-shared`: one SubGraph for good, that of least mean latency over all SubNets."""
    return np.full(len(observations), shared_subgraph(rule.table), dtype=np.int64)


def cache_last(
    rule: Rule, observations: Observations, subnets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`cache-last`: the SubGraph under which the SubNet just served is fastest (LRU of one)."""
    return _unless_as_good(rule, observations, subnets)


def cache_frequent(
    rule: Rule, observations: Observations, subnets: NDArray[np.int64]
) -> NDArray[np.int64]:
    """`cache-frequent`: that of the SubNet served most often of late (LFU of one).

    Of late means the observed running average, in which a decision weighs 1/32, this one
    included; on ties the first SubNet wins.
    """
    mix = rule.layout.part(observations, "subnet_mix") * np.float32(1 - MIX_WEIGHT)
    mix[np.arange(len(mix)), subnets] += np.float32(MIX_WEIGHT)
    return _unless_as_good(rule, observations, mix.argmax(axis=1))


CACHE_RULES: dict[str, CacheRule] = {
    "cache-none": cache_none,
    "cache-shared": cache_shared,
    "cache-last": cache_last,
    "cache-frequent": cache_frequent,
}


class Combined(Rule):
    """`<policy>+<cache rule>`: the SubNets of any policy, the SubGraphs of a cache rule.

    Args:
        problem: The compiled scenario.
        policy: Chooses the SubNets; its SubGraphs are ignored.
        cache: Chooses the SubGraphs.
    """

    def __init__(self, problem: Problem, policy: Policy, cache: CacheRule):
        super().__init__(problem)
        self.policy, self.cache = policy, cache

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        n = len(observations)
        found = self.policy.predict(observations, state=state, episode_start=starts)
        chosen, state = checked_answer(found, n)
        subnets = as_pairs(chosen, n, self.table, whole_floats=True)[:, 0]
        unlike = (subnets < 0) | (subnets >= self.table.num_subnets)
        if unlike.any():
            k = int(unlike.argmax())
            raise IllegalActionError(subnets[k], k, allowed(self.table))
        return np.stack([subnets, self.cache(self, observations, subnets)], axis=-1), state
