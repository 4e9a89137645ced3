"""A Stable-Baselines3 `VecEnv` over the engine's batch (extra `train`)."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env.base_vec_env import (
    VecEnv,
    VecEnvIndices,
)

from sushi_accel.defaults import DEFAULT_SCENARIO
from sushi_env.engine.engine import Engine
from sushi_env.engine.problem import compile_scenario
from sushi_env.scenario.named import get_scenario
from sushi_env.scenario.scenario import Scenario
from sushi_env.serve_env import SEED_RANGE, as_seed


class SushiVecEnv(VecEnv):
    """n environments of one scenario, stepped by one call of the compiled engine.

    Environments reset in the step that ends an episode; that step's info then holds
    `terminal_observation`, `TimeLimit.truncated` (always true), `episode` as Monitor writes
    it, and `metrics`, a dict of `EpisodeMetrics`. All other infos are empty.

    Environment k is seeded with `seed + k // sharing`, and its episodes are then those of
    `ServeEnv` with that seed, bit for bit.

    Args:
        scenario: A registered name, a path to a YAML file, a mapping, or a `Scenario`.
        num_envs: Number of environments n.
        sharing: How many environments face the same arrivals: the first so many, and so on.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path | dict[str, Any] = DEFAULT_SCENARIO,
        num_envs: int = 1,
        sharing: int = 1,
    ):
        self.problem = compile_scenario(get_scenario(scenario))
        self.layout = self.problem.layout
        self.render_mode = None
        table = self.problem.table
        self._engine = Engine(self.problem, num_envs)
        self._seeded, self._sharing = False, sharing
        self._actions = np.zeros((num_envs, 2), dtype=np.int64)
        self._began = time.monotonic()
        self._masks = np.ones(table.num_subnets + table.num_subgraphs, dtype=np.bool_)
        super().__init__(
            num_envs,
            self.layout.space,
            spaces.MultiDiscrete([table.num_subnets, table.num_subgraphs]),
        )

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds environment k with `seed + k // sharing` at the next reset."""
        first = super().seed(seed)[0]
        assert first is not None
        self._seeds = [first + k // self._sharing for k in range(self.num_envs)]
        return self._seeds

    def reset(self) -> np.ndarray:
        """Starts the next episode in every environment; seeds given by `seed` count once."""
        given = [seed for seed in self._seeds if seed is not None]
        if len(given) == self.num_envs:
            self._engine.seed(np.array([as_seed(seed) for seed in given]))
        elif not self._seeded:
            entropy = np.random.default_rng()
            drawn = entropy.integers(SEED_RANGE, size=self.num_envs, dtype=np.uint64)
            self._engine.seed(drawn[np.arange(self.num_envs) // self._sharing])
        self._seeded = True
        self._reset_seeds()
        self._reset_options()
        self.reset_infos = [{} for _ in range(self.num_envs)]
        return self._engine.reset().copy()

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Observations, rewards, dones and infos after `actions`, shape (n, 2)."""
        self.step_async(actions)
        return self.step_wait()

    def step_async(self, actions: np.ndarray) -> None:
        """Keeps the actions, shape (n, 2), for `step_wait`."""
        self._actions = np.ascontiguousarray(actions, dtype=np.int64)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Steps every environment and resets those whose episode is over."""
        engine = self._engine
        engine.step(self._actions)
        dones = engine.truncated.copy()
        rewards = engine.reward.copy()
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            over = np.flatnonzero(dones)
            for k in over:
                infos[k] = self._final_info(int(k))
            engine.reset(over)
        return engine.observation.copy(), rewards, dones, infos

    def _final_info(self, k: int) -> dict[str, Any]:
        metrics = self._engine.metrics(k)
        return {
            "terminal_observation": self._engine.observation[k].copy(),
            "TimeLimit.truncated": True,
            "episode": {
                "r": metrics.reward,
                "l": int(self._engine.state[k]["served"]),
                "t": round(time.monotonic() - self._began, 6),
            },
            "metrics": vars(metrics).copy(),
        }

    def action_masks(self) -> np.ndarray:
        """Which SubNets and SubGraphs may be chosen, bool, shape (n, S + G): all of them."""
        return np.tile(self._masks, (self.num_envs, 1))

    def close(self) -> None:
        """Nothing to release."""

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute once per environment; they share one object."""
        if attr_name == "action_masks":
            return [lambda: self._masks.copy() for _ in self._get_indices(indices)]
        return [getattr(self, attr_name) for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Sets an attribute of all environments; they cannot differ."""
        if len(list(self._get_indices(indices))) != self.num_envs:
            raise ValueError("the environments of a batch share their attributes: set all or none")
        setattr(self, attr_name, value)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """Calls a method for each of the environments `indices`."""
        methods = self.get_attr(method_name, indices)
        return [method(*method_args, **method_kwargs) for method in methods]

    def env_is_wrapped(self, wrapper_class: type, indices: VecEnvIndices = None) -> list[bool]:
        """True for `Monitor`, whose `episode` infos these environments write themselves."""
        return [issubclass(wrapper_class, Monitor) for _ in self._get_indices(indices)]

    def _get_indices(self, indices: VecEnvIndices) -> Iterable[int]:
        if indices is None:
            return range(self.num_envs)
        chosen: Sequence[int] | Iterable[int] = [indices] if isinstance(indices, int) else indices
        return list(chosen)
