"""Wrappers for what algorithms want that the environment's own spaces do not offer.

Each stands for one environment; `sushi_env.vector_wrappers` and `sushi_env.sb3_wrappers` have
the same for batches (`VectorReward` apart: batches of vector rewards are `sushi/MoServe-v1`, and
Stable-Baselines3 knows none). They go around any other wrapper, in any order, and ask the one
beneath for its action masks. To stack history use Gymnasium's `FrameStackObservation`.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from sushi_accel import InputError
from sushi_env.engine.actions import (
    IllegalActionError,
    as_numbers,
    decode,
    illegal_number,
    pair_masks,
)
from sushi_env.mo_serve import OBJECTIVES, objectives, reward_space
from sushi_env.serve_env import ServeEnv
from sushi_env.step_info import COMPONENT_KEYS


def _inner(env: gym.Env) -> ServeEnv:
    inner = env.unwrapped
    assert isinstance(inner, ServeEnv), "wraps sushi/Serve-v1"
    return inner


def pair_sizes(space: spaces.Space) -> tuple[int, int]:
    """Numbers of SubNets S and of SubGraphs G of a space of pairs.

    Raises:
        InputError: If it is another space.
    """
    if not isinstance(space, spaces.MultiDiscrete) or space.shape != (2,):
        raise InputError(f"DiscreteActions wraps pairs, MultiDiscrete([S, G]), not {space}")
    return int(space.nvec[0]), int(space.nvec[1])


class DictObservation(gym.ObservationWrapper, RecordConstructorArgs):
    """The named parts of the observation, as `Dict`; see `ObservationLayout`."""

    def __init__(self, env: gym.Env):
        RecordConstructorArgs.__init__(self)  # so that `env.spec` can make the wrapper again
        super().__init__(env)
        self._layout = _inner(env).layout
        self.observation_space = self._layout.dict_space

    def observation(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        """The parts of a flat observation."""
        return self._layout.as_dict(observation)


class DiscreteActions(gym.ActionWrapper, RecordConstructorArgs):
    """`Discrete(S * G)`: action a is SubNet a // G with SubGraph a % G."""

    def __init__(self, env: gym.Env):
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self._sizes = pair_sizes(env.action_space)
        self.action_space = spaces.Discrete(self._sizes[0] * self._sizes[1])

    def action(self, action: Any) -> np.ndarray:
        """The pair that an action stands for, int64, shape (2,)."""
        return decode(as_numbers(action, (), self._sizes[1]), self._sizes[1])

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's; an action that may not be chosen is named as it was given."""
        try:
            return super().step(action)
        except IllegalActionError as error:
            raise illegal_number(error, action, self._sizes[1]) from None

    def action_masks(self) -> np.ndarray:
        """Which actions may be chosen now, bool, shape (S * G,)."""
        return pair_masks(self.env.get_wrapper_attr("action_masks")(), self._sizes[0])


class VectorReward(gym.Wrapper, RecordConstructorArgs):
    """The reward's components as a vector, as MO-Gymnasium has it.

    Rewards are float32, in the order of `OBJECTIVES`. All are to be maximised: the
    costs (latency, late, below_floor, dropped, energy) are negative. `reward_space` bounds them.
    `sushi/MoServe-v1` has such rewards by itself.
    """

    def __init__(self, env: gym.Env):
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.reward_space = reward_space()
        # MO-Gymnasium's own wrappers look for both on the innermost environment.
        inner: Any = _inner(env)
        inner.reward_space, inner.reward_dim = self.reward_space, len(OBJECTIVES)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's, with the vector in place of the sum."""
        observation, _, terminated, truncated, info = self.env.step(action)
        vector: Any = objectives([info[key] for key in COMPONENT_KEYS])
        return observation, vector, terminated, truncated, info
