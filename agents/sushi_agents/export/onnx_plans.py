"""What `Planner` computes, as part of an ONNX graph (extras `train` and `onnx`).

A graph that takes observations and nothing else cannot call compiled code: here is the same
function in tensor operations. A test holds the two together.
"""

import torch
from torch import nn

from sushi_agents.export.onnx_queue_plans import best_plans
from sushi_agents.network.planning import (
    FINE,
    HORIZON,
    MOST_LOAD,
    OTHERS,
    ROUNDING,
    SHARP,
    Planner,
)
from sushi_env.engine.layout import OBSERVED_QUERIES, QUERY_FEATURES


class PlanGraph(nn.Module):
    """A `Planner` as a torch module: observations, (n, D), to what networks see of them.

    Args:
        planner: The planner.
        dtype: What is computed in, torch.float32 or torch.float64.
    """

    def __init__(self, planner: Planner, dtype: torch.dtype):
        super().__init__()
        self.layout, self.columns = planner.layout, planner.columns
        S, G = self.layout.num_subnets, self.layout.num_subgraphs
        numbers = torch.as_tensor(planner.context[0]).to(dtype)
        self.register_buffer("levels", torch.as_tensor(planner.levels).to(dtype))
        self.register_buffer("scales", numbers[:4])
        self.register_buffer("latency", numbers[4:].reshape(S, G))

    def forward(self, observation: torch.Tensor) -> torch.Tensor:
        """What networks see, shape (n, size); see `PlanLayout`."""
        if self.columns is not None:
            observation = observation[:, torch.as_tensor(self.columns)]
        scales = self.get_buffer("scales").clamp(0, 4).expand(observation.shape[0], -1)
        parts = (observation, scales, *self._subnets(observation), *self._subgraphs(observation))
        return torch.cat([part.flatten(1) for part in parts], dim=1)

    def _subnets(self, observation: torch.Tensor) -> tuple[torch.Tensor, ...]:
        parts, levels = self.layout.observed.slices, self.get_buffer("levels")
        per_latency, _, urgency, fastest = self.get_buffer("scales")
        seen = observation[:, parts["latency"]]
        latency = seen * per_latency
        queue = self._queue(observation)
        unit = per_latency / 2
        left = queue[:, :1, 1] - latency
        allowed = (levels >= queue[:, :1, 3] - ROUNDING).to(observation.dtype)
        earned = (left >= -1e-7) * allowed * (0.5 + 0.5 * levels)
        spare = left / unit
        plans = best_plans(latency, levels, queue[:, 1:])
        worth = earned + plans.earned
        share = observation[:, parts["load"]].clamp(0, MOST_LOAD)
        # Offered load counts latencies of the fastest SubNet with an empty cache.
        rate = share / (1 - share) / self.get_buffer("latency")[:, 0].min()
        end = plans.end / per_latency
        delay = rate * urgency * end**2 / 2
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
        waits = torch.arange(OTHERS, dtype=observation.dtype) * (per_latency * fastest)
        later = (others[..., 1] - latency[:, :, None] - waits) / unit
        times = [later.clamp(-1, 1) * present, (later / 3).clamp(-1, 1) * present]
        rows = torch.cat([head, torch.stack(times, dim=-1).flatten(2)], dim=-1)
        behind = queue[:, 1:]
        told = torch.cat([behind[..., 2:] * behind[..., :1], behind[..., :1]], dim=-1)
        return rows, told, worth, delay

    def _subgraphs(self, observation: torch.Tensor) -> tuple[torch.Tensor, ...]:
        parts, levels = self.layout.observed.slices, self.get_buffer("levels")
        table = self.get_buffer("latency")
        seen = observation[:, parts["latency"]]
        gains = seen[:, None, :] - table.T
        mix = observation[:, parts["subnet_mix"]]
        mix = mix + (1 - mix.sum(dim=-1, keepdim=True)) / mix.shape[1]
        of_late = (gains * mix[:, None, :]).sum(dim=-1)
        behind = self._queue(observation)[:, 1:]
        able = levels >= behind[..., 3:4] - ROUNDING
        needs = torch.where(able, seen[:, None, :], torch.inf).argmin(dim=-1)  # (n, M - 1)
        wanted = torch.zeros_like(seen).scatter_add(1, needs, behind[..., 0])
        waiting = (gains * wanted[:, None, :]).sum(dim=-1)
        loading = observation[:, parts["reload"]] * self.get_buffer("scales")[1]
        short = _short_of_best(HORIZON * of_late + waiting - loading)
        mean = table.mean(dim=0)
        own = torch.stack(
            [
                (FINE * of_late).clamp(-2, 2),
                (FINE * SHARP * of_late).clamp(-2, 2),
                (FINE * waiting).clamp(-4, 4),
                observation[:, parts["cached"]],
                (2 * loading).clamp(0, 2),
                (2 * FINE * loading).clamp(0, 2),
                (FINE * (mean - mean.min())).clamp(0, 2).expand_as(loading),
                short.clamp(-2, 0),
                (SHARP * short).clamp(-2, 0),
            ],
            dim=-1,
        )
        rows = torch.cat([(FINE * gains).clamp(-2, 2), own], dim=-1)
        return rows, of_late, waiting - loading

    def _queue(self, observation: torch.Tensor) -> torch.Tensor:
        part = observation[:, self.layout.observed.slices["queue"]]
        return part.reshape(-1, OBSERVED_QUERIES, len(QUERY_FEATURES))


def _short_of_best(values: torch.Tensor) -> torch.Tensor:
    """How far each value is below the highest of its row."""
    return values - values.max(dim=-1, keepdim=True).values
