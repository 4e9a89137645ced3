"""The baseline that serves everybody alike."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.heuristics.cache_rules import favourite_subgraphs
from sushi_agents.policy import Actions, Observations, Rule
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
        self.action = np.array([i, favourite_subgraphs(self.table)[i]], dtype=np.int64)

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        return np.tile(self.action, (len(observations), 1)), None
