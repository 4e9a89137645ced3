"""A scenario in words."""

from pathlib import Path

from sushi_env import Scenario
from sushi_env.scenario.traffic import (
    Arrivals,
    DiurnalArrivals,
    FlashCrowdArrivals,
    GammaArrivals,
    MmppArrivals,
    PoissonArrivals,
    TraceArrivals,
)


def facts(scenario: Scenario) -> list[tuple[str, str]]:
    """What a scenario is made of: names and values."""
    board = scenario.board
    if scenario.bandwidth_gbs is not None:
        board += f", {scenario.bandwidth_gbs:g} GB/s off chip"
    if scenario.pb_kib is not None:
        board += f", {scenario.pb_kib} KiB Persistent Buffer"
    found = [("SuperNet", scenario.supernet), ("Board", board)]
    if scenario.load is not None:
        found.append(("Load", f"{scenario.load:g}, where 1 is all that the fastest SubNet serves"))
    found.append(("Arrivals", arrivals_in_words(scenario.arrivals)))
    found += [
        (
            f"Class {c.name}",
            f"within {c.slo:g} \N{MULTIPLICATION SIGN} the largest SubNet's latency, "
            f"top-1 of at least {c.floor:g} %",
        )
        for c in scenario.classes
    ]
    if len(scenario.regimes) > 1:
        mixes = (
            f"{len(scenario.regimes)} mixes, {scenario.regime_queries:g} queries each on average"
        )
        found.append(("Mix of classes", mixes))
    if scenario.service_jitter:
        found.append(("Service times vary", f"by {100 * scenario.service_jitter:g} %"))
    if scenario.admission == "drop_hopeless":
        found.append(("Admission", "queries that cannot be served in time are dropped"))
    found.append(("Episode", f"{scenario.queries} queries, queue of {scenario.queue_capacity}"))
    return found


def arrivals_in_words(arrivals: Arrivals) -> str:
    """An arrival process in words."""
    match arrivals:
        case PoissonArrivals():
            return "Poisson"
        case GammaArrivals():
            return f"gamma, squared coefficient of variation {arrivals.scv:g}"
        case MmppArrivals():
            rates = " : ".join(f"{rate:g}" for rate in arrivals.rates)
            return f"Poisson that switches between rates of {rates}"
        case DiurnalArrivals():
            swing = f"\N{PLUS-MINUS SIGN}{100 * arrivals.amplitude:g} %"
            return f"days of {arrivals.period_queries:g} queries, rate {swing}"
        case FlashCrowdArrivals():
            every = f"every {arrivals.period_queries:g} queries"
            return f"crowds of {arrivals.peak:g} times the rate, {every}"
        case TraceArrivals():
            return f"recorded: {Path(arrivals.path).name.partition('.')[0]}"
        case _:
            return "the next when the last is served"
