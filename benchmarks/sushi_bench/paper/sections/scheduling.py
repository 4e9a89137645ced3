"""Section 4: the paper's streams under no SUSHI, SUSHI without its scheduler, and full SUSHI.

With strict accuracy all systems serve each query with the fastest SubNet above its floor: served
accuracy is equal, and mean latency is compared. With strict latency they serve the most accurate
SubNet within the constraint, and served accuracy is compared at equal latency, in both readings:
under the same constraints, and at the same *mean* latency, which is with what no SUSHI serves
where its constraints are scaled until its mean latency is the same (interpolated between nine
scales). The lower of the two gains counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from sushi_accel import build_table, get_supernet, supernet_names
from sushi_bench.paper.designs import Design, default_design, nearest
from sushi_bench.paper.devices import SWEPT
from sushi_bench.paper.published import ACCURACY_GAIN_POINTS, LATENCY_REDUCTION_PERCENT
from sushi_bench.paper.sections import Track
from sushi_bench.paper.sections.accelerator import Accelerator
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


def latency_reduction(outcomes: Outcomes, system: str = SUSHI, over: str = NONE) -> float:
    """Mean latency that one system saves over another, percent."""
    return 100 * (1 - outcomes[system].latency_s / outcomes[over].latency_s)


@dataclass(frozen=True)
class Served:
    """A stream, and how every system served it."""

    stream: Stream
    outcomes: Outcomes

    @property
    def latency_reduction(self) -> float:
        """Mean latency that SUSHI saves over no SUSHI, percent."""
        return latency_reduction(self.outcomes)


@dataclass(frozen=True)
class Frontier:
    """Streams of latency constraints of one span, scaled from tight to loose.

    Attributes:
        span: Loosest over tightest constraint.
        served: The streams, each served.
    """

    span: float
    served: Sequence[Served]

    def latency_s(self, system: str) -> NDArray[np.float64]:
        """Mean latency at each scale, seconds."""
        return np.array([s.outcomes[system].latency_s for s in self.served])

    def top1(self, system: str) -> NDArray[np.float64]:
        """Served top-1 at each scale, percent."""
        return np.array([s.outcomes[system].top1 for s in self.served])

    def gains(self) -> NDArray[np.float64]:
        """Points of top-1 that SUSHI gains over no SUSHI, in the less kind reading."""
        return np.minimum(self.at_equal_constraints(), self.at_equal_latency())

    def at_equal_constraints(self) -> NDArray[np.float64]:
        """Points of top-1 that SUSHI gains over no SUSHI under the same constraints."""
        return self.top1(SUSHI) - self.top1(NONE)

    def at_equal_latency(self) -> NDArray[np.float64]:
        """Points of top-1 that SUSHI gains over no SUSHI at equal mean latency.

        Where even the tightest constraints leave no SUSHI slower, it is compared there.
        """
        latency_s = self.latency_s(NONE)
        order = np.argsort(latency_s)
        without = np.interp(self.latency_s(SUSHI), latency_s[order], self.top1(NONE)[order])
        return self.top1(SUSHI) - without


@dataclass(frozen=True)
class Streams:
    """Everything that was served on one design."""

    design: Design
    strict_accuracy: Sequence[Served]
    frontiers: Sequence[Frontier]

    @property
    def latency_reduction(self) -> float:
        """The largest, percent."""
        return self.best_stream.latency_reduction

    @property
    def accuracy_gain(self) -> float:
        """The largest at equal latency, in the less kind reading, points."""
        frontier, n = self.best_scale
        return float(frontier.gains()[n])

    @cached_property
    def best_stream(self) -> Served:
        """The stream of the largest latency reduction."""
        return max(self.strict_accuracy, key=lambda s: s.latency_reduction)

    @cached_property
    def best_scale(self) -> tuple[Frontier, int]:
        """The streams of the largest accuracy gain, and which of them has it."""
        frontier = max(self.frontiers, key=lambda f: float(f.gains().max()))
        return frontier, int(frontier.gains().argmax())

    @property
    def mixed(self) -> Served:
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


def serve_design(design: Design, spans: Sequence[float] = SPANS) -> Streams:
    """Serves all streams on a design."""
    table = build_table(get_supernet(design.supernet), design.board)
    uncached = table.latency_s[:, 0]
    scales = np.geomspace(1.0, uncached.max() / uncached.min(), SCALES).tolist()

    def served(streams: Sequence[Stream]) -> list[Served]:
        return [Served(s, serve_all(design.supernet, design.board, s)) for s in streams]

    return Streams(
        design,
        served(accuracy_streams(table)),
        [
            Frontier(span, served([latency_stream(table, scale, span) for scale in scales]))
            for span in spans
        ],
    )


def search(accelerator: Accelerator, track: Track) -> Scheduling:
    """Serves the streams on the boards as they are and on the designs of section 2."""
    labels = {accelerator.robust: "_both_readings"}
    labels |= {d: "_design" for d in accelerator.reaching.values() if d is not None}
    labels |= {default_design(s, p): "" for s in supernet_names() for p in SWEPT}
    designs = sorted(labels, key=lambda d: (labels[d] != "", SWEPT.index(d.preset), d.supernet))
    streams = {d: serve_design(d) for d in track(designs, "serving the paper's streams")}

    def chosen(figure: str, target: float) -> Streams:
        """The nearest design that reaches the target, else the best one."""
        values = {design: getattr(found, figure) for design, found in streams.items()}
        value = values.__getitem__
        return streams[nearest(designs, target, value) or max(designs, key=value)]

    accuracy = chosen("accuracy_gain", ACCURACY_GAIN_POINTS)
    on = accuracy.design.supernet, accuracy.design.board, accuracy.mixed.stream
    return Scheduling(
        streams,
        labels,
        chosen("latency_reduction", LATENCY_REDUCTION_PERCENT),
        accuracy,
        periods={q: serve_all(*on, period=q) for q in track(PERIODS, "varying Q")},
        table_sizes={g: serve_all(*on, subgraphs=g) for g in track(TABLE_SIZES, "varying G")},
    )
