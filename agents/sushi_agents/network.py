"""The network of learned schedulers (extra `train`)."""

from typing import Any

import torch
from torch import nn

from sushi_env import Problem
from sushi_env.layout import OBSERVED_QUERIES, QUERY_FEATURES

SHARP = 8.0
"""How much finer the second view of the head's spare time is than the first."""
FUTURE_FEATURES = 5
HEAD_FEATURES = 5


class QueueNetwork(nn.Module):
    """Scores each SubNet by what serving the head with it does to all who wait.

    What a SubNet earns at once, and how much time it leaves each waiting query, follow from the
    observation without any learning: those are features, one row per SubNet, and one small
    network scores all rows. What remains to be learned is what the time left is worth. SubGraphs
    are scored, and states valued, from the whole observation.

    Behind the head, query m's time left is its slack, less the SubNet's latency, less m fastest
    services; all in units of half the largest SubNet's latency, clipped to [-1, 1].

    Args:
        num_subnets: S.
        num_subgraphs: G.
        slo_per_latency: The table's largest latency over the scenario's largest SLO.
        fastest: The table's smallest latency over its largest.
        levels: Normalised top-1 of each SubNet, (top1 - lowest) / (highest - lowest).
        hidden: Width of the layers that score.
        critic: Width of the layers that value.
    """

    def __init__(
        self,
        num_subnets: int,
        num_subgraphs: int,
        slo_per_latency: float,
        fastest: float,
        levels: list[float],
        hidden: int = 64,
        critic: int = 128,
    ):
        super().__init__()
        S, G, M = num_subnets, num_subgraphs, OBSERVED_QUERIES
        self.spec: dict[str, Any] = {
            "num_subnets": S,
            "num_subgraphs": G,
            "slo_per_latency": slo_per_latency,
            "fastest": fastest,
            "levels": list(levels),
            "hidden": hidden,
            "critic": critic,
        }
        queue = M * len(QUERY_FEATURES)
        self.latency = slice(G, G + S)
        self.queue = slice(2 * G + S, 2 * G + S + queue)
        size = 2 * G + 2 * S + queue + 3
        self.slo_per_latency = slo_per_latency
        levels_now = torch.tensor(levels, dtype=torch.float32)
        waits = torch.arange(M - 1, dtype=torch.float32) * slo_per_latency * fastest
        self.register_buffer("levels", levels_now, persistent=False)
        self.register_buffer("waits", waits, persistent=False)
        row = HEAD_FEATURES + (M - 1) * FUTURE_FEATURES
        self.of_subnet = nn.Linear(row, hidden)
        self.of_state = nn.Linear(size, hidden)
        self.score = nn.Sequential(
            nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )
        self.cache = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, G))
        seen = size + S * (HEAD_FEATURES + M - 1)
        self.value = nn.Sequential(
            nn.Linear(seen, critic), nn.Tanh(), nn.Linear(critic, critic), nn.Tanh()
        )
        for layer in (self.score[-1], self.cache[-1]):  # a first policy that is near uniform
            assert isinstance(layer, nn.Linear)
            nn.init.orthogonal_(layer.weight, 0.01)
            nn.init.zeros_(layer.bias)
        self.latent_dim_pi = S + G
        self.latent_dim_vf = critic

    def _features(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the head, shape (n, S, HEAD_FEATURES), and of the others, (n, S, M - 1, 5)."""
        levels: torch.Tensor = self.levels  # type: ignore[assignment]
        waits: torch.Tensor = self.waits  # type: ignore[assignment]
        seen = observation[:, self.latency]
        latency = seen * self.slo_per_latency
        queue = observation[:, self.queue].reshape(-1, OBSERVED_QUERIES, len(QUERY_FEATURES))
        unit = self.slo_per_latency / 2
        left = queue[:, :1, 1] - latency
        allowed = (levels >= queue[:, :1, 3] - 1e-6).to(observation.dtype)
        earned = (left >= -1e-7) * allowed * (0.5 + 0.5 * levels)
        spare = left / unit
        head = torch.stack(
            [earned, spare.clamp(-1, 1), (SHARP * spare).clamp(-1, 1), allowed, seen], dim=-1
        )
        others = queue[:, None, 1:]
        present = others[..., 0]
        later = (others[..., 1] - latency[:, :, None] - waits) / unit
        future = torch.stack(
            [
                later.clamp(-1, 1) * present,
                (later / 3).clamp(-1, 1) * present,
                (others[..., 2] * present).expand_as(later),
                (others[..., 3] * present).expand_as(later),
                present.expand_as(later),
            ],
            dim=-1,
        )
        return head, future

    def _logits(
        self, observation: torch.Tensor, head: torch.Tensor, future: torch.Tensor
    ) -> torch.Tensor:
        rows = torch.cat([head, future.flatten(2)], dim=-1)
        mixed = self.of_subnet(rows) + self.of_state(observation)[:, None, :]
        return torch.cat([self.score(mixed).squeeze(-1), self.cache(observation)], dim=1)

    def _value(
        self, observation: torch.Tensor, head: torch.Tensor, future: torch.Tensor
    ) -> torch.Tensor:
        seen = [observation, head.flatten(1), future[..., 0].flatten(1)]
        return self.value(torch.cat(seen, dim=1))

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, shape (n, S + G), and what the value is linear in, shape (n, critic)."""
        head, future = self._features(observation)
        return self._logits(observation, head, future), self._value(observation, head, future)

    def forward_actor(self, observation: torch.Tensor) -> torch.Tensor:
        """Logits of SubNets and of SubGraphs, shape (n, S + G)."""
        return self._logits(observation, *self._features(observation))

    def forward_critic(self, observation: torch.Tensor) -> torch.Tensor:
        """What the value is linear in, shape (n, critic)."""
        return self._value(observation, *self._features(observation))


def network_spec(problem: Problem, hidden: int = 64, critic: int = 128) -> dict[str, Any]:
    """What a `QueueNetwork` for a scenario is built from."""
    table = problem.table
    levels = problem.subnets[:, 1]
    return {
        "num_subnets": table.num_subnets,
        "num_subgraphs": table.num_subgraphs,
        "slo_per_latency": float(
            table.latency_s.max() / float(problem.parameters["largest_slo"][0])
        ),
        "fastest": float(table.latency_s.min() / table.latency_s.max()),
        "levels": [float(level) for level in levels],
        "hidden": hidden,
        "critic": critic,
    }
