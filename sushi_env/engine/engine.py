"""A batch of environments: the kernel's arrays, and when to call it."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

import sushi_env.engine.kernel as kernel
from sushi_accel import InputError
from sushi_env.engine.memory import Memory
from sushi_env.engine.metrics import EpisodeMetrics, episode_metrics
from sushi_env.engine.problem import Problem

ROWS_PER_THREAD = 2048
"""Environments below which a second thread costs more than it saves."""

RolloutPolicy = Literal["static", "random", "fastest-above-floor", "most-accurate-in-time"]
_RULES: dict[str, int] = {
    "static": kernel.STATIC,
    "random": kernel.RANDOM,
    "fastest-above-floor": kernel.FASTEST_ABOVE_FLOOR,
    "most-accurate-in-time": kernel.MOST_ACCURATE_IN_TIME,
}


class Engine:
    """A batch of n environments of one scenario, stepped together.

    Environment k's episodes are fixed by its seed and the number of the episode under that
    seed, whatever the batch size, the number of threads, or the actions. The arrays below are
    overwritten by each call; copy what must last.

    Args:
        problem: The compiled scenario.
        num_envs: Number of environments n.
        threads: Threads to step them with; each is given at least `ROWS_PER_THREAD`.

    Raises:
        InputError: If `num_envs` or `threads` is below 1.

    Attributes:
        problem: The compiled scenario.
        num_envs: Number of environments n.
        threads: Number of threads in use.
        state: Records of dtype `records.STATE`, shape (n,).
        observation: Latest observations, float32, shape (n, D).
        reward: Latest rewards, float32, shape (n,).
        truncated: Whether the episode is over, bool, shape (n,).
        outcome: What the latest step did, records of dtype `records.OUTCOME`, shape (n,).
    """

    def __init__(self, problem: Problem, num_envs: int, threads: int = 1):
        for name, value in (("environments", num_envs), ("threads", threads)):
            if value < 1:
                raise InputError(f"number of {name} = {value}, must be at least 1")
        self.problem = problem
        self.num_envs = num_envs
        self.threads = min(threads, max(num_envs // ROWS_PER_THREAD, 1))
        self._memory = Memory(problem, num_envs)
        self._seeds = np.zeros(num_envs, dtype=np.uint64)
        self._episodes = np.zeros(num_envs, dtype=np.uint64)
        self._attach()

    def _attach(self) -> None:
        arrays = self._memory.arrays
        self.state = arrays.state
        self.observation = arrays.observation
        self.reward = arrays.reward
        self.truncated = arrays.truncated
        self.outcome = arrays.outcome
        self._pool = ThreadPoolExecutor(self.threads) if self.threads > 1 else None

    def __getstate__(self) -> dict:
        kept = ("problem", "num_envs", "threads", "_memory", "_seeds", "_episodes")
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._attach()

    def _over_rows(self, call: Callable[[int, int], int | None]) -> int:
        """Makes `call` on ranges of environments, one per thread; the sum of the results."""
        if self._pool is None:
            return call(0, self.num_envs) or 0
        ends = [self.num_envs * part // self.threads for part in range(self.threads + 1)]
        others = [self._pool.submit(call, *ends[n : n + 2]) for n in range(1, self.threads)]
        own = call(*ends[:2]) or 0
        return own + sum(other.result() or 0 for other in others)

    def seed(
        self, seeds: NDArray[np.uint64], which: NDArray[np.int64] | slice = slice(None)
    ) -> None:
        """Sets environments' seeds; their next episodes are the first ones of them.

        Args:
            seeds: A seed for every environment, uint64, shape (n,).
            which: Indices of those that are set, by default all.
        """
        self._seeds[which] = seeds[which]
        self._episodes[which] = np.uint64(0xFFFFFFFFFFFFFFFF)  # the next reset wraps to 0

    def reset(self, which: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """Starts the next episode in some environments, by default in all.

        Args:
            which: Indices of the environments, int64.

        Returns:
            The engine's observations, shape (n, D).
        """
        which = np.arange(self.num_envs) if which is None else which
        self._episodes[which] += np.uint64(1)
        kernel.reset_rows(self._memory.addresses, which, self._seeds, self._episodes)
        return self.observation

    def step(self, actions: NDArray[np.int64], reset_over: bool = False) -> None:
        """Serves one query in every environment and writes the engine's arrays.

        Args:
            actions: SubNet and next SubGraph per environment, int64, shape (n, 2).
            reset_over: Whether an environment whose episode is over starts the next one
                instead, with reward 0 and its action ignored.

        Raises:
            InputError: If the shape or type is wrong or an action is out of range; no
                environment has then been stepped.
            gymnasium.error.ResetNeeded: If the episode of an environment is over, or was
                never begun, and `reset_over` is false; no environment has then been stepped.
        """
        if actions.shape != (self.num_envs, 2) or actions.dtype != np.int64:
            raise InputError(
                f"actions of shape {actions.shape} and type {actions.dtype}, must be "
                f"({self.num_envs}, 2) and int64"
            )
        memory = self._memory.addresses
        when_over = kernel.RESET if reset_over else kernel.REFUSE
        found: tuple[int, int] = kernel.first_bad_row(memory, actions, when_over)
        bad, why = found
        if why != kernel.STEPPED:
            self._refuse(bad, why, actions[bad].tolist())
        seeds, episodes = self._seeds, self._episodes
        self._over_rows(
            lambda first, last: kernel.step_rows(memory, actions, seeds, episodes, first, last)
        )

    def step_one(self, subnet: int, subgraph: int) -> None:
        """`step` for a batch of one, with less ado.

        Args:
            subnet: SubNet that serves.
            subgraph: SubGraph to cache next.

        Raises:
            InputError: As `step`.
            gymnasium.error.ResetNeeded: As `step`.
        """
        why = kernel.step_one(self._memory.addresses, subnet, subgraph)
        if why != kernel.STEPPED:
            self._refuse(0, why, [subnet, subgraph])

    def rollout(self, policy: RolloutPolicy, steps: int, subnet: int = 0, subgraph: int = 0) -> int:
        """Steps a built-in policy in every environment without returning to Python.

        An environment stops where its episode ends; `metrics` then tells how it went.

        Args:
            policy: `static` (`subnet` and `subgraph`, always), `random` (drawn from the
                environment's seed), `fastest-above-floor` or `most-accurate-in-time` (for the
                query at the head, under the cached SubGraph, which they keep).
            steps: Largest number of decisions in each environment.
            subnet: SubNet of `static`.
            subgraph: SubGraph of `static`.

        Returns:
            Number of decisions taken, over all environments.

        Raises:
            InputError: If the policy is unknown or its SubNet or SubGraph out of range.
        """
        if policy not in _RULES:
            raise InputError(f"rollout policy {policy!r}, must be one of {', '.join(_RULES)}")
        S, G = self.problem.table.num_subnets, self.problem.table.num_subgraphs
        if not (0 <= subnet < S and 0 <= subgraph < G):
            self._refuse(0, kernel.OUT_OF_RANGE, [subnet, subgraph])
        memory, seeds, rule = self._memory.addresses, self._seeds, _RULES[policy]
        return self._over_rows(
            lambda first, last: kernel.rollout_rows(
                memory, rule, subnet, subgraph, seeds, steps, first, last
            )
        )

    def _refuse(self, k: int, why: int, action: list[int]) -> None:
        if why == kernel.OVER:
            raise ResetNeeded(f"environment {k}: its episode is over, call reset first")
        S, G = self.problem.table.num_subnets, self.problem.table.num_subgraphs
        raise InputError(
            f"action {action} of environment {k}: must be a SubNet in 0..{S - 1} and a "
            f"SubGraph in 0..{G - 1}"
        )

    def waiting(self, k: int) -> NDArray[np.void]:
        """Queries waiting in environment k, head first: a copy, of dtype `records.QUERY`."""
        queue, state = self._memory.arrays.queue[k], self.state[k]
        slots = int(state["head"]) + np.arange(int(state["waiting"]))
        return queue[slots & (len(queue) - 1)]

    def metrics(self, k: int) -> EpisodeMetrics:
        """Metrics of environment k's episode so far."""
        unit = float(self.problem.parameters["latency_unit"][0])
        histogram = self._memory.arrays.histogram[k].copy()
        histogram[self.state[k]["latency_bin"]] += 1
        return episode_metrics(self.state[k], histogram[:-1], unit)
