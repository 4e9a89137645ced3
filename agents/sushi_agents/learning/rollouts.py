"""What is kept of a rollout, for batches of hundreds of environments (extra `train`)."""

from collections.abc import Generator
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer
from stable_baselines3.common.type_aliases import RolloutBufferSamples

from sushi_agents.network.queue_policy import planner_of


class ServingBuffer(RolloutBuffer):
    """A rollout buffer that stores what networks see, and takes luck off advantages.

    What a `QueueNetwork` sees of an observation depends on no parameter: it is computed when the
    observation comes in, not in every minibatch of every epoch.

    Where several environments face the same arrivals, most of the variance of an advantage is
    that of the arrivals after the action, which no action changes. So what the other environments
    with the same arrivals got at the same step is a baseline that takes this variance off and adds
    no bias: it depends on the arrivals and on others' actions alone. Mao, Venkatakrishnan,
    Schwarzkopf, Alizadeh, Variance reduction for reinforcement learning in input-driven
    environments, ICLR 2019. Returns, which the critic learns from, stay as they are.

    Args:
        arguments: As `RolloutBuffer`'s.
        sharing: How many environments share arrivals: the first so many, the next so many, and so
            on. The number of environments must be a multiple of it; 1: none do.
        network: What the network is built from, see `network_spec`; None: another network, which
            sees observations as they are.
        options: As `RolloutBuffer`'s.
    """

    def __init__(
        self,
        *arguments: Any,
        sharing: int = 1,
        network: dict[str, Any] | None = None,
        **options: Any,
    ):
        self.sharing = sharing
        self.planner = None if network is None else planner_of(network)
        super().__init__(*arguments, **options)

    def reset(self) -> None:
        """Empties the buffer."""
        if self.planner is None:
            super().reset()
            return
        shape, self.obs_shape = self.obs_shape, (0,)  # allocated here, once, in their own width
        super().reset()
        self.obs_shape = shape
        size = (self.buffer_size, self.n_envs, self.planner.layout.size)
        kept = getattr(self, "_kept", None)
        self._kept = np.empty(size, dtype=np.float32) if kept is None else kept
        self.observations = self._kept

    def add(self, obs: np.ndarray, *arguments: Any, **options: Any) -> None:
        """As `RolloutBuffer`'s."""
        super().add(obs if self.planner is None else self.planner(obs), *arguments, **options)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: np.ndarray) -> None:
        """As `RolloutBuffer`'s, then less the mean advantage of the others that share arrivals."""
        super().compute_returns_and_advantage(last_values, dones)
        if self.sharing > 1:
            own = self.advantages.reshape(self.buffer_size, -1, self.sharing)
            others = (own.sum(axis=-1, keepdims=True) - own) / (self.sharing - 1)
            self.advantages = (own - others).reshape(self.buffer_size, self.n_envs)

    def get(self, batch_size: int | None = None) -> Generator[RolloutBufferSamples, None, None]:
        """Minibatches of a random order, as `RolloutBuffer`'s, gathered by PyTorch."""
        count = self.buffer_size * self.n_envs
        if not self.generator_ready:
            kept = (
                self.observations,
                self.actions.astype(np.float32),
                self.values,
                self.log_probs,
                self.advantages,
                self.returns,
            )
            self._tensors = [self.to_torch(array, copy=False) for array in kept]
            self._tensors = [
                tensor.reshape(count, -1) if k < 2 else tensor.reshape(count)
                for k, tensor in enumerate(self._tensors)
            ]
            self.generator_ready = True
        order = torch.randperm(count).to(self.device)
        for rows in order.split(batch_size or count):
            yield RolloutBufferSamples(*(tensor[rows] for tensor in self._tensors))
