"""The network of learned schedulers (extra `train`)."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from sushi_agents.heuristics.cache_rules import shared_subgraph
from sushi_agents.network.planning import (
    HEAD_FEATURES,
    HORIZON,
    LATER_FEATURES,
    OTHER_FEATURES,
    OTHERS,
    OWN_FEATURES,
    SUBNET_FEATURES,
    PlanLayout,
    Planner,
)
from sushi_agents.network.table_context import SCALES, context_of
from sushi_env import InputError, Problem
from sushi_env.engine.layout import PART_NAMES

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

HIDDEN = 32
"""Width of the layers that score SubNets, unless told otherwise."""
CRITIC = 64
"""Width of the layers that value, unless told otherwise."""


class QueueNetwork(nn.Module):
    """Scores SubNets by what they do to all who wait, and SubGraphs by what they save.

    Most of that follows from the observation and the table without any learning: `planner`
    computes it, a row per SubNet or SubGraph, which one small network scores, and a plan in
    closed form. A logit is the plan's, in units that are learned, and the network's score: it
    starts as a planner that tries things out, and what is left to learn is where the plan is
    wrong. States are valued from the observation and the SubNets' rows.

    The forward methods take what `planner` makes of observations, shape (n, `planner.layout.size`).

    Args:
        num_subnets: S.
        num_subgraphs: G.
        levels: Normalised top-1 of each SubNet, (top1 - lowest) / (highest - lowest).
        context: See `context_of`.
        hidden: Width of the layers that score SubNets; those that score SubGraphs have half.
        critic: Width of the layers that value.
        sharpness: Logit of a SubNet per utility that its plan earns, before learning.
        fixed_subgraph: The SubGraph that is always chosen; None: the network chooses.
        parts: Names of the parts of the observation that it sees; by default all.
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
        parts: Sequence[str] = PART_NAMES,
    ):
        super().__init__()
        S, G = num_subnets, num_subgraphs
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
        self.planner = Planner(S, G, levels, context, parts)
        forced = [0.0 if g == fixed_subgraph else FORBIDDEN for g in range(G)]
        self.register_buffer("forced", torch.tensor(forced), persistent=False)
        size = self.planner.layout.observed.size + len(SCALES)
        each = LATER_FEATURES + OTHER_FEATURES
        self.of_subnet = nn.Linear(HEAD_FEATURES + OTHERS * each, hidden)
        # Of a SubNet's row, what it leaves each of the others; and what is the same for all.
        later = [HEAD_FEATURES + m * each + k for m in range(OTHERS) for k in range(LATER_FEATURES)]
        own = [*range(HEAD_FEATURES), *later]
        shared = [k for k in range(HEAD_FEATURES + OTHERS * each) if k not in own]
        self.register_buffer("own", torch.tensor(own), persistent=False)
        self.register_buffer("shared", torch.tensor(shared), persistent=False)
        self.of_state = nn.Linear(size, hidden)
        self.score = _scorer(hidden)
        self.price = nn.Parameter(torch.tensor(1.0))
        self.log_sharpness = nn.Parameter(torch.tensor(math.log(sharpness)))
        self.cache = None if fixed_subgraph is not None else _Cache(S, size, hidden // 2)
        self.value = nn.Sequential(
            nn.Linear(size + S * SUBNET_FEATURES, critic),
            nn.Tanh(),
            nn.Linear(critic, critic),
            nn.Tanh(),
        )
        self.latent_dim_pi = S + G
        self.latent_dim_vf = critic

    def _logits(self, planned: torch.Tensor) -> torch.Tensor:
        parts, n = self.planner.layout.slices, planned.shape[0]
        state = planned[:, : parts["subnets"].start]
        rows = planned[:, parts["subnets"]].reshape(n, -1, SUBNET_FEATURES)
        weight = self.of_subnet.weight
        of_all = nn.functional.linear(
            planned[:, parts["others"]], weight[:, self.get_buffer("shared")], self.of_subnet.bias
        )
        mixed = nn.functional.linear(rows, weight[:, self.get_buffer("own")])
        mixed = mixed + (self.of_state(state) + of_all)[:, None, :]
        plan = planned[:, parts["worth"]] - self.price * planned[:, parts["delay"]]
        plan = _below_best(plan).clamp(-1, 0)
        subnets = self.score(mixed).squeeze(-1) + self.log_sharpness.exp() * plan
        if self.cache is None:
            subgraphs = self.get_buffer("forced").expand(n, -1)
        else:
            subgraphs = self.cache(planned, state, self.planner.layout)
        return torch.cat([subnets, subgraphs], dim=1)

    def forward(self, planned: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits, shape (n, S + G), and what the value is linear in, shape (n, critic)."""
        return self._logits(planned), self.forward_critic(planned)

    def forward_actor(self, planned: torch.Tensor) -> torch.Tensor:
        """Logits of SubNets and of SubGraphs, shape (n, S + G)."""
        return self._logits(planned)

    def forward_critic(self, planned: torch.Tensor) -> torch.Tensor:
        """What the value is linear in, shape (n, critic)."""
        return self.value(planned[:, : self.planner.layout.slices["subnets"].stop])

    def bind(self, problem: Problem) -> None:
        """Takes a scenario's observations, and its context for that of those that show none."""
        self.planner.select(problem.layout)
        self.planner.context = context_of(problem)[None, :]


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

    def forward(
        self, planned: torch.Tensor, state: torch.Tensor, layout: PlanLayout
    ) -> torch.Tensor:
        """Logits, shape (n, G)."""
        parts = layout.slices
        rows = planned[:, parts["subgraphs"]].reshape(planned.shape[0], layout.num_subgraphs, -1)
        mixed = self.of_subgraph(rows) + self.of_state(state)[:, None, :]
        saved = self.log_horizon.exp() * planned[:, parts["of_late"]] + planned[:, parts["at_once"]]
        plan = (self.log_thrift.exp() * _below_best(saved)).clamp(-10, 0)
        cached = planned[:, layout.observed.slices["cached"]]
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
