"""The observation: what each entry of the flat vector means.

`PARTS` is the one place where a part is declared; `sushi_env.engine.observation` writes it.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from gymnasium import spaces

OBSERVED_QUERIES = 8
"""Waiting queries M that the observation shows, from the head of the queue."""


@dataclass(frozen=True)
class Feature:
    """What a part shows of each waiting query: its name, its bounds, and what it means."""

    name: str
    low: float
    high: float
    text: str


FEATURES = (
    Feature("present", 0, 1, "1 if there is a query at this place, else all are 0"),
    Feature("slack", -1, 1, "time to its deadline over the scenario's largest SLO, clipped"),
    Feature("slo", 0, 1, "its SLO over the scenario's largest"),
    Feature("floor", 0, 1, "(floor - lowest top-1) / (highest - lowest), clipped"),
)
QUERY_FEATURES = tuple(feature.name for feature in FEATURES)
PRESENT, SLACK, SLO, FLOOR = range(len(FEATURES))
"""Columns of a query's features, for compiled code; others read `ObservationLayout.queue`."""


@dataclass(frozen=True)
class Part:
    """A named part of the observation.

    Attributes:
        name: Its name.
        length: Its length, in words of `LENGTHS`.
        low: The least value, or one for each entry of a query.
        high: The largest, likewise.
        text: What it shows.
    """

    name: str
    length: str
    low: float | tuple[float, ...]
    high: float | tuple[float, ...]
    text: str


PARTS = (
    Part("cached", "G", 0, 1, "one-hot of the cached SubGraph"),
    Part("latency", "S", 0, 1, "L[:, g] over the table's largest latency"),
    Part("reload", "G", 0, 1, "T[g, :] over the table's largest reload time"),
    Part(
        "queue",
        "M * 4",
        tuple(feature.low for feature in FEATURES),
        tuple(feature.high for feature in FEATURES),
        "per waiting query: " + "; ".join(f"`{f.name}`, {f.text}" for f in FEATURES),
    ),
    Part("waiting", "1", 0, 1, "queue length over capacity"),
    Part("load", "1", 0, 1, "x / (1 + x), x the running average of offered load"),
    Part("subnet_mix", "S", 0, 1, "running average of the one-hot SubNets served"),
    Part(
        "cache_age",
        "1",
        0,
        1,
        "x / (1 + x), x the time since the last cache change over 32 fastest uncached latencies",
    ),
)
"""The parts, in order. A new one is appended, and agents that were trained without it go on."""

PART_NAMES = tuple(part.name for part in PARTS)


@dataclass(frozen=True)
class ObservationLayout:
    """Named slices of the flat float32 observation, for S SubNets and G SubGraphs.

    Running averages weigh the newest arrival or decision 1/32. They start at the scenario's
    own load and at zero. Nothing depends on the future.

    Attributes:
        num_subnets: S.
        num_subgraphs: G.
        names: The parts it has, in order; by default all.
    """

    num_subnets: int
    num_subgraphs: int
    names: tuple[str, ...] = PART_NAMES

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The parts, in order.

        Raises:
            KeyError: If there is none of some name.
        """
        known = {part.name: part for part in PARTS}
        return tuple(known[name] for name in self.names)

    @cached_property
    def slices(self) -> dict[str, slice]:
        """Where each named part lies in the flat vector, in order."""
        lengths = {
            "S": self.num_subnets,
            "G": self.num_subgraphs,
            "M * 4": OBSERVED_QUERIES * len(FEATURES),
            "1": 1,
        }
        slices, start = {}, 0
        for part in self.parts:
            slices[part.name] = slice(start, start + lengths[part.length])
            start = slices[part.name].stop
        return slices

    @cached_property
    def size(self) -> int:
        """Length D of the flat vector."""
        return self.slices[self.names[-1]].stop

    @cached_property
    def space(self) -> spaces.Box:
        """The observation space: `Box(-1, 1, (D,), float32)`, 0 below where nothing is negative."""
        low, high = (np.zeros(self.size, dtype=np.float32) for _ in range(2))
        for part in self.parts:
            for bounds, of_part in ((low, part.low), (high, part.high)):
                bounds[self.slices[part.name]].reshape(-1, np.size(of_part))[:] = of_part
        return spaces.Box(low, high, dtype=np.float32)

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

    def columns_of(self, other: "ObservationLayout") -> np.ndarray:
        """Where in this vector the entries of another layout's lie, int64, shape (its D,).

        Raises:
            KeyError: If a part of it is none of this one's.
        """
        whole = np.arange(self.size)
        return np.concatenate([whole[self.slices[name]] for name in other.names])

    def as_dict(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        """The named parts of flat observations, shape (..., D); views."""
        return {name: observation[..., part] for name, part in self.slices.items()}

    def part(self, observation: np.ndarray, name: str) -> np.ndarray:
        """The named part of flat observations, shape (..., D) to (..., length); a view."""
        return observation[..., self.slices[name]]

    def queue(self, observation: np.ndarray) -> dict[str, np.ndarray]:
        """The waiting queries of flat observations, by feature, each (..., D) to (..., M); views.

        Their names are those of `QUERY_FEATURES`: `present`, `slack`, `slo`, `floor`.
        """
        queries = self.queue_rows(observation)
        return {name: queries[..., n] for n, name in enumerate(QUERY_FEATURES)}

    def queue_rows(self, observation: np.ndarray) -> np.ndarray:
        """The same for compiled code: (..., M, 4), in the columns `PRESENT`, `SLACK` and so on."""
        part = self.part(observation, "queue")
        return part.reshape(*part.shape[:-1], OBSERVED_QUERIES, len(FEATURES))


def _table() -> str:
    """The parts as a table for the class's docstring."""
    rows = ["| slice | length | meaning | range |", "|---|---|---|---|"]
    for part in PARTS:
        low, high = np.min(part.low), np.max(part.high)
        rows.append(f"| `{part.name}` | {part.length} | {part.text} | [{low:g}, {high:g}] |")
    return "\n".join(f"    {row}" for row in rows)


first, rest = str(ObservationLayout.__doc__).split("\n\n", 1)
ObservationLayout.__doc__ = f"{first}\n\n{_table()}\n\n{rest}"
