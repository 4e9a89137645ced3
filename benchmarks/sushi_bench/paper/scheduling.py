"""Section 4: the paper's streams under no SUSHI, SUSHI without its scheduler, and full SUSHI.

With strict accuracy all systems serve each query with the fastest SubNet above its floor: served
accuracy is equal, and mean latency is compared. With strict latency they serve the most accurate
SubNet within the constraint, and served accuracy is compared at equal latency, in both readings:
under the same constraints, and at the same *mean* latency, which is with what no SUSHI serves
where its constraints are scaled until its mean latency is the same (interpolated between nine
scales). The lower of the two gains counts.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_accel import build_table, get_supernet, supernet_names
from sushi_bench.paper.accelerator import Accelerator, Track
from sushi_bench.paper.designs import Design, default_design, nearest
from sushi_bench.paper.published import ACCURACY_GAIN_POINTS, LATENCY_REDUCTION_PERCENT
from sushi_bench.paper.readings import SWEPT
from sushi_bench.paper.streams import (
    SYSTEMS,
    Outcome,
    Stream,
    accuracy_streams,
    latency_stream,
    serve_all,
)

NONE, UNAWARE, SUSHI = SYSTEMS

SPANS = (1.25, 2.0, 4.0)
"""Loosest over tightest latency constraint of a stream."""

SCALES = 9
PERIODS = (1, 2, 4, 8, 16, 32, 64)
TABLE_SIZES = (2, 4, 8, 16, 32, 64)

Outcomes = dict[str, Outcome]


@dataclass(frozen=True)
class StrictAccuracy:
    """One stream of accuracy floors, served by every system."""

    stream: Stream
    outcomes: Outcomes

    def latency_reduction(self, system: str = SUSHI, over: str = NONE) -> float:
        """Mean latency that one system saves over another, percent."""
        return 100 * (1 - self.outcomes[system].latency_s / self.outcomes[over].latency_s)


@dataclass(frozen=True)
class Frontier:
    """Streams of latency constraints of one span, scaled from tight to loose.

    Attributes:
        span: Loosest over tightest constraint.
        streams: The streams.
        outcomes: Of each stream.
    """

    span: float
    streams: list[Stream]
    outcomes: list[Outcomes]

    def latency_s(self, system: str) -> NDArray[np.float64]:
        """Mean latency at each scale, seconds."""
        return np.array([o[system].latency_s for o in self.outcomes])

    def top1(self, system: str) -> NDArray[np.float64]:
        """Served top-1 at each scale, percent."""
        return np.array([o[system].top1 for o in self.outcomes])

    def gains(self, system: str = SUSHI) -> NDArray[np.float64]:
        """Points of top-1 that a system gains over no SUSHI, in the less kind reading."""
        return np.minimum(self.at_equal_constraints(system), self.at_equal_latency(system))

    def at_equal_constraints(self, system: str = SUSHI) -> NDArray[np.float64]:
        """Points of top-1 that a system gains over no SUSHI under the same constraints."""
        return self.top1(system) - self.top1(NONE)

    def at_equal_latency(self, system: str = SUSHI) -> NDArray[np.float64]:
        """Points of top-1 that a system gains over no SUSHI at equal mean latency.

        Where even the tightest constraints leave no SUSHI slower, it is compared there.
        """
        order = np.argsort(self.latency_s(NONE))
        without = np.interp(
            self.latency_s(system), self.latency_s(NONE)[order], self.top1(NONE)[order]
        )
        return self.top1(system) - without


@dataclass(frozen=True)
class Streams:
    """Everything that was served on one design."""

    design: Design
    strict_accuracy: list[StrictAccuracy]
    frontiers: list[Frontier]

    @property
    def latency_reduction(self) -> float:
        """The largest, percent."""
        return max(s.latency_reduction() for s in self.strict_accuracy)

    @property
    def accuracy_gain(self) -> float:
        """The largest at equal latency, in the less kind reading, points."""
        return max(float(f.gains().max()) for f in self.frontiers)

    def best_stream(self) -> StrictAccuracy:
        """The stream of the largest latency reduction."""
        return max(self.strict_accuracy, key=lambda s: s.latency_reduction())

    def best_scale(self) -> tuple[Frontier, int]:
        """The streams of the largest accuracy gain, and which of them has it."""
        frontier = max(self.frontiers, key=lambda f: float(f.gains().max()))
        return frontier, int(frontier.gains().argmax())

    def mixed(self) -> StrictAccuracy:
        """The stream with the floors of every SubNet."""
        return max(self.strict_accuracy, key=lambda s: len(s.stream.classes))


@dataclass(frozen=True)
class Scheduling:
    """Streams on every design, and what SushiSched's parameters change.

    Attributes:
        streams: By design: the boards as they are, and those that section 2 found.
        labels: What each design is, as a suffix of rows' names; empty for a board as it is.
        latency: The design for the paper's latency reduction over a stream.
        accuracy: The design for its accuracy gain.
        periods: By Q, the mixed stream on `accuracy`'s design under SUSHI.
        table_sizes: By |G|, the same.
    """

    streams: dict[Design, Streams]
    labels: dict[Design, str]
    latency: Streams
    accuracy: Streams
    periods: dict[int, Outcomes]
    table_sizes: dict[int, Outcomes]


def serve_design(design: Design, spans: tuple[float, ...] = SPANS) -> Streams:
    """Serves all streams on a design."""
    table = build_table(get_supernet(design.supernet), design.board)
    strict = [
        StrictAccuracy(stream, serve_all(design.supernet, design.board, stream))
        for stream in accuracy_streams(table)
    ]
    uncached = table.latency_s[:, 0]
    frontiers = []
    for span in spans:
        scales = np.geomspace(1.0, uncached.max() / uncached.min(), SCALES)
        streams = [latency_stream(table, float(scale), span) for scale in scales]
        served = [serve_all(design.supernet, design.board, stream) for stream in streams]
        frontiers.append(Frontier(span, streams, served))
    return Streams(design, strict, frontiers)


def search(accelerator: Accelerator, track: Track) -> Scheduling:
    """Serves the streams on the boards as they are and on the designs of section 2."""
    labels = {accelerator.robust: "_both_readings"}
    labels |= {d: "_design" for d in accelerator.reaching.values() if d is not None}
    labels |= {default_design(s, p): "" for s in supernet_names() for p in SWEPT}
    designs = sorted(labels, key=lambda d: (labels[d] != "", SWEPT.index(d.preset), d.supernet))
    streams = {d: serve_design(d) for d in track(designs, "serving the paper's streams")}
    latency = _chosen(streams, LATENCY_REDUCTION_PERCENT, "latency_reduction")
    accuracy = _chosen(streams, ACCURACY_GAIN_POINTS, "accuracy_gain")
    design, mixed = accuracy.design, accuracy.mixed().stream
    periods = {
        q: serve_all(design.supernet, design.board, mixed, period=q)
        for q in track(PERIODS, "varying Q")
    }
    sizes = {
        g: serve_all(design.supernet, design.board, mixed, subgraphs=g)
        for g in track(TABLE_SIZES, "varying G")
    }
    return Scheduling(streams, labels, latency, accuracy, periods, sizes)


def _chosen(streams: dict[Design, Streams], target: float, figure: str) -> Streams:
    """The nearest design that reaches the target, else the best one."""

    def value(design: Design) -> Any:
        return getattr(streams[design], figure)

    found = nearest(list(streams), target, value) or max(streams, key=value)
    return streams[found]
