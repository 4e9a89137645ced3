"""`QueueNetwork` as a policy of Stable-Baselines3's actor-critic algorithms (extra `train`)."""

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from sushi_agents.network.network import QueueNetwork
from sushi_agents.network.planning import Planner


def planner_of(network: dict[str, Any]) -> Planner:
    """The planner of a network, from what the network is built from."""
    names = ("num_subnets", "num_subgraphs", "levels", "context")
    return Planner(**{name: network[name] for name in names})


class PlanExtractor(BaseFeaturesExtractor):
    """What a `QueueNetwork` sees of observations.

    It depends on no parameter, so `PlannedBuffer` stores it; rows that are of its width already
    pass through.

    Args:
        observation_space: Of the environments.
        network: What the network is built from; see `network_spec`.
    """

    def __init__(self, observation_space: spaces.Space, network: dict[str, Any]):
        planner = planner_of(network)
        super().__init__(observation_space, planner.layout.size)
        self.planner = planner

    def forward(self, observations: torch.Tensor) -> torch.Tensor:
        """Shape (n, D) or (n, D + C) to (n, features_dim)."""
        if observations.shape[1] == self.features_dim:
            return observations
        seen: np.ndarray = observations.detach().cpu().numpy()
        return torch.as_tensor(self.planner(seen), device=observations.device)


class QueuePolicy(ActorCriticPolicy):
    """An actor-critic whose actor and critic are a `QueueNetwork`.

    Args:
        arguments: As `ActorCriticPolicy`'s.
        network: What the network is built from; see `network_spec`.
        options: As `ActorCriticPolicy`'s.
    """

    def __init__(self, *arguments: Any, network: dict[str, Any], **options: Any):
        self._network = network
        options["ortho_init"] = False  # the network initialises itself
        options["features_extractor_class"] = PlanExtractor
        options["features_extractor_kwargs"] = {"network": network}
        super().__init__(*arguments, **options)

    def _build_mlp_extractor(self) -> None:
        self.mlp_extractor = QueueNetwork(**self._network)  # type: ignore[assignment]

    def _build(self, lr_schedule: Schedule) -> None:
        super()._build(lr_schedule)
        self.action_net = nn.Identity()  # the network's scores are the logits
        self.optimizer = self.optimizer_class(
            self.parameters(),
            lr=lr_schedule(1),  # type: ignore[call-arg]
            **self.optimizer_kwargs,
        )

    def forward(
        self, obs: torch.Tensor, deterministic: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Actions, values and log-probabilities; as `ActorCriticPolicy`'s, in a fifth of the calls.

        Args:
            obs: Observations, shape (n, D), or what the network sees of them.
            deterministic: Whether to take the likeliest actions.
        """
        logits, latent = self.mlp_extractor(self.extract_features(obs))
        scores = self._log_probabilities(logits)
        # The largest of logits less the logarithms of exponential variates is a sample.
        chosen = (
            scores
            if deterministic
            else [s - torch.empty_like(s).exponential_().log() for s in scores]
        )
        actions = torch.stack([c.argmax(dim=1) for c in chosen], dim=1)
        return actions, self.value_net(latent), _taken(scores, actions)

    def evaluate_actions(
        self, obs: torch.Tensor, actions: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Values, log-probabilities and entropies; as `ActorCriticPolicy`'s."""
        logits, latent = self.mlp_extractor(self.extract_features(obs))
        scores = self._log_probabilities(logits)
        entropy = -torch.stack([(s.exp() * s).sum(dim=1) for s in scores]).sum(dim=0)
        return self.value_net(latent), _taken(scores, actions.long()), entropy

    def _log_probabilities(self, logits: torch.Tensor) -> list[torch.Tensor]:
        """Of every SubNet and every SubGraph."""
        sizes = self.action_space.nvec.tolist()  # type: ignore[attr-defined]
        return [torch.log_softmax(part, dim=1) for part in logits.split(sizes, dim=1)]

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"network": self._network}


def _taken(scores: list[torch.Tensor], actions: torch.Tensor) -> torch.Tensor:
    """Log-probability of pairs: shapes (n, S) and (n, G), and (n, 2) to (n,)."""
    each = [s.gather(1, actions[:, k : k + 1]) for k, s in enumerate(scores)]
    return torch.cat(each, dim=1).sum(dim=1)
