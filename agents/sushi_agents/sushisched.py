"""SushiSched, the paper's scheduler, in its two policies."""

from abc import abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.policy import Actions, Observations, Rule
from sushi_agents.subnet_rules import least_latency_above_floor, most_accurate_in_time
from sushi_env import InputError, Problem


class SushiSched(Rule):
    """SushiSched (SUSHI, MLSys 2023): a SubNet per query, a SubGraph every Q queries.

    The SubNet is chosen from L[:, g] under the cached SubGraph g by the query's constraint. The
    vectors [K1, C1, ..., KN, CN] of the SubNets served since the last cache decision are
    averaged (AvgNet); every Q-th decision of an episode the SubGraph whose own vector is
    nearest to AvgNet, in Euclidean distance, is cached next. On ties the first one wins.

    The paper leaves Q and the averaging window open. Here Q is a parameter and the window is
    the Q decisions since the last one. Under queueing, the latency constraint is the slack
    that is left, which equals the SLO for a query that has not waited.

    Args:
        problem: The compiled scenario.
        period: Q, decisions from one cache decision to the next.

    Raises:
        InputError: If `period` is below 1.
    """

    def __init__(self, problem: Problem, period: int = 8):
        super().__init__(problem)
        if period < 1:
            raise InputError(f"SushiSched: period = {period}, must be at least 1")
        self.period = period

    @abstractmethod
    def choose_subnets(
        self, observations: Observations, latency_s: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """SubNets for the queries at the head, shape (n,), given L[:, g], shape (n, S)."""

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        vectors = self.table.subnet_vectors
        if state is None:
            sums, counts = np.zeros((len(observations), vectors.shape[1])), np.zeros(len(starts))
        else:
            sums, counts = (part.copy() for part in state)
        sums[starts], counts[starts] = 0.0, 0.0
        subgraphs = self.cached(observations)
        subnets = self.choose_subnets(observations, self.table.latency_s.T[subgraphs])
        sums += vectors[subnets]
        counts += 1
        due = np.flatnonzero(counts >= self.period)
        if len(due):
            average_net = sums[due] / self.period
            apart = average_net[:, None] - self.table.subgraph_vectors[None]
            subgraphs[due] = (apart**2).sum(axis=-1).argmin(axis=1)
            sums[due], counts[due] = 0.0, 0.0
        return np.stack([subnets, subgraphs], axis=-1), (sums, counts)


class SushiSchedAccuracy(SushiSched):
    """`sushisched-accuracy`: the fastest SubNet that reaches the accuracy floor."""

    def choose_subnets(
        self, observations: Observations, latency_s: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """See the class."""
        return least_latency_above_floor(latency_s, self.table.top1, self.head_floor(observations))


class SushiSchedLatency(SushiSched):
    """`sushisched-latency`: the most accurate SubNet that meets the latency constraint."""

    def choose_subnets(
        self, observations: Observations, latency_s: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """See the class."""
        slack = self.head_slack_s(observations)
        return most_accurate_in_time(latency_s, self.table.top1, slack)
