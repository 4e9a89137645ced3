"""Baselines that cache nothing, or one thing for good."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.policy import Actions, Observations, Rule
from sushi_agents.subnet_rules import least_latency_above_floor
from sushi_env import InputError, Problem


class StaticSubNet(Rule):
    """`static-<SubNet>`: always the same SubNet, and the SubGraph under which it is fastest.

    What a server without a weight-shared network does, with SushiAccel's cache on top.

    Args:
        problem: The compiled scenario.
        subnet: Name of the SubNet.

    Raises:
        InputError: If there is no such SubNet.
    """

    def __init__(self, problem: Problem, subnet: str):
        super().__init__(problem)
        if subnet not in self.table.subnet_names:
            known = ", ".join(self.table.subnet_names)
            raise InputError(f"unknown SubNet {subnet!r}; known: {known}")
        i = self.table.subnet_names.index(subnet)
        self.action = np.array([i, self.table.latency_s[i].argmin()], dtype=np.int64)

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        return np.tile(self.action, (len(observations), 1)), None


class NoSushi(Rule):
    """`no-sushi`: no Persistent Buffer; the paper's strict-accuracy rule on uncached latencies.

    SUSHI (MLSys 2023), the baseline without SubGraph Stationary and without SushiSched's cache:
    the fastest SubNet that reaches the query's floor, nothing ever cached.
    """

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        uncached = np.broadcast_to(
            self.table.latency_s[:, 0], (len(observations), self.table.num_subnets)
        )
        subnets = least_latency_above_floor(
            uncached, self.table.top1, self.head_floor(observations)
        )
        return np.stack([subnets, np.zeros_like(subnets)], axis=-1), None
