"""A Stable-Baselines3 `VecEnv` over the engine's batch (extra `train`)."""

import copy
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

try:
    from stable_baselines3.common.monitor import Monitor
    from stable_baselines3.common.vec_env.base_vec_env import (
        VecEnv,
        VecEnvIndices,
        VecEnvWrapper,  # noqa: F401 (sb3_wrappers has it from here, with what to do if it is missing)
    )
except ModuleNotFoundError as error:
    raise ModuleNotFoundError(
        f"SushiVecEnv and its wrappers need {error.name!r}: pip install 'sushi-env[train]'",
        name=error.name,
    ) from None

from sushi_accel import InputError
from sushi_accel.defaults import DEFAULT_SCENARIO
from sushi_env.described import described
from sushi_env.engine.actions import action_space, as_pairs
from sushi_env.engine.engine import Engine
from sushi_env.engine.problem import compile_scenario
from sushi_env.rendering.renderer import RENDER_FPS, Renderer
from sushi_env.scenario.named import get_scenario
from sushi_env.scenario.scenario import Scenario
from sushi_env.serve_env import SEED_RANGE, as_seed
from sushi_env.step_info import metric_info


class SushiVecEnv(VecEnv):
    """n environments of one scenario, stepped by one call of the compiled engine.

    Environments reset in the step that ends an episode; that step's info then holds
    `terminal_observation`, `TimeLimit.truncated` (always true), `episode` as Monitor writes
    it, and `metric_utility` and the others of `EpisodeMetrics`. All other infos are empty.

    Environment k is seeded with `seed + k // sharing`, and its episodes are then those of
    `ServeEnv` with that seed, bit for bit.

    Args:
        scenario: A registered name, a path to a YAML file, a mapping, or a `Scenario`.
        num_envs: Number of environments n.
        sharing: How many environments face the same arrivals: the first so many, and so on.
        render_mode: None, or `rgb_array` (extra `render`), for `VecVideoRecorder`: each step
            then takes longer.

    Raises:
        InputError: If an argument is impossible.
    """

    def __init__(
        self,
        scenario: Scenario | str | Path | dict[str, Any] = DEFAULT_SCENARIO,
        num_envs: int = 1,
        sharing: int = 1,
        render_mode: str | None = None,
    ):
        if render_mode not in (None, "rgb_array"):
            raise InputError(f"render_mode = {render_mode!r}, must be None or rgb_array")
        self.problem = compile_scenario(get_scenario(scenario))
        self.layout = self.problem.layout
        self.render_mode = render_mode
        spec = copy.deepcopy(gym.spec("sushi/Serve-v1"))
        spec.kwargs = {"scenario": self.problem.scenario}
        self.spec = described(spec, self.problem.scenario)
        self._engine = Engine(self.problem, num_envs)
        self._renderers = (
            [Renderer(self._engine, render_mode, k) for k in range(num_envs)] if render_mode else []
        )
        self._seeded, self._sharing = False, sharing
        self._actions = np.zeros((num_envs, 2), dtype=np.int64)
        self._began = time.monotonic()
        super().__init__(num_envs, self.layout.space, action_space(self.problem.table))
        self.metadata: dict[str, Any] = {**self.metadata, "render_fps": RENDER_FPS}

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
        observations = self._engine.reset().copy()
        for renderer in self._renderers:
            renderer.begin()
        return observations

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Observations, rewards, dones and infos after `actions`, shape (n, 2)."""
        self.step_async(actions)
        return self.step_wait()

    def step_async(self, actions: np.ndarray) -> None:
        """Keeps the actions, integers or whole floats, shape (n, 2), for `step_wait`.

        Raises:
            InputError: If they are anything else.
        """
        self._actions = as_pairs(actions, self.num_envs, self.problem.table, whole_floats=True)

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Steps every environment and resets those whose episode is over.

        Raises:
            InputError: If an action may not be chosen.
            gymnasium.error.ResetNeeded: Before the first `reset`.
        """
        engine = self._engine
        engine.step(self._actions)
        for renderer, action in zip(self._renderers, self._actions.tolist(), strict=False):
            renderer.note(*action)
        dones = engine.truncated.copy()
        rewards = engine.reward.copy()
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if dones.any():
            over = np.flatnonzero(dones)
            for k in over:
                infos[k] = self._final_info(int(k))
            engine.reset(over)
            if self._renderers:
                for k in over.tolist():
                    self._renderers[k].begin()
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
            **metric_info(metrics),
        }

    def action_masks(self) -> np.ndarray:
        """Which SubNets and SubGraphs may be chosen now, bool, shape (n, S + G)."""
        return self._engine.action_masks()

    def get_images(self) -> Sequence[np.ndarray | None]:
        """A picture of each environment as in `ServeEnv`, uint8, shape (632, 640, 3)."""
        return [renderer.pixels() for renderer in self._renderers]

    def close(self) -> None:
        """Nothing to release."""

    def get_wrapper_attr(self, name: str) -> Any:
        """The attribute, as Gymnasium's environments give it."""
        return getattr(self, name)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute once per environment; they share one object.

        `action_masks` and `render` are functions of each environment.
        """
        own: dict[str, Callable[[int], Any]] = {
            "action_masks": lambda k: self.action_masks()[k],
            "render": lambda k: self._renderers[k].pixels() if self._renderers else None,
        }
        chosen = self._get_indices(indices)
        if attr_name in own:
            return [partial(own[attr_name], k) for k in chosen]
        return [getattr(self, attr_name) for _ in chosen]

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
        if method_name == "action_masks":  # all at once
            masks = self.action_masks()
            return [masks[k] for k in self._get_indices(indices)]
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
