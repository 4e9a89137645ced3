"""What a picture shows: one instant of an episode."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Query:
    """A query that has arrived.

    Attributes:
        number: Its number in the episode, from 0.
        kind: Name of its SLO class.
        arrival_s: When it arrived, seconds.
        slo_s: Its latency SLO, seconds.
        floor: Its accuracy floor, percent top-1.
    """

    number: int
    kind: str
    arrival_s: float
    slo_s: float
    floor: float

    @property
    def deadline_s(self) -> float:
        """When its SLO ends, seconds."""
        return self.arrival_s + self.slo_s


@dataclass(frozen=True)
class Totals:
    """Sums over an episode so far.

    Attributes:
        served: Queries served.
        dropped: Queries dropped.
        on_time: Queries served within their SLO.
        below_floor: Queries served below their accuracy floor.
        top1: Sum of served top-1, percent.
        utility: Sum of utilities.
        reloads: Cache changes.
    """

    served: int = 0
    dropped: int = 0
    on_time: int = 0
    below_floor: int = 0
    top1: float = 0.0
    utility: float = 0.0
    reloads: int = 0

    @property
    def resolved(self) -> int:
        """Queries served or dropped."""
        return self.served + self.dropped

    @property
    def mean_utility(self) -> float:
        """Mean utility of resolved queries; 0 before the first."""
        return self.utility / max(self.resolved, 1)

    @property
    def on_time_share(self) -> float:
        """Share of resolved queries served within their SLO; 1 before the first."""
        return self.on_time / self.resolved if self.resolved else 1.0

    @property
    def mean_top1(self) -> float | None:
        """Mean top-1 of served queries, percent; None before the first."""
        return self.top1 / self.served if self.served else None


@dataclass(frozen=True)
class Service:
    """A query served: one step of the environment.

    Attributes:
        query: The query.
        subnet: The SubNet that served it.
        cached: The SubGraph cached meanwhile.
        subgraph: The SubGraph loaded after it; the same one if none was.
        start_s: When service began, seconds.
        finish_s: When it ended, seconds.
        free_s: When the reload after it ended, seconds.
        top1: Top-1 accuracy it was served with, percent.
        on_time: Whether it met its SLO.
        above_floor: Whether it met its accuracy floor.
        utility: Its utility.
        dropped: Queries dropped in this step.
        totals: Sums over the episode, this step included.
    """

    query: Query
    subnet: int
    cached: int
    subgraph: int
    start_s: float
    finish_s: float
    free_s: float
    top1: float
    on_time: bool
    above_floor: bool
    utility: float
    dropped: int
    totals: Totals

    @property
    def latency_per_slo(self) -> float:
        """Response time over SLO; late above 1."""
        return (self.finish_s - self.query.arrival_s) / self.query.slo_s


@dataclass(frozen=True)
class Moment:
    """An instant of an episode.

    Attributes:
        time_s: The time, seconds.
        waiting: Queries that wait, head first.
        cached: The SubGraph that is cached.
        serving: The query in service or just served, if any; its `finish_s` tells which.
        recent: The latest queries served, oldest first.
        totals: Sums over the episode so far.
    """

    time_s: float
    waiting: tuple[Query, ...]
    cached: int
    serving: Service | None
    recent: tuple[Service, ...]
    totals: Totals
