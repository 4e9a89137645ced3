"""The network of learned schedulers (extra `train`)."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import nn

from sushi_agents.heuristics.cache_rules import shared_subgraph
from sushi_agents.network.subgraph_features import HORIZON, OWN_FEATURES, subgraph_features
from sushi_agents.network.subnet_features import (
    FUTURE_FEATURES,
    HEAD_FEATURES,
    SubNetFeatures,
    subnet_features,
)
from sushi_agents.network.table_context import SCALES, TableContext, context_of, parse_context
from sushi_env import InputError, Problem
from sushi_env.engine.layout import OBSERVED_QUERIES, ObservationLayout

FORBIDDEN = -50.0
"""Logit of a SubGraph that is never chosen."""

# What the plan's logits are before learning: sharp enough that a first episode is not chaos,
# blunt enough that everything is tried. All are learned.
SHARPNESS = 4.0
"""Logit of a SubNet per utility that its plan earns, unless told otherwise."""
THRIFT = 30.0
"""Logit of a SubGraph per largest latency that it saves."""
LOYALTY = 1.0
"""Logit of the cached SubGraph."""

HIDDEN = 64
"""Width of the layers that score SubNets, unless told otherwise."""
CRITIC = 128
"""Width of the layers that value, unless told otherwise."""


class _Seen(NamedTuple):
    """Observations taken apart: as they are, their context, the layers' input, and features."""

    observation: torch.Tensor
    context: TableContext
    state: torch.Tensor
    subnets: SubNetFeatures


class QueueNetwork(nn.Module):
    """Scores SubNets by what they do to all who wait, and SubGraphs by what they save.

    Most of that follows from the observation and the table without any learning: see
    `subnet_features` and `subgraph_features`. Each gives a row per SubNet or SubGraph, which one
    small network scores, and a plan in closed form. A logit is the plan's, in units that are
    learned, and the network's score: it starts as a planner that tries things out, and what is
    left to learn is where the plan is wrong. States are valued from the whole observation.

    Observations may end in columns with the context of their scenario, for training on several;
    for those that do not, the argument `context` counts, or what `bind` was told last.

    Args:
        num_subnets: S.
        num_subgraphs: G.
        levels: Normalised top-1 of each SubNet, (top1 - lowest) / (highest - lowest).
        context: See `context_of`.
        hidden: Width of the layers that score SubNets; those that score SubGraphs have half.
        critic: Width of the layers that value.
        sharpness: Logit of a SubNet per utility that its plan earns, before learning.
        fixed_subgraph: The SubGraph that is always chosen; None: the network chooses.
    """

    def __init__(
        self,
        num_subnets: int,
        num_subgraphs: int,
        levels: Sequence[float],
        context: Sequence[float],
        hidden: int,
        critic: int,
        sharpness: float,
        fixed_subgraph: int | None = None,
    ):
        super().__init__()
        S, G, M = num_subnets, num_subgraphs, OBSERVED_QUERIES
        self.spec: dict[str, Any] = {
            "num_subnets": S,
            "num_subgraphs": G,
            "levels": list(levels),
            "context": list(context),
            "hidden": hidden,
            "critic": critic,
            "sharpness": sharpness,
            "fixed_subgraph": fixed_subgraph,
        }
        self.layout = ObservationLayout(S, G)
        for name, values in (
            ("levels", levels),
            ("context", context),
            ("forced", [0.0 if g == fixed_subgraph else FORBIDDEN for g in range(G)]),
        ):
            tensor = torch.tensor(list(values), dtype=torch.float32)
            self.register_buffer(name, tensor, persistent=False)
        size = self.layout.size + len(SCALES)
        self.of_subnet = nn.Linear(HEAD_FEATURES + (M - 1) * FUTURE_FEATURES, hidden)
        self.of_state = nn.Linear(size, hidden)
        self.score = _scorer(hidden)
        self.price = nn.Parameter(torch.tensor(1.0))
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)))
        self.cache = None if fixed_subgraph is not None else _Cache(S, size, hidden // 2)
        seen = size + S * (HEAD_FEATURES + M - 1)
        self.value = nn.Sequential(
            nn.Linear(seen, critic), nn.Tanh(), nn.Linear(critic, critic), nn.Tanh()
        )
        self.latent_dim_pi = S + G
        self.latent_dim_vf = critic

    def _see(self, observation: torch.Tensor) -> _Seen:
        columns = observation[:, self.layout.size :]
        observation = observation[:, : self.layout.size]
        if columns.shape[1] == 0:
            columns = self.get_buffer("context")[None, :]
        context = parse_context(columns, self.layout.num_subnets, self.layout.num_subgraphs)
        scales = context.scales.clamp(0, 4).expand(observation.shape[0], -1)
        features = subnet_features(observation, self.layout, self.get_buffer("levels"), context)
        return _Seen(observation, context, torch.cat([observation, scales], dim=1), features)

    def _logits(self, seen: _Seen) -> torch.Tensor:
        features = seen.subnets
        rows = torch.cat([features.head, features.future.flatten(2)], dim=-1)
        mixed = self.of_subnet(rows) + self.of_state(seen.state)[:, None, :]
        plan = _below_best(features.worth - self.price * features.delay).clamp(-1, 0)
        subnets = self.score(mixed).squeeze(-1) + self.log_sharpness.exp() * plan
        if self.cache is None:
            subgraphs = self.get_buffer("forced").expand(len(subnets), -1)
        else:
            subgraphs = self.cache(seen, self.layout, self.get_buffer("levels"))
        return torch.cat([subnets, subgraphs], dim=1)

    def _value(self, seen: _Seen) -> torch.Tensor:
        left = seen.subnets.future[..., 0].flatten(1)
        return self.value(torch.cat([seen.state, seen.subnets.head.flatten(1), left], dim=1))

    def forward(self, observation: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, shape (n, S + G), and what the value is linear in, shape (n, critic)."""
        seen = self._see(observation)
        return self._logits(seen), self._value(seen)

    def forward_actor(self, observation: torch.Tensor) -> torch.Tensor:
        """Logits of SubNets and of SubGraphs, shape (n, S + G)."""
        return self._logits(self._see(observation))

    def forward_critic(self, observation: torch.Tensor) -> torch.Tensor:
        """What the value is linear in, shape (n, critic)."""
        return self._value(self._see(observation))

    def bind(self, problem: Problem) -> None:
        """Takes the context of a scenario for that of observations that show none."""
        context = self.get_buffer("context")
        context[:] = torch.as_tensor(context_of(problem)).to(context.dtype)


class _Cache(nn.Module):
    """The part of a `QueueNetwork` that scores SubGraphs."""

    def __init__(self, num_subnets: int, size: int, hidden: int):
        super().__init__()
        self.of_subgraph = nn.Linear(num_subnets + OWN_FEATURES, hidden)
        self.of_state = nn.Linear(size, hidden)
        self.score = _scorer(hidden)
        self.loyalty = nn.Parameter(torch.tensor(LOYALTY))
        self.log_horizon = nn.Parameter(torch.tensor(math.log(HORIZON)))
        self.log_thrift = nn.Parameter(torch.tensor(math.log(THRIFT)))

    def forward(self, seen: _Seen, layout: ObservationLayout, levels: torch.Tensor) -> torch.Tensor:
        """Logits, shape (n, G)."""
        features = subgraph_features(seen.observation, layout, levels, seen.context)
        mixed = self.of_subgraph(features.rows) + self.of_state(seen.state)[:, None, :]
        saved = _below_best(self.log_horizon.exp() * features.of_late + features.at_once)
        plan = (self.log_thrift.exp() * saved).clamp(-10, 0)
        cached = seen.observation[:, layout.slices["cached"]]
        return self.score(mixed).squeeze(-1) + plan + self.loyalty * cached


def _below_best(values: torch.Tensor) -> torch.Tensor:
    return values - values.max(dim=-1, keepdim=True).values


def _scorer(hidden: int) -> nn.Sequential:
    """Layers that score rows; all about the same before learning."""
    last = nn.Linear(hidden, 1)
    nn.init.orthogonal_(last.weight, 0.01)
    nn.init.zeros_(last.bias)
    return nn.Sequential(nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), last)


CACHES = ("choose", "none", "shared")
"""What a network does about the cache: see `network_spec`."""


def network_spec(
    problem: Problem,
    hidden: int = HIDDEN,
    critic: int = CRITIC,
    sharpness: float = SHARPNESS,
    cache: str = "choose",
) -> dict[str, Any]:
    """What a `QueueNetwork` for a scenario is built from.

    Args:
        problem: The compiled scenario.
        hidden: See `QueueNetwork`.
        critic: See `QueueNetwork`.
        sharpness: See `QueueNetwork`.
        cache: `choose`; or never anything but `none` or the `shared` SubGraph of least mean
            latency, to see what choosing is worth.

    Raises:
        InputError: If `cache` is none of these.
    """
    if cache not in CACHES:
        raise InputError(f"cache = {cache!r}, known: {', '.join(CACHES)}")
    fixed = {"choose": None, "none": 0, "shared": shared_subgraph(problem.table)}
    return {
        "num_subnets": problem.table.num_subnets,
        "num_subgraphs": problem.table.num_subgraphs,
        "levels": [float(level) for level in problem.subnets[:, 1]],
        "context": [float(number) for number in context_of(problem)],
        "hidden": hidden,
        "critic": critic,
        "sharpness": sharpness,
        "fixed_subgraph": fixed[cache],
    }
