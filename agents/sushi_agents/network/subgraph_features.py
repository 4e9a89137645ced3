"""What loading each SubGraph would cost and save (extra `train`).

It follows from an observation and the table without any learning.
"""

from typing import NamedTuple

import torch

from sushi_agents.network.queue_plans import ROUNDING
from sushi_agents.network.subnet_features import SHARP, observed_queue
from sushi_agents.network.table_context import TableContext
from sushi_env.engine.layout import ObservationLayout

OWN_FEATURES = 9
"""Features of a SubGraph beside its gain for each SubNet."""
HORIZON = 16.0
"""Queries like those of late that a SubGraph is taken to be loaded for, before learning."""
FINE = 10.0
"""What shares of the largest latency are multiplied with: they are a few hundredths."""


class SubGraphFeatures(NamedTuple):
    """Of each SubGraph, were it loaded next. Times are shares of the largest latency.

    Attributes:
        rows: What the network sees, shape (n, G, S + OWN_FEATURES).
        of_late: Time it would save a query served like those of late, shape (n, G).
        at_once: Time it would save those who wait, less that of loading it, shape (n, G).
    """

    rows: torch.Tensor
    of_late: torch.Tensor
    at_once: torch.Tensor


def subgraph_features(
    observation: torch.Tensor,
    layout: ObservationLayout,
    levels: torch.Tensor,
    context: TableContext,
) -> SubGraphFeatures:
    """Features of SubGraphs.

    Those who wait are taken to be served by the fastest SubNet that reaches their floor, those of
    late as the observed mix of SubNets says, which at first is that of all SubNets alike: else
    nothing would speak for the first load of an episode, and the likeliest would be never.

    Args:
        observation: Flat observations, shape (n, D).
        layout: What is where in them.
        levels: Normalised top-1 of each SubNet, shape (S,).
        context: Of the observations.

    Returns:
        The features.
    """
    parts = layout.slices
    seen = observation[:, parts["latency"]]
    gains = seen[:, None, :] - context.latency.transpose(1, 2)  # (n, G, S)
    mix = observation[:, parts["subnet_mix"]]
    mix = mix + (1 - mix.sum(dim=-1, keepdim=True)) / mix.shape[1]
    of_late = (gains * mix[:, None, :]).sum(dim=-1)
    behind = observed_queue(observation, layout)[:, 1:]
    able = levels >= behind[..., 3:4] - ROUNDING
    needs = torch.where(able, seen[:, None, :], torch.inf).argmin(dim=-1)  # (n, M - 1)
    wanted = torch.zeros_like(seen).scatter_add(1, needs, behind[..., 0])
    waiting = (gains * wanted[:, None, :]).sum(dim=-1)
    loading = observation[:, parts["reload"]] * context.scale("reload_per_latency")
    saved = HORIZON * of_late + waiting - loading
    short = saved - saved.max(dim=-1, keepdim=True).values
    mean = context.latency.mean(dim=1)
    worse = mean - mean.min(dim=-1, keepdim=True).values
    own = torch.stack(
        [
            (FINE * of_late).clamp(-2, 2),
            (FINE * SHARP * of_late).clamp(-2, 2),
            (FINE * waiting).clamp(-4, 4),
            observation[:, parts["cached"]],
            (2 * loading).clamp(0, 2),
            (2 * FINE * loading).clamp(0, 2),
            (FINE * worse).clamp(0, 2).expand_as(loading),
            short.clamp(-2, 0),
            (SHARP * short).clamp(-2, 0),
        ],
        dim=-1,
    )
    rows = torch.cat([(FINE * gains).clamp(-2, 2), own], dim=-1)
    return SubGraphFeatures(rows, of_late, waiting - loading)
