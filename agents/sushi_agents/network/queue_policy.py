"""`QueueNetwork` as a policy of Stable-Baselines3's actor-critic algorithms (extra `train`)."""

from typing import Any

from stable_baselines3.common.policies import ActorCriticPolicy
from stable_baselines3.common.type_aliases import Schedule
from torch import nn

from sushi_agents.network.network import QueueNetwork


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

    def _get_constructor_parameters(self) -> dict[str, Any]:
        return super()._get_constructor_parameters() | {"network": self._network}
