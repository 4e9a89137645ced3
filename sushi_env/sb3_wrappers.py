"""The wrappers of `sushi_env.wrappers` for `SushiVecEnv` (extra `train`)."""

from typing import Any

import numpy as np
from gymnasium import spaces
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from sushi_env.sb3_vec_env import SushiVecEnv
from sushi_env.wrappers import pair_masks, split_action


def _inner(env: VecEnv) -> SushiVecEnv:
    inner = env.unwrapped
    assert isinstance(inner, SushiVecEnv), "wraps SushiVecEnv"
    return inner


class DictObservation(VecEnvWrapper):
    """The named parts of the observations, as `Dict`, for SB3's `MultiInputPolicy`."""

    def __init__(self, venv: VecEnv):
        self._layout = _inner(venv).layout
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


class DiscreteActions(VecEnvWrapper):
    """`Discrete(S * G)`, for DQN and its kin: action a is SubNet a // G with SubGraph a % G."""

    def __init__(self, venv: VecEnv):
        table = _inner(venv).problem.table
        self._sizes = table.num_subnets, table.num_subgraphs
        super().__init__(
            venv, action_space=spaces.Discrete(table.num_subnets * table.num_subgraphs)
        )

    def reset(self) -> Any:
        """As the environment's."""
        return self.venv.reset()

    def step_async(self, actions: np.ndarray) -> None:
        """Passes on the pairs that actions, shape (n,), stand for."""
        self.venv.step_async(split_action(actions, self._sizes[1]))

    def step_wait(self) -> Any:
        """As the environment's."""
        return self.venv.step_wait()

    def action_masks(self) -> np.ndarray:
        """Which actions may be chosen, bool, shape (n, S * G)."""
        return pair_masks(_inner(self.venv).action_masks(), self._sizes[0])

    def env_method(
        self, method_name: str, *method_args: Any, indices: Any = None, **method_kwargs: Any
    ) -> list[Any]:
        """As the environment's; masks are those of this action space."""
        if method_name == "action_masks":
            chosen = range(self.num_envs) if indices is None else np.atleast_1d(indices)
            return [self.action_masks()[k] for k in chosen]
        return self.venv.env_method(method_name, *method_args, indices=indices, **method_kwargs)
