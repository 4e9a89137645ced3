"""Environments of several scenarios in one batch (extra `train`)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env.base_vec_env import VecEnv, VecEnvIndices

from sushi_agents.learning.centred_env import CentredVecEnv
from sushi_agents.network.table_context import context_of
from sushi_env import InputError, Problem


class MixtureVecEnv(VecEnv):
    """A `CentredVecEnv` per scenario, side by side.

    Observations, (n, D + C), end with their scenario's context; see `QueueNetwork`. Rewards are
    counted from the average query's of their scenario, so that no scenario is loud because it
    is easy.

    Args:
        problems: The compiled scenarios, all with the same spaces.
        num_envs: Number of environments n, a multiple of the number of scenarios.

        sharing: As `SushiVecEnv`'s, within each scenario.

    Raises:
        InputError: If it is not.
    """

    def __init__(self, problems: Sequence[Problem], num_envs: int, sharing: int = 1):
        if num_envs % len(problems):
            raise InputError(
                f"n_envs = {num_envs}, must be a multiple of the {len(problems)} scenarios"
            )
        each = num_envs // len(problems)
        self.parts = [CentredVecEnv(problem.scenario, each, sharing) for problem in problems]
        self.render_mode = None
        rows = np.stack([context_of(problem) for problem in problems])
        self._context = np.repeat(rows, each, axis=0)
        flat = problems[0].layout.space
        bound = np.full(rows.shape[1], np.inf, dtype=np.float32)
        super().__init__(
            num_envs,
            spaces.Box(
                np.concatenate([flat.low, np.zeros_like(bound)]),
                np.concatenate([flat.high, bound]),
                dtype=np.float32,
            ),
            self.parts[0].action_space,
        )
        self._actions = np.zeros((num_envs, 2), dtype=np.int64)

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seeds the environments of each scenario with `seed` and the number of the first one."""
        given = super().seed(seed)
        for i, part in enumerate(self.parts):
            part.seed(given[i * part.num_envs])
        return given

    def reset(self) -> np.ndarray:
        """Starts the next episode in every environment."""
        self.reset_infos = [{} for _ in range(self.num_envs)]
        self._reset_seeds()
        self._reset_options()
        return self._seen([part.reset() for part in self.parts])

    def step_async(self, actions: np.ndarray) -> None:
        """Keeps the actions, shape (n, 2), for `step_wait`."""
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        """Steps every environment and resets those whose episode is over."""
        chosen = np.split(self._actions, len(self.parts))
        stepped = [part.step(act) for part, act in zip(self.parts, chosen, strict=True)]
        observations, rewards, dones, infos = zip(*stepped, strict=True)
        told = [info for part in infos for info in part]
        for k, info in enumerate(told):
            if "terminal_observation" in info:
                info["terminal_observation"] = np.concatenate(
                    [info["terminal_observation"], self._context[k]]
                )
        return self._seen(observations), np.concatenate(rewards), np.concatenate(dones), told

    def _seen(self, observations: Sequence[Any]) -> np.ndarray:
        return np.concatenate([np.concatenate(observations), self._context], axis=1)

    def close(self) -> None:
        """Nothing to release."""

    def _of_each(self, indices: VecEnvIndices) -> list[tuple[CentredVecEnv, int]]:
        chosen = range(self.num_envs) if indices is None else np.atleast_1d(indices)  # type: ignore[arg-type]
        each = self.parts[0].num_envs
        return [(self.parts[int(k) // each], int(k) % each) for k in chosen]

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """The attribute once per environment."""
        if attr_name == "render_mode":
            return [None for _ in self._of_each(indices)]
        return [part.get_attr(attr_name, k)[0] for part, k in self._of_each(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: VecEnvIndices = None) -> None:
        """Sets an attribute of all environments; they cannot differ."""
        for part in self.parts:
            part.set_attr(attr_name, value, indices)

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
        """As `SushiVecEnv`'s."""
        return [part.env_is_wrapped(wrapper_class, k)[0] for part, k in self._of_each(indices)]
