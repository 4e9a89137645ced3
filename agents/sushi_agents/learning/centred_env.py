"""Environments for training where queries are dropped (extra `train`)."""

import numpy as np

from sushi_env import Scenario
from sushi_env.sb3_vec_env import SushiVecEnv

MEMORY = 0.999
"""What the average keeps of itself from one step of the batch to the next."""


class CentredVecEnv(SushiVecEnv):
    """`SushiVecEnv` whose reward is counted from the average query's.

    An episode is a number of queries, but discounting goes by decisions, and a dropped query
    takes none: whoever discounts is led to spend time on the head of the queue at the cost of
    queries that will be dropped unseen. Taking the average reward per query, c, off for each query
    that a step resolves changes the sum over an episode by the same c x queries for every policy,
    and lets a dropped query cost what it is worth. Metrics stay as they are.

    Args:
        scenario: The scenario.
        num_envs: Number of environments n.
        sharing: As `SushiVecEnv`'s.
    """

    def __init__(self, scenario: Scenario, num_envs: int, sharing: int = 1):
        super().__init__(scenario, num_envs, sharing)
        self._earned = self._resolved = 0.0

    def step_wait(self):
        """As `SushiVecEnv`, with centred rewards."""
        before = self._count()
        observations, rewards, dones, infos = super().step_wait()
        resolved = np.where(dones, self.problem.scenario.queries, self._count()) - before
        self._earned = MEMORY * self._earned + float(rewards.sum(dtype=np.float64))
        self._resolved = MEMORY * self._resolved + float(resolved.sum())
        centred = rewards - self._earned / self._resolved * resolved
        return observations, centred.astype(rewards.dtype), dones, infos

    def _count(self) -> np.ndarray:
        """Queries resolved in the running episodes, shape (n,)."""
        state = self._engine.state
        return (state["served"] + state["dropped"]).astype(np.float64)
