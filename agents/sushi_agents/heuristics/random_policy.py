"""The random baseline, reproducible on any batch size."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.policy import Actions, Observations, Rule
from sushi_env import Problem
from sushi_env.numerics.compiling import compiled
from sushi_env.numerics.streams import stream_key, uniform


@compiled()
def _draw(bits, starts, seed, keys, counters, choices, actions):
    """Draws one uniform action per row; a row's key is fixed by what its episode begins with."""
    for k in range(bits.shape[0]):
        if starts[k]:
            key = seed
            for word in bits[k]:
                key = stream_key(key, np.uint64(word), np.uint64(1))
            keys[k] = key
            counters[k] = np.uint64(0)
        for d in range(choices.shape[0]):
            actions[k, d] = int(uniform(keys[k], counters[k]) * choices[d])
            counters[k] += np.uint64(1)


class RandomPolicy(Rule):
    """`random`: every SubNet and every SubGraph equally likely at every decision.

    An episode's actions depend on its first observation and the seed alone, so they are the
    same however episodes are batched.

    Args:
        problem: The compiled scenario.
        seed: Seed of the draws.
    """

    def __init__(self, problem: Problem, seed: int = 0):
        super().__init__(problem)
        self.seed = np.uint64(seed)
        self._choices = np.array([self.table.num_subnets, self.table.num_subgraphs])

    def act(
        self, observations: Observations, state: Any, starts: NDArray[np.bool_]
    ) -> tuple[Actions, Any]:
        """See the class."""
        n = len(observations)
        if state is None:
            keys, counters = np.zeros(n, dtype=np.uint64), np.zeros(n, dtype=np.uint64)
        else:
            keys, counters = (part.copy() for part in state)
        actions = np.zeros((n, 2), dtype=np.int64)
        bits = np.ascontiguousarray(observations, dtype=np.float32).view(np.uint32)
        _draw(bits, starts, self.seed, keys, counters, self._choices, actions)
        return actions, (keys, counters)
