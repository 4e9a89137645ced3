"""Section 4 as rows."""

from dataclasses import asdict
from typing import Any

from sushi_bench.paper.published import ACCURACY_GAIN_POINTS, LATENCY_REDUCTION_PERCENT
from sushi_bench.paper.rows import Row, alone, compared
from sushi_bench.paper.sections.scheduling import (
    SUSHI,
    UNAWARE,
    Scheduling,
    Served,
    Streams,
    latency_reduction,
)
from sushi_bench.paper.streams import EPISODES, QUERIES

SERVED = {"arrivals": "closed loop", "episodes": EPISODES, "queries": QUERIES, "subgraphs": 16}
TOO_LITTLE = "no design that was tried reaches it"
BUYS_NO_MORE = "the latency that caching saves there buys no more"


def rows(found: Scheduling) -> list[Row]:
    """Headlines, every design, SushiSched over a fixed cache, and its parameters."""
    return [*_headlines(found), *_designs(found), _scheduler(found), *_hit_ratios(found)]


def _stream(served: Served) -> dict[str, Any]:
    systems = {name: asdict(outcome) for name, outcome in served.outcomes.items()}
    return {"stream": served.stream.name, "systems": systems}


def _headlines(found: Scheduling) -> list[Row]:
    (frontier, n), accuracy, latency = found.accuracy.best_scale, found.accuracy, found.latency

    def settings(figure: str, streams: Streams, served: Served) -> dict[str, Any]:
        defaults = {
            f"{d.preset} {d.supernet}": getattr(streams, figure)
            for d, streams in found.streams.items()
            if d.is_default
        }
        about = {"design": streams.design.describe(), **_stream(served)}
        return SERVED | about | {"on_default_boards": defaults}

    return [
        compared(
            "latency_reduction_stream_max",
            "largest reduction of a stream's mean latency at equal served accuracy",
            LATENCY_REDUCTION_PERCENT,
            latency.latency_reduction,
            "%",
            TOO_LITTLE,
            settings("latency_reduction", latency, latency.best_stream)
            | {"all_floors_percent": latency.mixed.latency_reduction},
        ),
        compared(
            "accuracy_gain_max",
            "largest gain in served top-1 at equal latency",
            ACCURACY_GAIN_POINTS,
            accuracy.accuracy_gain,
            "points",
            TOO_LITTLE,
            settings("accuracy_gain", accuracy, frontier.served[n])
            | {
                "at_equal_constraints": float(frontier.at_equal_constraints()[n]),
                "at_equal_mean_latency": float(frontier.at_equal_latency()[n]),
                "mean_gain_by_span": {
                    str(f.span): float(f.gains().mean()) for f in accuracy.frontiers
                },
            },
        ),
    ]


def _designs(found: Scheduling) -> list[Row]:
    rows = []
    for design, streams in found.streams.items():
        alone_saves = f"SubGraph Stationary alone saves {design.saved_percent:.1f} % there"
        reduction = LATENCY_REDUCTION_PERCENT, streams.latency_reduction, "%", alone_saves
        gain = ACCURACY_GAIN_POINTS, streams.accuracy_gain, "points", BUYS_NO_MORE
        name = f"{design.preset}_{design.supernet}{found.labels[design]}"
        settings = SERVED | {"design": design.describe()}
        for figure, claim, values in (
            ("latency_reduction", "largest reduction of mean latency of a stream", reduction),
            ("accuracy_gain", "largest gain in served top-1 of a stream", gain),
        ):
            rows.append(compared(f"stream_{figure}_{name}", claim, *values, settings))
    return rows


def _scheduler(found: Scheduling) -> Row:
    """What choosing the SubGraph adds to a fixed shared one, over all designs and streams."""
    by_stream = {
        (str(design), served.stream.name): latency_reduction(served.outcomes, SUSHI, UNAWARE)
        for design, streams in found.streams.items()
        for served in streams.strict_accuracy
    }
    (design, stream), most = max(by_stream.items(), key=lambda item: item[1])
    mean = sum(by_stream.values()) / len(by_stream)
    settings = {
        "design": design,
        "stream": stream,
        "mean_percent": mean,
        "least_percent": min(by_stream.values()),
        "streams": len(by_stream),
    }
    return alone(
        "scheduler_over_fixed_cache_max",
        "mean latency that SushiSched saves over one shared SubGraph kept for good",
        most,
        "%",
        SERVED | settings,
        f"over all streams {mean:+.2f} % on average",
    )


def _hit_ratios(found: Scheduling) -> list[Row]:
    by_setting = [({"Q": q}, "Q", q, outcomes) for q, outcomes in found.periods.items()]
    by_setting += [
        ({"Q": 8, "subgraphs": g}, "G", g, outcomes) for g, outcomes in found.table_sizes.items()
    ]
    stream, design = found.accuracy.mixed.stream, found.accuracy.design.describe()
    return [
        alone(
            f"cache_hit_ratio_{label.lower()}_{value}",
            f"cache hit ratio, weight bytes, {label} = {value}",
            100 * outcomes[SUSHI].hit_ratio,
            "%",
            SERVED | {"design": design} | _stream(Served(stream, outcomes)) | settings,
        )
        for settings, label, value, outcomes in by_setting
    ]
