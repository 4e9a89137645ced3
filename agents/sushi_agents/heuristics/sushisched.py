"""SushiSched, the paper's scheduler, in its two policies."""

from abc import abstractmethod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sushi_agents.heuristics.subnet_rules import least_above_floor, most_accurate_in_time
from sushi_agents.policy import Actions, Observations, Rule
from sushi_env import InputError, Problem
from sushi_env.numerics.compiling import compiled

DISTANCES = ("euclidean", "manhattan")
AVERAGES = ("window", "cumulative")
INFEASIBLE = ("fastest", "most-accurate")


@compiled()
def _average_and_cache(vectors, graphs, subnets, starts, period, cumulative, manhattan, state, j):
    """Adds each row's SubNet to its AvgNet, and every `period` decisions picks its SubGraph.

    Plain loops, so that a row's sums do not depend on the batch.
    """
    sums, counts = state
    V = vectors.shape[1]
    for n in range(len(subnets)):
        if starts[n]:
            sums[n] = 0.0
            counts[n] = 0
        counts[n] += 1
        for v in range(V):
            sums[n, v] += vectors[subnets[n], v]
        if counts[n] % period:
            continue
        over = counts[n] if cumulative else period
        nearest = np.inf
        for g in range(len(graphs)):
            distance = 0.0
            for v in range(V):
                apart = sums[n, v] / over - graphs[g, v]
                distance += abs(apart) if manhattan else apart * apart
            if distance < nearest:
                nearest = distance
                j[n] = g
        if not cumulative:
            sums[n] = 0.0


class SushiSched(Rule):
    """SushiSched (SUSHI, MLSys 2023): a SubNet per query, a SubGraph every Q queries.

    The SubNet is chosen from L[:, g] under the cached SubGraph g by the query's constraint. The
    vectors [K1, C1, ..., KN, CN] of the SubNets served are averaged (AvgNet); every Q-th
    decision of an episode the SubGraph whose own vector is nearest to AvgNet is cached next. On
    ties the first one wins.

    The paper leaves Q, the distance, what is averaged, and the case that no SubNet is feasible
    open; here they are parameters. Under queueing, the latency constraint is the slack that is
    left, which equals the SLO for a query that has not waited.

    Args:
        problem: The compiled scenario.
        period: Q, decisions from one cache decision to the next.
        distance: `euclidean` or `manhattan`.
        average: `window`: over the Q decisions since the last cache decision; `cumulative`:
            over all decisions of the episode.

    Raises:
        InputError: If a parameter has no such value.
    """

    def __init__(
        self,
        problem: Problem,
        period: int = 8,
        distance: Literal["euclidean", "manhattan"] = "euclidean",
        average: Literal["window", "cumulative"] = "window",
    ):
        super().__init__(problem)
        if period < 1:
            raise InputError(f"SushiSched: period = {period}, must be at least 1")
        for key, value, known in (
            ("distance", distance, DISTANCES),
            ("average", average, AVERAGES),
        ):
            if value not in known:
                raise InputError(f"SushiSched: {key} = {value!r}, known: {', '.join(known)}")
        self.period = period
        self._manhattan = distance == "manhattan"
        self._cumulative = average == "cumulative"

    @abstractmethod
    def choose_subnets(
        self, observations: Observations, latency_s: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """SubNets for the queries at the head, shape (n,), given L[:, g], shape (n, S)."""

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        n, vectors = len(observations), self.table.subnet_vectors
        if state is None:
            state = np.zeros((n, vectors.shape[1])), np.zeros(n, dtype=np.int64)
        else:
            state = tuple(part.copy() for part in state)
        subgraphs = self.cached(observations)
        subnets = self.choose_subnets(observations, self._latency_s[subgraphs])
        _average_and_cache(
            vectors, self.table.subgraph_vectors, subnets, starts, self.period,
            self._cumulative, self._manhattan, state, subgraphs,
        )  # fmt: skip
        return np.stack([subnets, subgraphs], axis=-1), state


class SushiSchedAccuracy(SushiSched):
    """`sushisched-accuracy`: the fastest SubNet that reaches the accuracy floor.

    A floor above every SubNet is observed as that of the most accurate one, which then serves.
    """

    def choose_subnets(
        self, observations: Observations, latency_s: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """See the class."""
        return least_above_floor(latency_s, self.table.top1, self.head_floor(observations))


class SushiSchedLatency(SushiSched):
    """`sushisched-latency`: the most accurate SubNet that meets the latency constraint.

    Args:
        problem: The compiled scenario.
        infeasible: What serves a query that no SubNet can serve in time: the `fastest`, or the
            `most-accurate`, since it is late anyway.
        options: Parameters of `SushiSched`.

    Raises:
        InputError: If a parameter has no such value.
    """

    def __init__(
        self,
        problem: Problem,
        infeasible: Literal["fastest", "most-accurate"] = "fastest",
        **options: Any,
    ):
        super().__init__(problem, **options)
        if infeasible not in INFEASIBLE:
            raise InputError(
                f"SushiSched: infeasible = {infeasible!r}, known: {', '.join(INFEASIBLE)}"
            )
        self.infeasible = infeasible

    def choose_subnets(
        self, observations: Observations, latency_s: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """See the class."""
        slack, top1 = self.head_slack_s(observations), self.table.top1
        chosen = most_accurate_in_time(latency_s, top1, slack)
        if self.infeasible == "fastest":
            return chosen
        return np.where(latency_s.min(axis=1) <= slack, chosen, top1.argmax())
