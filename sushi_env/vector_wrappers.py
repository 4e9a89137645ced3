"""The wrappers of `sushi_env.wrappers` for Gymnasium's vector environments."""

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorActionWrapper, VectorEnv, VectorObservationWrapper
from gymnasium.vector.utils import batch_space

from sushi_env.serve_vector_env import ServeVectorEnv
from sushi_env.wrappers import pair_masks, split_action


def _inner(env: VectorEnv) -> ServeVectorEnv:
    inner = env.unwrapped
    assert isinstance(inner, ServeVectorEnv), "wraps the vector environment of sushi/Serve-v1"
    return inner


class DictObservation(VectorObservationWrapper):
    """The named parts of the observations, as `Dict`; see `ObservationLayout`."""

    def __init__(self, env: VectorEnv):
        super().__init__(env)
        self._layout = _inner(env).layout
        self.single_observation_space = self._layout.dict_space
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    def observations(self, observations: np.ndarray) -> dict[str, np.ndarray]:
        """The parts of flat observations, shape (n, D)."""
        return self._layout.as_dict(observations)


class DiscreteActions(VectorActionWrapper):
    """`Discrete(S * G)`: action a is SubNet a // G with SubGraph a % G."""

    def __init__(self, env: VectorEnv):
        super().__init__(env)
        table = _inner(env).problem.table
        self._sizes = table.num_subnets, table.num_subgraphs
        self.single_action_space = spaces.Discrete(table.num_subnets * table.num_subgraphs)
        self.action_space = batch_space(self.single_action_space, env.num_envs)

    def actions(self, actions: np.ndarray) -> np.ndarray:
        """The pairs that actions stand for, int64, shape (n, 2)."""
        return split_action(actions, self._sizes[1])

    def action_masks(self) -> np.ndarray:
        """Which actions may be chosen, bool, shape (n, S * G)."""
        return pair_masks(_inner(self.env).action_masks(), self._sizes[0])
