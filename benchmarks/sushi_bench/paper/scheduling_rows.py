"""Section 4 as rows."""

from dataclasses import asdict
from typing import Any

from sushi_bench.paper.published import ACCURACY_GAIN_POINTS, LATENCY_REDUCTION_PERCENT, PAPER
from sushi_bench.paper.rows import Row, at_least, unpublished
from sushi_bench.paper.scheduling import (
    SUSHI,
    UNAWARE,
    Outcomes,
    Scheduling,
)
from sushi_bench.paper.streams import EPISODES, QUERIES

SERVED = {"arrivals": "closed loop", "episodes": EPISODES, "queries": QUERIES, "subgraphs": 16}
TOO_LITTLE = "no design that was tried reaches it"


def rows(found: Scheduling) -> list[Row]:
    """Headlines, every design, SushiSched over a fixed cache, and its parameters."""
    return [
        _latency(found),
        _accuracy(found),
        *_designs(found),
        _scheduler(found),
        *_hit_ratios(found),
    ]


def _plain(outcomes: Outcomes) -> dict[str, Any]:
    return {name: asdict(outcome) for name, outcome in outcomes.items()}


def _defaults(found: Scheduling, figure: str) -> dict[str, float]:
    return {
        f"{d.preset} {d.supernet}": getattr(s, figure)
        for d, s in found.streams.items()
        if d.is_default
    }


def _latency(found: Scheduling) -> Row:
    best = found.latency.best_stream()
    ours = found.latency.latency_reduction
    return Row(
        id="latency_reduction_stream_max",
        claim="largest reduction of a stream's mean latency at equal served accuracy",
        paper=LATENCY_REDUCTION_PERCENT,
        ours=ours,
        unit="%",
        verdict=at_least(LATENCY_REDUCTION_PERCENT, ours, TOO_LITTLE),
        settings=SERVED
        | {
            "source": PAPER,
            "design": found.latency.design.describe(),
            "stream": best.stream.name,
            "systems": _plain(best.outcomes),
            "all_floors_percent": found.latency.mixed().latency_reduction(),
            "on_default_boards": _defaults(found, "latency_reduction"),
        },
    )


def _accuracy(found: Scheduling) -> Row:
    chosen = found.accuracy
    frontier, n = chosen.best_scale()
    ours = chosen.accuracy_gain
    return Row(
        id="accuracy_gain_max",
        claim="largest gain in served top-1 at equal latency",
        paper=ACCURACY_GAIN_POINTS,
        ours=ours,
        unit="points",
        verdict=at_least(ACCURACY_GAIN_POINTS, ours, TOO_LITTLE),
        settings=SERVED
        | {
            "source": PAPER,
            "design": chosen.design.describe(),
            "stream": frontier.streams[n].name,
            "systems": _plain(frontier.outcomes[n]),
            "at_equal_constraints": float(frontier.at_equal_constraints()[n]),
            "at_equal_mean_latency": float(frontier.at_equal_latency()[n]),
            "mean_gain_by_span": {str(f.span): float(f.gains().mean()) for f in chosen.frontiers},
            "on_default_boards": _defaults(found, "accuracy_gain"),
        },
    )


def _designs(found: Scheduling) -> list[Row]:
    rows = []
    for design, streams in found.streams.items():
        name = f"{design.preset}_{design.supernet}{found.labels[design]}"
        alone = f"SubGraph Stationary alone saves {design.saved_percent:.1f} % there"
        for figure, paper, unit, claim, because in (
            (
                "latency_reduction",
                LATENCY_REDUCTION_PERCENT,
                "%",
                "reduction of mean latency",
                alone,
            ),
            (
                "accuracy_gain",
                ACCURACY_GAIN_POINTS,
                "points",
                "gain in served top-1",
                "the latency that caching saves there buys no more",
            ),
        ):
            ours = getattr(streams, figure)
            rows.append(
                Row(
                    id=f"stream_{figure}_{name}",
                    claim=f"largest {claim} of a stream",
                    paper=paper,
                    ours=ours,
                    unit=unit,
                    verdict=at_least(paper, ours, because),
                    settings=SERVED | {"source": PAPER, "design": design.describe()},
                )
            )
    return rows


def _scheduler(found: Scheduling) -> Row:
    """What choosing the SubGraph adds to a fixed shared one, over all designs and streams."""
    by_stream = {
        (str(design), served.stream.name): served.latency_reduction(SUSHI, UNAWARE)
        for design, streams in found.streams.items()
        for served in streams.strict_accuracy
    }
    where = max(by_stream, key=by_stream.__getitem__)
    gains = list(by_stream.values())
    return Row(
        id="scheduler_over_fixed_cache_max",
        claim="mean latency that SushiSched saves over one shared SubGraph kept for good",
        paper=None,
        ours=by_stream[where],
        unit="%",
        verdict=unpublished(f"over all streams {sum(gains) / len(gains):+.2f} % on average"),
        settings=SERVED
        | {
            "design": where[0],
            "stream": where[1],
            "mean_percent": sum(gains) / len(gains),
            "least_percent": min(gains),
            "streams": len(gains),
        },
    )


def _hit_ratios(found: Scheduling) -> list[Row]:
    rows = []
    for name, label, results in (
        ("q", "Q", found.periods),
        ("g", "G", found.table_sizes),
    ):
        for value, outcomes in results.items():
            rows.append(
                Row(
                    id=f"cache_hit_ratio_{name}_{value}",
                    claim=f"cache hit ratio, weight bytes, {label} = {value}",
                    paper=None,
                    ours=100 * outcomes[SUSHI].hit_ratio,
                    unit="%",
                    verdict=unpublished(),
                    settings=SERVED
                    | {
                        "stream": found.accuracy.mixed().stream.name,
                        "design": found.accuracy.design.describe(),
                        "systems": _plain(outcomes),
                    }
                    | ({"Q": value} if name == "q" else {"Q": 8, "subgraphs": value}),
                )
            )
    return rows
