"""The wrappers of `sushi_env.wrappers` for `SushiVecEnv` (extra `train`)."""

from functools import partial
from typing import Any

import numpy as np
from gymnasium import spaces

from sushi_env.engine.actions import (
    IllegalActionError,
    as_numbers,
    decode,
    illegal_number,
    pair_masks,
)
from sushi_env.sb3_vec_env import SushiVecEnv, VecEnv, VecEnvIndices, VecEnvWrapper
from sushi_env.wrappers import pair_sizes


def masks_of(env: VecEnv) -> np.ndarray:
    """Masks of the outermost of `env` and what it wraps that gives any, bool, shape (n, ...).

    A wrapper gives them as a method `action_masks` of its own, or as an answer to `env_method`.
    """
    while isinstance(env, VecEnvWrapper):
        if hasattr(type(env), "action_masks"):
            return env.action_masks()
        if type(env).env_method is not VecEnvWrapper.env_method:
            break
        env = env.venv
    return np.stack(env.env_method("action_masks"))


class _Masked(VecEnvWrapper):
    """A wrapper whose `action_masks` is what MaskablePPO finds, whatever lies beneath."""

    def action_masks(self) -> np.ndarray:
        """As those beneath, bool, shape (n, ...)."""
        return masks_of(self.venv)

    def get_attr(self, attr_name: str, indices: VecEnvIndices = None) -> list[Any]:
        """As the environment's; masks are those of this action space."""
        if attr_name == "action_masks":
            return [partial(lambda k: self.action_masks()[k], k) for k in self._chosen(indices)]
        return self.venv.get_attr(attr_name, indices)

    def env_method(
        self,
        method_name: str,
        *method_args: Any,
        indices: VecEnvIndices = None,
        **method_kwargs: Any,
    ) -> list[Any]:
        """As the environment's; masks are those of this action space."""
        if method_name == "action_masks":
            masks = self.action_masks()
            return [masks[k] for k in self._chosen(indices)]
        return self.venv.env_method(method_name, *method_args, indices=indices, **method_kwargs)

    def _chosen(self, indices: VecEnvIndices) -> list[int]:
        return np.arange(self.num_envs)[slice(None) if indices is None else indices].flat  # type: ignore[index]


class DictObservation(_Masked):
    """The named parts of the observations, as `Dict`, for SB3's `MultiInputPolicy`."""

    def __init__(self, venv: VecEnv):
        inner = venv.unwrapped
        assert isinstance(inner, SushiVecEnv), "wraps SushiVecEnv"
        self._layout = inner.layout
        super().__init__(venv, observation_space=self._layout.dict_space)

    def reset(self) -> dict[str, np.ndarray]:  # type: ignore[override]
        """The parts of the first observations."""
        return self._layout.as_dict(np.asarray(self.venv.reset()))

    def step_wait(self) -> Any:
        """As the environment's, with the parts of its observations."""
        observations, rewards, dones, infos = self.venv.step_wait()
        for k in np.flatnonzero(dones):
            final = infos[k]["terminal_observation"]
            infos[k]["terminal_observation"] = self._layout.as_dict(final)
        return self._layout.as_dict(np.asarray(observations)), rewards, dones, infos


class DiscreteActions(_Masked):
    """`Discrete(S * G)`, for DQN and its kin: action a is SubNet a // G with SubGraph a % G."""

    def __init__(self, venv: VecEnv):
        self._sizes = pair_sizes(venv.action_space)
        self._numbers = np.zeros(venv.num_envs, dtype=np.int64)
        super().__init__(venv, action_space=spaces.Discrete(self._sizes[0] * self._sizes[1]))

    def reset(self) -> Any:
        """As the environment's."""
        return self.venv.reset()

    def step_async(self, actions: np.ndarray) -> None:
        """Passes on the pairs that actions, integers of shape (n,), stand for."""
        self._numbers = as_numbers(actions, (self.num_envs,), self._sizes[1])
        self.venv.step_async(decode(self._numbers, self._sizes[1]))

    def step_wait(self) -> Any:
        """As the environment's; an action that may not be chosen is named as it was given."""
        try:
            return self.venv.step_wait()
        except IllegalActionError as error:
            raise illegal_number(error, self._numbers, self._sizes[1]) from None

    def action_masks(self) -> np.ndarray:
        """Which actions may be chosen now, bool, shape (n, S * G)."""
        return pair_masks(super().action_masks(), self._sizes[0])
