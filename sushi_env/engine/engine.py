"""A batch of environments: the kernel's arrays, and when to call it."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Literal

import numpy as np
from gymnasium.error import ResetNeeded
from numpy.typing import NDArray

import sushi_env.engine.kernel as kernel
from sushi_accel import InputError
from sushi_env.engine.actions import IllegalActionError, allowed, sizes, write_masks
from sushi_env.engine.memory import Memory
from sushi_env.engine.metrics import EpisodeMetrics, episode_metrics
from sushi_env.engine.problem import Problem
from sushi_env.engine.records import FIGURES

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
        figures: Its fields `records.FIGURES`, float64, shape (n, len(FIGURES)); a view.
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
        self._begun = np.zeros(num_envs, dtype=np.bool_)
        self._all_begun = False
        self._attach()

    def _attach(self) -> None:
        arrays = self._memory.arrays
        floats = arrays.outcome.view(np.float64).reshape(self.num_envs, -1)
        self.state = arrays.state
        self.observation = arrays.observation
        self.reward = arrays.reward
        self.truncated = arrays.truncated
        self.outcome = arrays.outcome
        self.figures = floats[:, : len(FIGURES)]
        self._pool: ThreadPoolExecutor | None = None
        self._pool_of = 0

    def __getstate__(self) -> dict:
        mine = ("_seeds", "_episodes", "_begun", "_all_begun")
        kept = ("problem", "num_envs", "threads", "_memory", *mine)
        return {name: getattr(self, name) for name in kept}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        self._attach()

    def _over_rows(self, call: Callable[[int, int], int | None]) -> int:
        """Makes `call` on ranges of environments, one per thread; the sum of the results."""
        if self.threads == 1:
            return call(0, self.num_envs) or 0
        if self._pool is None or self._pool_of != os.getpid():
            # A forked child has the pool, but none of its threads.
            self._pool, self._pool_of = ThreadPoolExecutor(self.threads), os.getpid()
        pool = self._pool
        ends = [self.num_envs * part // self.threads for part in range(self.threads + 1)]
        others = [pool.submit(call, *ends[n : n + 2]) for n in range(1, self.threads)]
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
        self._begun[which] = True
        self._all_begun = bool(self._begun.all())
        kernel.reset_rows(self._memory.addresses, which, self._seeds, self._episodes)
        return self.observation

    def step(self, actions: NDArray[np.int64], reset_over: bool = False) -> None:
        """Serves one query in every environment and writes the engine's arrays.

        Args:
            actions: SubNet and next SubGraph per environment, int64, shape (n, 2).
            reset_over: Whether an environment whose episode is over starts the next one
                instead, with reward 0 and its action ignored.

        Raises:
            InputError: As `check`; no environment has then been stepped.
            gymnasium.error.ResetNeeded: As `check`.
        """
        self.check(actions, reset_over)
        memory, seeds, episodes = self._memory.addresses, self._seeds, self._episodes
        self._over_rows(
            lambda first, last: kernel.step_rows(memory, actions, seeds, episodes, first, last)
        )

    def check(self, actions: NDArray[np.int64], reset_over: bool = False) -> None:
        """Refuses what `step` with the same arguments could not do.

        Args:
            actions: SubNet and next SubGraph per environment, int64, shape (n, 2).
            reset_over: As in `step`.

        Raises:
            InputError: If the shape or type is wrong; `IllegalActionError` if an action may not be
                chosen now.
            gymnasium.error.ResetNeeded: If an environment was never reset, or if its episode is
                over and `reset_over` is false.
        """
        if actions.shape != (self.num_envs, 2) or actions.dtype != np.int64:
            raise InputError(
                f"actions of shape {actions.shape} and type {actions.dtype}, must be "
                f"({self.num_envs}, 2) and int64"
            )
        if not self._all_begun:
            self._refuse(int(self._begun.argmin()), kernel.OVER, [])
        when_over = kernel.RESET if reset_over else kernel.REFUSE
        found: tuple[int, int] = kernel.first_bad_row(self._memory.addresses, actions, when_over)
        bad, why = found
        if why != kernel.STEPPED:
            self._refuse(bad, why, actions[bad].tolist())

    def action_masks(self) -> NDArray[np.bool_]:
        """Which SubNets and SubGraphs may be chosen now, bool, shape (n, S + G)."""
        masks = np.empty((self.num_envs, sum(sizes(self.problem.table))), dtype=np.bool_)
        write_masks(self._memory.addresses, masks)
        return masks

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
            InputError: If the policy is unknown; `IllegalActionError` if an environment may not
                choose the SubNet or SubGraph of `static`.
            gymnasium.error.ResetNeeded: If an environment was never reset.
        """
        if policy not in _RULES:
            raise InputError(f"rollout policy {policy!r}, must be one of {', '.join(_RULES)}")
        self.check(np.tile(np.array([subnet, subgraph]), (self.num_envs, 1)), reset_over=True)
        memory, seeds, rule = self._memory.addresses, self._seeds, _RULES[policy]
        return self._over_rows(
            lambda first, last: kernel.rollout_rows(
                memory, rule, subnet, subgraph, seeds, steps, first, last
            )
        )

    def _refuse(self, k: int, why: int, action: list[int]) -> None:
        if why == kernel.OVER:
            what = "its episode is over" if self._begun[k] else "no episode was begun"
            raise ResetNeeded(f"environment {k}: {what}, call reset first")
        raise IllegalActionError(action, k, allowed(self.problem.table))

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
