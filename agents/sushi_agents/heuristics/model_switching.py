"""Model-Switching: a SubNet by the load that is measured."""

import numpy as np
from numpy.typing import NDArray

from sushi_agents.heuristics.cache_rules import shared_subgraph
from sushi_agents.heuristics.subnet_policies import SubNetRule
from sushi_agents.policy import Observations
from sushi_env import Problem

LOADS = np.geomspace(0.01, 4.0, 64)
QUERIES = 4096
WARM_UP = 256


def effective_accuracy(
    problem: Problem, loads: NDArray[np.float64], count_floors: bool
) -> NDArray[np.float64]:
    """Share of queries answered in time times top-1, for one SubNet serving everybody.

    Waiting times follow Lindley's recursion over Poisson arrivals of a fixed seed, under the
    shared SubGraph; SLO classes come in the mean of the scenario's regimes.

    Args:
        problem: The compiled scenario.
        loads: Offered loads, shape (K,).
        count_floors: Whether an answer below its floor counts as none.

    Returns:
        Effective accuracy, percent, shape (K, S).
    """
    table, scenario = problem.table, problem.scenario
    service = table.latency_s[:, shared_subgraph(table)]
    unit = np.random.Generator(np.random.PCG64(0)).exponential(1.0, QUERIES)
    gaps = unit[:, None] * (table.latency_s[:, 0].min() / loads)  # (Q, K)
    waiting = np.zeros((len(loads), table.num_subnets))
    response = np.zeros((QUERIES, *waiting.shape))
    for q in range(QUERIES):
        response[q] = waiting + service
        waiting = np.maximum(response[q] - gaps[q][:, None], 0.0)
    weights = np.array(scenario.regimes)
    share = (weights / weights.sum(axis=1, keepdims=True)).mean(axis=0)
    total = np.zeros_like(waiting)
    for c, (slo, floor) in enumerate(problem.classes[:, :2]):
        in_time = (response[WARM_UP:] <= slo).mean(axis=0)
        answered = in_time * (table.top1 >= floor) if count_floors else in_time
        total += share[c] * answered
    return total * table.top1


class ModelSwitching(SubNetRule):
    """`model-switching`: the SubNet that a table gives for the measured load.

    Model-Switching (Zhang et al., HotCloud 2020): offline, each model's effective accuracy (top-1
    times the share of queries answered within their deadline) is profiled at each load; online,
    the load is measured and the model with the highest one serves everybody. The profile is
    `effective_accuracy`; the load is the observed running average, rounded up to the table.

    Args:
        problem: The compiled scenario.
        count_floors: Whether an answer below its accuracy floor counts as none. The paper has
            no floors; without them the smallest SubNet wins almost always.
    """

    def __init__(self, problem: Problem, count_floors: bool = True):
        super().__init__(problem)
        self._best = effective_accuracy(problem, LOADS, count_floors).argmax(axis=1)

    def choose(self, observations: Observations) -> NDArray[np.int64]:
        """See the class."""
        rows = np.searchsorted(LOADS, self.offered_load(observations))
        return self._best[np.minimum(rows, len(LOADS) - 1)]
