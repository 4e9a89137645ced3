"""The network of learned schedulers (extra `train`)."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from sushi_agents.cache_rules import shared_subgraph
from sushi_agents.queue_plans import best_plans
from sushi_env import InputError, Problem
from sushi_env.layout import OBSERVED_QUERIES, QUERY_FEATURES

SHARP = 8.0
"""How much finer the second view of the head's spare time is than the first."""
FUTURE_FEATURES = 5
HEAD_FEATURES = 9
CONTEXT = 2
"""Columns of context: `slo_per_latency` and `fastest`."""
FORBIDDEN = -50.0
"""Logit of a SubGraph that is never chosen."""


class QueueNetwork(nn.Module):
    """Scores each SubNet by what serving the head with it does to all who wait.

    What a SubNet earns at once, how much time it leaves each waiting query, and what the best plan
    for these would still earn (`best_plans`) follow from the observation without any learning:
    those are features, one row per SubNet, and one small network scores all rows. What remains to
    be learned is what the time left is worth. SubGraphs are scored, and states valued, from the
    whole observation.

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
        in_context: Whether `slo_per_latency` and `fastest` are taken from two more columns at the
            end of the observation, and are features too; for training on several scenarios.
            Where these columns are missing, the arguments of those names stand for them.
        fixed_subgraph: The SubGraph that is always chosen; None: the network chooses.
    """

    def __init__(
        self,
        num_subnets: int,
        num_subgraphs: int,
        slo_per_latency: float,
        fastest: float,
        levels: Sequence[float],
        hidden: int = 64,
        critic: int = 128,
        in_context: bool = False,
        fixed_subgraph: int | None = None,
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
            "in_context": in_context,
            "fixed_subgraph": fixed_subgraph,
        }
        queue = M * len(QUERY_FEATURES)
        self.latency = slice(G, G + S)
        self.queue = slice(2 * G + S, 2 * G + S + queue)
        self.observed = 2 * G + 2 * S + queue + 3
        size = self.observed + (CONTEXT if in_context else 0)
        self.in_context = in_context
        for name, values in (
            ("levels", levels),
            ("context", (slo_per_latency, fastest)),
            ("places", range(M - 1)),
            ("forced", [0.0 if g == fixed_subgraph else FORBIDDEN for g in range(G)]),
        ):
            tensor = torch.tensor(list(values), dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)
        row = HEAD_FEATURES + (M - 1) * FUTURE_FEATURES
        self.of_subnet = nn.Linear(row, hidden)
        self.of_state = nn.Linear(size, hidden)
        self.score = nn.Sequential(
            nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )
        self.cache = None
        if fixed_subgraph is None:
            self.cache = nn.Sequential(nn.Linear(size, 64), nn.Tanh(), nn.Linear(64, G))
        seen = size + S * (HEAD_FEATURES + M - 1)
        self.value = nn.Sequential(
            nn.Linear(seen, critic), nn.Tanh(), nn.Linear(critic, critic), nn.Tanh()
        )
        for head in (self.score, self.cache):  # a first policy that is near uniform
            if head is None:
                continue
            layer = head[-1]
            assert isinstance(layer, nn.Linear)
            nn.init.orthogonal_(layer.weight, 0.01)
            nn.init.zeros_(layer.bias)
        self.latent_dim_pi = S + G
        self.latent_dim_vf = critic

    def _in_context(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """What the layers see, shape (n, size), and the context, (n, 2) or (1, 2)."""
        context = self.get_buffer("context")[None, :]
        if not self.in_context:
            return observation, context
        if observation.shape[1] == self.observed:
            repeated = context.expand(observation.shape[0], -1)
            return torch.cat([observation, repeated], dim=1), context
        return observation, observation[:, self.observed :]

    def _features(
        self, observation: torch.Tensor, context: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Of the head, shape (n, S, HEAD_FEATURES), and of the others, (n, S, M - 1, 5)."""
        levels = self.get_buffer("levels")
        slo_per_latency, fastest = context[:, :1], context[:, 1:]
        waits = (self.get_buffer("places") * (slo_per_latency * fastest))[:, None, :]
        seen = observation[:, self.latency]
        latency = seen * slo_per_latency
        queue = observation[:, self.queue].reshape(-1, OBSERVED_QUERIES, len(QUERY_FEATURES))
        unit = slo_per_latency / 2
        left = queue[:, :1, 1] - latency
        allowed = (levels >= queue[:, :1, 3] - 1e-6).to(observation.dtype)
        earned = (left >= -1e-7) * allowed * (0.5 + 0.5 * levels)
        spare = left / unit
        plans = best_plans(latency, levels, queue[:, 1:])
        total = earned + plans.earned
        head = torch.stack(
            [
                earned,
                spare.clamp(-1, 1),
                (SHARP * spare).clamp(-1, 1),
                allowed,
                seen,
                plans.well / OBSERVED_QUERIES,
                total / OBSERVED_QUERIES,
                (total - total.max(dim=-1, keepdim=True).values).clamp(-2, 0),
                ((plans.end - plans.end.min(dim=-1, keepdim=True).values) / unit).clamp(0, 2),
            ],
            dim=-1,
        )
        others = queue[:, None, 1:]
        present = others[..., 0]
        later = (others[..., 1] - latency[:, :, None] - waits) / unit[:, :, None]
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
        forced = self.get_buffer("forced").expand(observation.shape[0], -1)
        cache = forced if self.cache is None else self.cache(observation)
        return torch.cat([self.score(mixed).squeeze(-1), cache], dim=1)

    def _value(
        self, observation: torch.Tensor, head: torch.Tensor, future: torch.Tensor
    ) -> torch.Tensor:
        seen = [observation, head.flatten(1), future[..., 0].flatten(1)]
        return self.value(torch.cat(seen, dim=1))

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, shape (n, S + G), and what the value is linear in, shape (n, critic)."""
        observation, context = self._in_context(observation)
        features = self._features(observation, context)
        return self._logits(observation, *features), self._value(observation, *features)

    def forward_actor(self, observation: torch.Tensor) -> torch.Tensor:
        """Logits of SubNets and of SubGraphs, shape (n, S + G)."""
        observation, context = self._in_context(observation)
        return self._logits(observation, *self._features(observation, context))

    def forward_critic(self, observation: torch.Tensor) -> torch.Tensor:
        """What the value is linear in, shape (n, critic)."""
        observation, context = self._in_context(observation)
        return self._value(observation, *self._features(observation, context))

    def bind(self, problem: Problem) -> None:
        """Takes the context of a scenario for that of observations that show none."""
        context = self.get_buffer("context")
        context[:] = torch.tensor(context_of(problem), dtype=context.dtype)


def context_of(problem: Problem) -> tuple[float, float]:
    """A scenario's `slo_per_latency` and `fastest`; see `QueueNetwork`."""
    table = problem.table
    largest_slo = float(problem.parameters["largest_slo"][0])
    return (
        float(table.latency_s.max() / largest_slo),
        float(table.latency_s.min() / table.latency_s.max()),
    )


CACHES = ("choose", "none", "shared")
"""What a network does about the cache: see `network_spec`."""


def network_spec(
    problem: Problem,
    hidden: int = 64,
    critic: int = 128,
    in_context: bool = False,
    cache: str = "choose",
) -> dict[str, Any]:
    """What a `QueueNetwork` for a scenario is built from.

    Args:
        problem: The compiled scenario.
        hidden: See `QueueNetwork`.
        critic: See `QueueNetwork`.
        in_context: See `QueueNetwork`.
        cache: `choose`; or never anything but `none` or the `shared` SubGraph of least mean
            latency, to see what choosing is worth.

    Raises:
        InputError: If `cache` is none of these.
    """
    if cache not in CACHES:
        raise InputError(f"cache = {cache!r}, known: {', '.join(CACHES)}")
    fixed = {"choose": None, "none": 0, "shared": shared_subgraph(problem.table)}
    slo_per_latency, fastest = context_of(problem)
    return {
        "num_subnets": problem.table.num_subnets,
        "num_subgraphs": problem.table.num_subgraphs,
        "slo_per_latency": slo_per_latency,
        "fastest": fastest,
        "levels": [float(level) for level in problem.subnets[:, 1]],
        "hidden": hidden,
        "critic": critic,
        "in_context": in_context,
        "fixed_subgraph": fixed[cache],
    }
