"""Advantages without the luck of arrivals (extra `train`)."""

import numpy as np
import torch
from stable_baselines3.common.buffers import RolloutBuffer


class SharedArrivalsBuffer(RolloutBuffer):
    """A rollout buffer for environments of which several face the same arrivals.

    Most of the variance of an advantage is that of the arrivals after the action, which no action
    changes. So what the other environments with the same arrivals got at the same step is a
    baseline that takes this variance off and adds no bias: it depends on the arrivals and on
    others' actions alone. Mao, Venkatakrishnan, Schwarzkopf, Alizadeh, Variance reduction for
    reinforcement learning in input-driven environments, ICLR 2019. Returns, which the critic
    learns from, stay as they are.

    Args:
        arguments: As `RolloutBuffer`'s.
        sharing: How many environments share arrivals, at least 2: the first so many, the next
            so many, and so on. The number of environments must be a multiple of it.
        options: As `RolloutBuffer`'s.
    """

    def __init__(self, *arguments, sharing: int, **options):
        self.sharing = sharing
        super().__init__(*arguments, **options)

    def compute_returns_and_advantage(self, last_values: torch.Tensor, dones: np.ndarray) -> None:
        """As `RolloutBuffer`, then less the mean advantage of the others that share arrivals."""
        super().compute_returns_and_advantage(last_values, dones)
        own = self.advantages.reshape(self.buffer_size, -1, self.sharing)
        others = (own.sum(axis=-1, keepdims=True) - own) / (self.sharing - 1)
        self.advantages = (own - others).reshape(self.buffer_size, self.n_envs)
