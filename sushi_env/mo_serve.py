"""`sushi/MoServe-v1`: the reward's components as a vector, as MO-Gymnasium has it."""

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from sushi_env.rewards import COMPONENTS, REWARD_COMPONENTS
from sushi_env.serve_env import ServeEnv
from sushi_env.serve_vector_env import ServeVectorEnv

OBJECTIVES = COMPONENTS
"""Objectives of the vector reward, in order; see `objectives`."""

_SIGNS = np.array([component.sign for component in REWARD_COMPONENTS], dtype=np.float32)


def reward_space() -> spaces.Box:
    """Bounds of a vector reward, float32, shape (7,)."""
    most = _SIGNS * np.array([component.highest for component in REWARD_COMPONENTS], np.float32)
    return spaces.Box(np.minimum(most, 0), np.maximum(most, 0), dtype=np.float32)


def objectives(components: Any) -> NDArray[np.float32]:
    """Components as rewards that are all to be maximised, float32, shape (..., 7).

    The costs (latency, late, below_floor, dropped, energy) become negative.
    """
    return _SIGNS * np.asarray(components, dtype=np.float32) + np.float32(0)  # no -0.0


class MoServeEnv(ServeEnv):
    """`ServeEnv` with a vector reward, float32, shape (7,), in the order of `OBJECTIVES`.

    `gymnasium.make("sushi/MoServe-v1")` and `mo_gymnasium.make` of that name make it.
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.reward_space, self.reward_dim = reward_space(), len(OBJECTIVES)

    def _earned(self) -> NDArray[np.float32]:
        return objectives(self._figures[: len(OBJECTIVES)])


class MoServeVectorEnv(ServeVectorEnv):
    """`ServeVectorEnv` with vector rewards, float32, shape (n, 7); see `MoServeEnv`.

    `gymnasium.make_vec("sushi/MoServe-v1", num_envs=n)` makes it.
    """

    def __init__(self, *arguments: Any, **options: Any):
        super().__init__(*arguments, **options)
        self.reward_space, self.reward_dim = reward_space(), len(OBJECTIVES)

    def _earned(self) -> NDArray[np.float32]:
        return objectives(self._engine.figures[:, : len(OBJECTIVES)])
