"""The observation: what each entry of the flat vector means."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from gymnasium import spaces

OBSERVED_QUERIES = 8
"""Waiting queries M that the observation shows, from the head of the queue."""

QUERY_FEATURES = ("present", "slack", "slo", "floor")


@dataclass(frozen=True)
class ObservationLayout:
    """Named slices of the flat float32 observation, for S SubNets and G SubGraphs.

    | slice | length | meaning | range |
    |---|---|---|---|
    | `cached` | G | one-hot of the cached SubGraph | 0, 1 |
    | `latency` | S | L[:, g] over the table's largest latency | (0, 1] |
    | `reload` | G | T[g, :] over the table's largest reload time | [0, 1] |
    | `queue` | M * 4 | per waiting query: 1 if present; slack and SLO over the scenario's \
largest SLO (slack clipped); (floor - lowest top-1) / (highest - lowest), clipped | [-1, 1] |
    | `waiting` | 1 | queue length over capacity | [0, 1] |
    | `load` | 1 | x / (1 + x), x the running average of offered load | [0, 1) |
    | `subnet_mix` | S | running average of the one-hot SubNets served | [0, 1] |
    | `cache_age` | 1 | x / (1 + x), x the time since the last cache change over 32 \
fastest uncached latencies | [0, 1) |

    Running averages weigh the newest arrival or decision 1/32. They start at the scenario's
    own load and at zero. Nothing here depends on the future.

    Attributes:
        num_subnets: S.
        num_subgraphs: G.
    """

    num_subnets: int
    num_subgraphs: int

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each named part lies in the flat vector, in order."""
        lengths = {
            "cached": self.num_subgraphs,
            "latency": self.num_subnets,
            "reload": self.num_subgraphs,
            "queue": OBSERVED_QUERIES * len(QUERY_FEATURES),
            "waiting": 1,
            "load": 1,
            "subnet_mix": self.num_subnets,
            "cache_age": 1,
        }
        slices, start = {}, 0
        for name, length in lengths.items():
            slices[name] = slice(start, start + length)
            start += length
        return slices

    @cached_property
    def size(self) -> int:
        """Length D of the flat vector."""
        return self.slices["cache_age"].stop

    @cached_property
    def space(self) -> spaces.Box:
        """The observation space: `Box(-1, 1, (D,), float32)`, 0 below where nothing is negative."""
        low = np.zeros(self.size, dtype=np.float32)
        slack = np.arange(OBSERVED_QUERIES) * len(QUERY_FEATURES) + QUERY_FEATURES.index("slack")
        low[self.slices["queue"].start + slack] = -1.0
        return spaces.Box(low, np.ones(self.size, dtype=np.float32), dtype=np.float32)

    @cached_property
    def dict_space(self) -> spaces.Dict:
        """The same space by name: a `Box` for each slice."""
        flat = self.space
        return spaces.Dict(
            {
                name: spaces.Box(flat.low[part], flat.high[part], dtype=np.float32)
                for name, part in self.slices.items()
            }
        )

    def as_dict(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        """The named parts of flat observations, shape (..., D); views."""
        return {name: observation[..., part] for name, part in self.slices.items()}

    def part(self, observation: np.ndarray, name: str) -> np.ndarray:
        """The named part of flat observations, shape (..., D) to (..., length); a view."""
        return observation[..., self.slices[name]]

    def queue(self, observation: np.ndarray) -> np.ndarray:
        """The waiting queries of flat observations: (..., D) to (..., M, 4); see QUERY_FEATURES."""
        part = self.part(observation, "queue")
        return part.reshape(*part.shape[:-1], OBSERVED_QUERIES, len(QUERY_FEATURES))
