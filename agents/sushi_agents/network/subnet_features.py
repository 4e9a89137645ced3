"""What serving the head with each SubNet does to all who wait (extra `train`).

It follows from an observation and the table without any learning.
"""

from typing import NamedTuple

import torch

from sushi_agents.network.queue_plans import ROUNDING, best_plans
from sushi_agents.network.table_context import TableContext
from sushi_env.engine.layout import OBSERVED_QUERIES, QUERY_FEATURES, ObservationLayout

SHARP = 8.0
"""How much finer the second view of a value is than the first."""
HEAD_FEATURES = 12
FUTURE_FEATURES = 5
MOST_LOAD = 0.9
"""The highest observed load that counts, in the observation's x / (1 + x)."""


class SubNetFeatures(NamedTuple):
    """Of each SubNet, were it to serve the head.

    Attributes:
        head: What it does for the head and leaves for the rest, shape (n, S, HEAD_FEATURES).
        future: What it leaves for each of the others, shape (n, S, M - 1, FUTURE_FEATURES).
        worth: What the head and the best plan for the others earn, shape (n, S).
        delay: SLOs that those who come meanwhile spend waiting, shape (n, S).
    """

    head: torch.Tensor
    future: torch.Tensor
    worth: torch.Tensor
    delay: torch.Tensor


def subnet_features(
    observation: torch.Tensor,
    layout: ObservationLayout,
    levels: torch.Tensor,
    context: TableContext,
) -> SubNetFeatures:
    """Features of SubNets.

    Behind the head, query m's time left is its slack, less the SubNet's latency, less m fastest
    services; in units of half the largest SubNet's latency, clipped to [-1, 1]. Until those who
    wait are served, a time t, some rate x t others come and wait t / 2 on average: counted in
    SLOs that is `delay`, the term of `Lookahead`.

    Args:
        observation: Flat observations, shape (n, D).
        layout: What is where in them.
        levels: Normalised top-1 of each SubNet, shape (S,).
        context: Of the observations.

    Returns:
        The features.
    """
    parts = layout.slices
    per_latency, fastest = context.scale("slo_per_latency"), context.scale("fastest")
    seen = observation[:, parts["latency"]]
    latency = seen * per_latency
    queue = observed_queue(observation, layout)
    unit = per_latency / 2
    left = queue[:, :1, 1] - latency
    allowed = (levels >= queue[:, :1, 3] - ROUNDING).to(observation.dtype)
    earned = (left >= -1e-7) * allowed * (0.5 + 0.5 * levels)
    spare = left / unit
    plans = best_plans(latency, levels, queue[:, 1:])
    worth = earned + plans.earned
    share = observation[:, parts["load"]].clamp(0, MOST_LOAD)
    rate = share / (1 - share) / context.fastest_uncached  # arrivals per largest latency
    end = plans.end / per_latency
    delay = rate * context.scale("urgency") * end**2 / 2
    short_by_worth, short = _short_of_best(worth), _short_of_best(worth - delay)
    head = torch.stack(
        [
            earned,
            spare.clamp(-1, 1),
            (SHARP * spare).clamp(-1, 1),
            allowed,
            seen,
            plans.well / OBSERVED_QUERIES,
            worth / OBSERVED_QUERIES,
            short_by_worth.clamp(-2, 0),
            (2 * (end - end.min(dim=-1, keepdim=True).values)).clamp(0, 2),
            (end / 4).clamp(0, 2),
            short.clamp(-2, 0),
            (SHARP * short).clamp(-2, 0),
        ],
        dim=-1,
    )
    others = queue[:, None, 1:]
    present = others[..., 0]
    places = torch.arange(OBSERVED_QUERIES - 1, dtype=observation.dtype)
    waits = (places * (per_latency * fastest))[:, None, :]
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
    return SubNetFeatures(head, future, worth, delay)


def observed_queue(observation: torch.Tensor, layout: ObservationLayout) -> torch.Tensor:
    """The waiting queries of observations, (n, D) to (n, M, 4); see `QUERY_FEATURES`."""
    part = observation[:, layout.slices["queue"]]
    return part.reshape(-1, OBSERVED_QUERIES, len(QUERY_FEATURES))


def _short_of_best(values: torch.Tensor) -> torch.Tensor:
    """How far each value is below the highest of its row."""
    return values - values.max(dim=-1, keepdim=True).values
