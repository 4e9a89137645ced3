"""Wrappers for what algorithms want that the environment's own spaces do not offer.

Each stands for one environment; `sushi_env.vector_wrappers` and `sushi_env.sb3_wrappers` have
the same for batches. To stack history use Gymnasium's `FrameStackObservation`.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs

from sushi_env.rewards import COMPONENTS, REWARD_COMPONENTS
from sushi_env.serve_env import ServeEnv


def _inner(env: gym.Env) -> ServeEnv:
    inner = env.unwrapped
    assert isinstance(inner, ServeEnv), "wraps sushi/Serve-v1"
    return inner


def split_action(action: np.ndarray, num_subgraphs: int) -> np.ndarray:
    """Actions a of `Discrete(S * G)` as pairs (a // G, a % G); shape (...) to (..., 2)."""
    return np.stack(np.divmod(np.asarray(action), num_subgraphs), axis=-1)


def pair_masks(masks: np.ndarray, num_subnets: int) -> np.ndarray:
    """Masks of SubNets and SubGraphs, shape (..., S + G), as masks of pairs, (..., S * G)."""
    pairs = masks[..., :num_subnets, None] & masks[..., None, num_subnets:]
    return pairs.reshape(*masks.shape[:-1], -1)


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
        table = _inner(env).problem.table
        self._sizes = table.num_subnets, table.num_subgraphs
        self.action_space = spaces.Discrete(table.num_subnets * table.num_subgraphs)

    def action(self, action: Any) -> np.ndarray:
        """The pair that an action stands for, int64, shape (2,)."""
        return split_action(action, self._sizes[1])

    def action_masks(self) -> np.ndarray:
        """Which actions may be chosen, bool, shape (S * G,)."""
        return pair_masks(_inner(self.env).action_masks(), self._sizes[0])


OBJECTIVES = COMPONENTS
"""Objectives of the vector reward, in order; see `VectorReward`."""

_SIGNS = np.array([component.sign for component in REWARD_COMPONENTS], dtype=np.float32)


class VectorReward(gym.Wrapper, RecordConstructorArgs):
    """The reward's components as a vector, as MO-Gymnasium has it.

    Rewards are float32, in the order of `OBJECTIVES`. All are to be maximised: the
    costs (latency, late, below_floor, dropped, energy) are negative. `reward_space` bounds them.
    `gymnasium.make("sushi/MoServe-v1")` and `mo_gymnasium.make` of that name have it around them.
    """

    def __init__(self, env: gym.Env):
        RecordConstructorArgs.__init__(self)
        super().__init__(env)
        highest = _SIGNS * np.array([c.highest for c in REWARD_COMPONENTS], dtype=np.float32)
        low, high = np.minimum(highest, 0), np.maximum(highest, 0)
        self.reward_space = spaces.Box(low, high, dtype=np.float32)
        # MO-Gymnasium's own wrappers look for both on the innermost environment.
        inner: Any = _inner(env)
        inner.reward_space, inner.reward_dim = self.reward_space, len(OBJECTIVES)

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """As the environment's, with the vector in place of the sum."""
        observation, _, terminated, truncated, info = self.env.step(action)
        components = np.array(list(info["components"].values()), dtype=np.float32)
        return observation, _SIGNS * components, terminated, truncated, info
