"""The wrappers of `sushi_env.wrappers` for Gymnasium's vector environments."""

from typing import Any

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space

from sushi_env.engine.actions import (
    IllegalActionError,
    as_numbers,
    decode,
    illegal_number,
    pair_masks,
)
from sushi_env.serve_vector_env import ServeVectorEnv
from sushi_env.wrappers import pair_sizes


def _inner(env: VectorEnv) -> ServeVectorEnv:
    inner = env.unwrapped
    assert isinstance(inner, ServeVectorEnv), "wraps the vector environment of sushi/Serve-v1"
    return inner


def masks_of(env: Any) -> np.ndarray:
    """Masks of the outermost of `env` and what it wraps that has any, bool, shape (n, ...)."""
    while not hasattr(env, "action_masks"):  # Gymnasium's vector wrappers hide what they wrap
        env = env.env
    return env.action_masks()


class DictObservation(VectorWrapper):
    """The named parts of the observations, as `Dict`; see `ObservationLayout`."""

    # Not Gymnasium's VectorObservationWrapper, which refuses the autoreset mode SameStep.

    def __init__(self, env: VectorEnv):
        super().__init__(env)
        self._layout = _inner(env).layout
        self.single_observation_space = self._layout.dict_space
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        """As the environment's, with the parts of its observations."""
        observations, infos = self.env.reset(seed=seed, options=options)
        return self._layout.as_dict(observations), infos

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the environment's, with the parts of its observations, final ones included."""
        observations, *rest, infos = self.env.step(actions)
        if "final_obs" in infos:
            final = infos["final_obs"]
            for k in np.flatnonzero(infos["_final_obs"]):
                final[k] = self._layout.as_dict(final[k])
        return self._layout.as_dict(observations), rest[0], rest[1], rest[2], infos

    def action_masks(self) -> np.ndarray:
        """As those beneath."""
        return masks_of(self.env)


class DiscreteActions(VectorWrapper):
    """`Discrete(S * G)`: action a is SubNet a // G with SubGraph a % G."""

    def __init__(self, env: VectorEnv):
        super().__init__(env)
        self._sizes = pair_sizes(env.single_action_space)
        self.single_action_space = spaces.Discrete(self._sizes[0] * self._sizes[1])
        self.action_space = batch_space(self.single_action_space, env.num_envs)

    def step(self, actions: Any) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
        """As the environment's; an action that may not be chosen is named as it was given."""
        numbers = as_numbers(actions, (self.num_envs,), self._sizes[1])
        try:
            return self.env.step(decode(numbers, self._sizes[1]))
        except IllegalActionError as error:
            raise illegal_number(error, numbers, self._sizes[1]) from None

    def action_masks(self) -> np.ndarray:
        """Which actions may be chosen now, bool, shape (n, S * G)."""
        return pair_masks(masks_of(self.env), self._sizes[0])
