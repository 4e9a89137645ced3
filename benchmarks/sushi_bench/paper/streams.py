"""The paper's streams: one query after another, each with a constraint, and nobody waits."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_accel import Board, SushiAbs
from sushi_agents import run_episodes
from sushi_agents.heuristics.cache_rules import Combined, cache_none, cache_shared
from sushi_agents.heuristics.sushisched import SushiSchedAccuracy, SushiSchedLatency
from sushi_agents.policy import Policy
from sushi_env import Engine, Problem, Scenario, SloClass, compile_scenario, mean_metrics

CONSTRAINTS = 12
"""Latency constraints that a stream draws from."""

REGIMES = 3
STRAY_SHARE = 0.1
REGIME_QUERIES = 100.0
QUERIES, EPISODES = 1000, 4
LOOSE_SLO = 1000.0
ROUNDING = 1e-6
"""Latency constraints are relaxed by so much: a SubNet that just meets one shall meet it."""

SYSTEMS = ("no SUSHI", "state-unaware", "SUSHI")
"""Nothing cached; one shared SubGraph for good; SushiSched. All choose SubNets by one rule."""


@dataclass(frozen=True)
class Stream:
    """A stream of constraints of one kind.

    Attributes:
        name: What is asked for.
        strict: What is strict: `accuracy` (the fastest SubNet above the floor serves) or
            `latency` (the most accurate SubNet in time).
        classes: The constraints.
    """

    name: str
    strict: str
    classes: tuple[SloClass, ...]

    @property
    def regimes(self) -> tuple[tuple[float, ...], ...]:
        """Mixes of constraints: neighbours come together, for a while; a tenth are strays."""
        count = len(self.classes)
        if count < REGIMES:
            return ((1.0,) * count,)
        mixes = []
        for near in np.array_split(np.arange(count), REGIMES):
            mix = np.full(count, STRAY_SHARE / count)
            mix[near] += (1 - STRAY_SHARE) / len(near)
            mixes.append(tuple(mix.tolist()))
        return tuple(mixes)


@dataclass(frozen=True)
class Outcome:
    """How a system served a stream; means over queries.

    Attributes:
        latency_s: Service latency, seconds; loading SubGraphs is not part of it.
        reload_s: Seconds spent loading SubGraphs, per query.
        top1: Served top-1, percent.
        constraints_met: Share of queries whose constraint was met.
        hit_ratio: Share of weight bytes that were cached.
        offchip_bytes: Off-chip bytes, reloads included.
    """

    latency_s: float
    reload_s: float
    top1: float
    constraints_met: float
    hit_ratio: float
    offchip_bytes: float


def accuracy_streams(table: SushiAbs) -> list[Stream]:
    """Accuracy floors: one of a SubNet's top-1, of two neighbouring SubNets', or of any."""
    S, names = table.num_subnets, table.subnet_names
    windows = [range(i, i + w) for w in (1, 2, S) for i in range(S - w + 1)]
    return [
        Stream(
            name="floors of " + "-".join(dict.fromkeys(names[i] for i in (w[0], w[-1]))),
            strict="accuracy",
            classes=tuple(
                SloClass(name=names[i], slo=LOOSE_SLO, floor=float(table.top1[i])) for i in w
            ),
        )
        for w in windows
    ]


def latency_stream(table: SushiAbs, start: float, span: float) -> Stream:
    """Latency constraints, evenly spread on a logarithmic scale.

    Args:
        table: The table; its uncached latencies are the unit.
        start: The tightest, over the fastest SubNet's uncached latency; at least 1.
        span: The loosest over the tightest.
    """
    uncached = table.latency_s[:, 0]
    limits = np.geomspace(start, start * span, CONSTRAINTS) * uncached.min()
    return Stream(
        name=f"within {1e3 * limits[0]:.3g} to {1e3 * limits[-1]:.3g} ms",
        strict="latency",
        classes=tuple(
            SloClass(name=f"c{n}", slo=float(limit * (1 + ROUNDING) / uncached.max()))
            for n, limit in enumerate(limits)
        ),
    )


def compile_stream(supernet: str, board: Board, stream: Stream, subgraphs: int = 16) -> Problem:
    """Compiles the scenario in which a stream is served on any board."""
    scenario = Scenario(
        name="paper",
        supernet=supernet,
        subgraphs=subgraphs,
        arrivals={"kind": "closed_loop"},  # type: ignore[arg-type]
        classes=stream.classes,
        regimes=stream.regimes,
        regime_queries=REGIME_QUERIES,
        queries=QUERIES,
        reward="utility",
    )
    return compile_scenario(scenario, board=board)


def serve(problem: Problem, policy: Policy, name: str) -> Outcome:
    """Serves a stream, in `EPISODES` episodes of `QUERIES` queries."""
    spent = np.zeros(2)

    def watch(engine: Engine, running: NDArray[np.bool_]) -> None:
        outcome = engine.outcome[running]
        loading = outcome["free_s"] - outcome["finish_s"]
        spent[:] += loading.sum(), len(loading)

    metrics = mean_metrics(
        run_episodes(problem, policy, EPISODES, seed=0, name=name, on_step=watch)
    )
    return Outcome(
        latency_s=metrics.latency_mean_s,
        reload_s=float(spent[0] / spent[1]),
        top1=metrics.served_accuracy,
        constraints_met=min(metrics.slo_attainment, metrics.floor_attainment),
        hit_ratio=metrics.cache_hit_ratio,
        offchip_bytes=metrics.offchip_bytes,
    )


def serve_all(
    supernet: str, board: Board, stream: Stream, period: int = 8, subgraphs: int = 16
) -> dict[str, Outcome]:
    """Serves a stream with every system on the same queries.

    Args:
        supernet: Name of the SuperNet.
        board: The board.
        stream: The stream.
        period: Q, decisions from one cache decision of SushiSched to the next.
        subgraphs: SubGraphs of the table.

    Returns:
        What came of it, by the names in `SYSTEMS`.
    """
    problem = compile_stream(supernet, board, stream, subgraphs)
    rule = SushiSchedAccuracy if stream.strict == "accuracy" else SushiSchedLatency
    policies = (
        Combined(problem, rule(problem), cache_none),
        Combined(problem, rule(problem), cache_shared),
        rule(problem, period=period),
    )
    return {
        name: serve(problem, policy, name) for name, policy in zip(SYSTEMS, policies, strict=True)
    }
