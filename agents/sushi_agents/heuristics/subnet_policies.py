"""The base of policies that choose SubNets and leave the cache to a cache rule."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.heuristics.cache_rules import CACHE_RULES
from sushi_agents.heuristics.subnet_rules import least_above_floor, most_accurate_in_time
from sushi_agents.policy import Actions, Observations, Rule
from sushi_env import Problem


class SubNetRule(Rule):
    """Chooses a SubNet for the query at the head; what is cached is a cache rule's business.

    Schedulers made for servers without a Persistent Buffer say nothing of a cache. By default
    they keep the one shared SubGraph for good, like `state-unaware`.

    Args:
        problem: The compiled scenario.
        cache: Name of the cache rule.
    """

    def __init__(self, problem: Problem, cache: str = "cache-shared"):
        super().__init__(problem)
        self._cache = CACHE_RULES[cache]

    @abstractmethod
    def choose(self, observations: Observations) -> NDArray[np.int64]:
        """SubNets, shape (n,), for observations of shape (n, D)."""

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        subnets = self.choose(observations)
        return np.stack([subnets, self._cache(self, observations, subnets)], axis=-1), None


class StrictAccuracy(SubNetRule):
    """The fastest SubNet that reaches the query's floor; if none does, the most accurate."""

    def choose(self, observations: Observations) -> NDArray[np.int64]:
        """See the class."""
        floor = self.head_floor(observations)
        return least_above_floor(self.latency_s(observations), self.table.top1, floor)


class NoSushi(StrictAccuracy):
    """`no-sushi`: no Persistent Buffer; the paper's strict-accuracy rule on uncached latencies.

    SUSHI (MLSys 2023), the baseline without SubGraph Stationary and without SushiSched's cache:
    the fastest SubNet that reaches the query's floor, nothing ever cached.
    """

    def __init__(self, problem: Problem):
        super().__init__(problem, "cache-none")


class StateUnaware(StrictAccuracy):
    """`state-unaware`: SushiAccel without SushiSched, the paper's second baseline.

    SUSHI (MLSys 2023), "state-unaware caching": a fixed SubGraph, here that of least mean latency
    over all SubNets, is loaded once and never changed. SubNets as in `no-sushi`.
    """

    def __init__(self, problem: Problem):
        super().__init__(problem, "cache-shared")


class CacheLast(StrictAccuracy):
    """`cache-last`: SubNets as in `no-sushi`; caches for the SubNet just served."""

    def __init__(self, problem: Problem):
        super().__init__(problem, "cache-last")


class CacheFrequent(StrictAccuracy):
    """`cache-frequent`: SubNets as in `no-sushi`; caches for the SubNet most served of late."""

    def __init__(self, problem: Problem):
        super().__init__(problem, "cache-frequent")


class MaxAccuracy(SubNetRule):
    """`max-accuracy`: the most accurate SubNet that meets the head's deadline, else the fastest.

    The policy MaxAcc that SuperServe (NSDI 2025) compares SlackFit with, at one query a batch.
    The same SubNets as `sushisched-latency`, without its cache.
    """

    def choose(self, observations: Observations) -> NDArray[np.int64]:
        """See the class."""
        slack = self.head_slack_s(observations)
        return most_accurate_in_time(self.latency_s(observations), self.table.top1, slack)


class MinLatency(SubNetRule):
    """`min-latency`: the fastest SubNet for everybody.

    What SuperServe's MaxBatch (NSDI 2025), throughput before accuracy, comes to at one query a
    batch; the far end of accuracy scaling.
    """

    def choose(self, observations: Observations) -> NDArray[np.int64]:
        """See the class."""
        return self.latency_s(observations).argmin(axis=1)


class Infaas(SubNetRule):
    """`infaas`: the least cost that meets the query's requirements.

    INFaaS (USENIX ATC 2021) picks, per query, the model variant of least cost that meets the
    accuracy and the latency asked for. Cost here is the energy of the inference under the
    cached SubGraph. Among the SubNets at or above the floor that are done within the slack, the
    cheapest; if none is, the cheapest at or above the floor; if none is, the most accurate.
    """

    def choose(self, observations: Observations) -> NDArray[np.int64]:
        """See the class."""
        floor = self.head_floor(observations)
        cost = self.table.energy_j.T[self.cached(observations)]
        in_time = self.latency_s(observations) <= self.head_slack_s(observations)[:, None]
        both = in_time & (self.table.top1 >= floor[:, None])
        cheapest = np.where(both, cost, np.inf).argmin(axis=1)
        anyway = least_above_floor(cost, self.table.top1, floor)
        return np.where(both.any(axis=1), cheapest, anyway)
