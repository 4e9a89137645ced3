"""A batch of environments: the kernel's arrays, and when to call it."""

import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

import sushi_env.kernel as kernel
from sushi_accel import InputError
from sushi_env.metrics import EpisodeMetrics, episode_metrics
from sushi_env.problem import Problem


class Engine:
    """A batch of n environments of one scenario, stepped together.

    Environment k's episodes are fixed by its seed and the number of the episode under that
    seed, whatever the batch size or the actions. The arrays below are overwritten by each
    call; copy what must last.

    Attributes:
        problem: The compiled scenario.
        num_envs: Number of environments n.
        state: Records of dtype `kernel.STATE`, shape (n,).
        observation: Latest observations, float32, shape (n, D).
        reward: Latest rewards, float32, shape (n,).
        truncated: Whether the episode is over, bool, shape (n,).
        outcome: Components and times of the latest step, float64, shape (n, OUTCOMES).
    """

    def __init__(self, problem: Problem, num_envs: int):
        if num_envs < 1:
            raise InputError(f"number of environments = {num_envs}, must be at least 1")
        n, S = num_envs, problem.table.num_subnets
        capacity = problem.scenario.queue_capacity
        self.problem = problem
        self.num_envs = n
        self.state = np.zeros(n, dtype=kernel.STATE)
        self.observation = np.zeros((n, problem.layout.size), dtype=np.float32)
        self.reward = np.zeros(n, dtype=np.float32)
        self.truncated = np.ones(n, dtype=np.bool_)  # until the first reset
        self.outcome = np.zeros((n, kernel.OUTCOMES))
        self._seeds = np.zeros(n, dtype=np.uint64)
        self._episodes = np.zeros(n, dtype=np.uint64)
        self._mix = np.zeros((n, S))
        self._queue_arrival = np.zeros((n, capacity))
        self._queue_class = np.zeros((n, capacity), dtype=np.int64)
        self._histogram = np.zeros((n, kernel.HISTOGRAM_BINS), dtype=np.int64)
        self._all = np.arange(n)

    def seed(self, seeds: NDArray[np.uint64]) -> None:
        """Sets every environment's seed; their next episodes are the first ones of it.

        Args:
            seeds: uint64, shape (n,).
        """
        self._seeds[:] = seeds
        self._episodes[:] = np.uint64(0xFFFFFFFFFFFFFFFF)  # the next reset wraps to 0

    def reset(self, which: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Starts the next episode in some environments, by default in all.

        Args:
            which: Indices of the environments, int64.

        Returns:
            The engine's observations, shape (n, D).
        """
        which = self._all if which is None else which
        self._episodes[which] += np.uint64(1)
        self.truncated[which] = False
        p = self.problem
        kernel.reset_rows(
            which,
            self._seeds,
            self._episodes,
            self.state,
            self._mix,
            self._queue_arrival,
            self._queue_class,
            self._histogram,
            p.parameters,
            p.pairs,
            p.classes,
            p.class_cdf,
            p.rows,
            self.observation,
        )
        return self.observation

    def step(self, actions: NDArray[np.int64]) -> None:
        """Serves one query in every environment and writes the engine's arrays.

        Args:
            actions: SubNet and next SubGraph per environment, int64, shape (n, 2).

        Raises:
            InputError: If the shape or type is wrong or an action is out of range; no
                environment has then been stepped.
            gymnasium.error.ResetNeeded: If the episode of an environment is over, or was
                never begun; no environment has then been stepped.
        """
        if actions.shape != (self.num_envs, 2) or actions.dtype != np.int64:
            raise InputError(
                f"actions of shape {actions.shape} and type {actions.dtype}, must be "
                f"({self.num_envs}, 2) and int64"
            )
        p = self.problem
        bad = kernel.step_rows(
            actions,
            self.state,
            self._mix,
            self._queue_arrival,
            self._queue_class,
            self._histogram,
            p.parameters,
            p.pairs,
            p.reloads,
            p.subnets,
            p.classes,
            p.class_cdf,
            p.rows,
            p.reward_weights,
            self.observation,
            self.reward,
            self.truncated,
            self.outcome,
        )
        if bad == kernel.STEPPED:
            return
        if bad < 0:
            raise ResetNeeded(f"environment {-2 - bad}: its episode is over, call reset first")
        S, G = p.table.num_subnets, p.table.num_subgraphs
        raise InputError(
            f"action {actions[bad].tolist()} of environment {bad}: must be a SubNet in "
            f"0..{S - 1} and a SubGraph in 0..{G - 1}"
        )

    def metrics(self, k: int) -> EpisodeMetrics:
        """Metrics of environment k's episode so far."""
        unit = float(self.problem.parameters["latency_unit"][0])
        return episode_metrics(self.state[k], self._histogram[k], unit)
