"""An episode as the clairvoyant sees it: every query known, every reward in a table."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sushi_env import InputError, Problem
from sushi_env.engine.arrivals import ArrivalStream, realised_arrivals
from sushi_env.rewards import weights_of

MAX_QUERIES = 50_000


_ACCOUNTED = "utility accuracy latency late below_floor dropped energy"


class Instance(NamedTuple):
    """What the optimum of one episode depends on; compiled code reads it as it is.

    The reward of a step that serves a query of class c with SubNet i under SubGraph g and then
    caches j is `in_time[i, c]` or `late[i, c]`, plus `per_slo` times min(response / SLO, 1), plus
    `serving[i, g]` and `reloading[g, j]` (energy), plus `drop` for each query dropped.

    Attributes:
        times: Arrival times, seconds, shape (N + capacity + 1,).
        classes: SLO classes, shape (N + capacity + 1,).
        jitter: Service-time multipliers, shape (N + capacity + 1,).
        slo: SLO of each class, seconds, shape (C,).
        latency: L, seconds, shape (S, G).
        reload: T, seconds, shape (G, G).
        in_time: Shape (S, C).
        late: Shape (S, C).
        serving: Shape (S, G).
        reloading: Shape (G, G).
        per_slo: Weight of latency, at most 0.
        drop: Reward of a dropped query.
        queries: N, resolved queries that end the episode.
        capacity: Waiting queries that the queue holds.
        drop_hopeless: Whether admission drops queries that no SubNet can serve in time.
    """

    times: NDArray[np.float64]
    classes: NDArray[np.int64]
    jitter: NDArray[np.float64]
    slo: NDArray[np.float64]
    latency: NDArray[np.float64]
    reload: NDArray[np.float64]
    in_time: NDArray[np.float64]
    late: NDArray[np.float64]
    serving: NDArray[np.float64]
    reloading: NDArray[np.float64]
    per_slo: float
    drop: float
    queries: int
    capacity: int
    drop_hopeless: bool


def realise(problem: Problem, seed: int, episode: int = 0) -> Instance:
    """The instance of one episode of a seed.

    Args:
        problem: The compiled scenario.
        seed: Seed of the environment.
        episode: Number of the episode under that seed.

    Returns:
        The instance.

    Raises:
        InputError: If the scenario has no bound: too many queries, or a reward that grows as
            queries are served later.
    """
    queries = int(problem.parameters["queries"][0])
    capacity = int(problem.parameters["capacity"][0])
    if queries > MAX_QUERIES:
        raise InputError(f"clairvoyant bound: queries = {queries}, must be at most {MAX_QUERIES}")
    arrivals = realised_arrivals(problem, seed, episode, queries + capacity + 1)
    if problem.scenario.arrivals.kind == "closed_loop":
        # The next query comes when the accelerator is free: as if each came long after that.
        longest = problem.table.latency_s.max() * arrivals.jitter.max()
        gap = 2 * (longest + problem.table.reload_s.max())
        arrivals = replace(arrivals, times=gap * np.arange(len(arrivals.times)))
    return instance(problem, arrivals)


def instance(problem: Problem, arrivals: ArrivalStream) -> Instance:
    """The instance of given arrivals, of which there must be N + capacity + 1.

    Raises:
        InputError: If the reward of some query grows as it is served later.
    """
    table = problem.table
    weight = weights_of(problem.reward_weights.tolist(), _ACCOUNTED, "clairvoyant bound")
    accuracy = table.normalised(table.top1)
    below = (table.top1[:, None] < problem.classes[:, 1]).astype(np.float64)
    either = weight["accuracy"] * accuracy[:, None] + weight["below_floor"] * below
    in_time = either + weight["utility"] * (1 - below) * (0.5 + 0.5 * accuracy[:, None])
    late = either + weight["late"]
    if weight["latency"] > 0 or (in_time < late).any():
        raise InputError(
            f"clairvoyant bound: scenario {problem.scenario.name!r} rewards lateness "
            "(reward_weights), so an optimum cannot be bounded by serving early"
        )
    per_byte = weight["energy"] * float(problem.parameters["offchip_scale"][0])
    return Instance(
        times=arrivals.times,
        classes=arrivals.classes,
        jitter=arrivals.jitter,
        slo=np.ascontiguousarray(problem.classes[:, 0]),
        latency=table.latency_s,
        reload=table.reload_s,
        in_time=in_time,
        late=late,
        serving=per_byte * table.offchip_bytes,
        reloading=per_byte * table.reload_bytes,
        per_slo=weight["latency"],
        drop=weight["dropped"],
        queries=int(problem.parameters["queries"][0]),
        capacity=int(problem.parameters["capacity"][0]),
        drop_hopeless=problem.scenario.admission == "drop_hopeless",
    )
