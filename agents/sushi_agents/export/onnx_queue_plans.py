"""The best plan for the queries that wait, in tensor operations, for ONNX (extra `train`)."""

from typing import NamedTuple

import torch
from torch.nn.functional import pad

from sushi_agents.network.planning import ROUNDING


class Plans(NamedTuple):
    """The best plan for the queries behind the head, for each SubNet that serves the head.

    Attributes:
        well: How many of them are served in time and at their floor, shape (n, S).
        earned: Their utility, shape (n, S).
        end: When the last one is served, shape (n, S).
    """

    well: torch.Tensor
    earned: torch.Tensor
    end: torch.Tensor


def best_plans(latency: torch.Tensor, levels: torch.Tensor, waiting: torch.Tensor) -> Plans:
    """Plans for the queries that wait, in their order and under the cached SubGraph.

    Each of them is served well, by the fastest SubNet that reaches its floor, or given up to the
    fastest of all. Of such plans the best serves most queries well; of these, it ends first.
    By dynamic programming over how many are served well.

    Args:
        latency: Of each SubNet, shape (n, S), in the unit of slacks.
        levels: Normalised top-1 of each SubNet, shape (S,).
        waiting: Queries behind the head, shape (n, M, 4): present, slack, SLO, floor.

    Returns:
        The best plans.
    """
    present, slack, floor = waiting[..., 0] > 0, waiting[..., 1], waiting[..., 3]
    able = levels >= floor[..., None] - ROUNDING
    need, chosen = torch.where(able, latency[:, None, :], torch.inf).min(dim=-1)  # (n, M)
    worth = 0.5 + 0.5 * levels[chosen]
    fastest = latency.min(dim=-1).values[:, None, None]
    count = waiting.shape[1]
    # By number served well, (n, S, M + 1): the earliest end, and what that plan earns.
    end = torch.cat(
        [latency[..., None], torch.full_like(latency, torch.inf)[..., None].expand(-1, -1, count)],
        dim=-1,
    )
    earned = torch.zeros_like(end)
    for m in range(count):
        well = end[..., :-1] + need[:, m, None, None]
        in_time = well <= slack[:, m, None, None] + ROUNDING
        well = pad(torch.where(in_time, well, torch.inf), (1, 0), value=torch.inf)
        given_up = end + fastest
        is_there = present[:, m, None, None]
        more = pad(earned[..., :-1] + worth[:, m, None, None], (1, 0))
        earned = torch.where(is_there & (well < given_up), more, earned)
        end = torch.where(is_there, torch.minimum(well, given_up), end)
    possible = torch.isfinite(end).to(latency.dtype)
    most = count - possible.flip(-1).argmax(dim=-1, keepdim=True)
    return Plans(
        most.squeeze(-1).to(latency.dtype),
        earned.gather(-1, most).squeeze(-1),
        end.gather(-1, most).squeeze(-1),
    )
