"""Evaluations cut into units of a fixed size, run here or spread over processes.

A unit is some episodes of one policy, run by a fresh copy of it. Which unit an episode belongs
to depends on nothing but its number, so results are the same for any number of processes.
"""

import multiprocessing
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents import PolicyError, make_policy, run_episodes
from sushi_agents.policy import Policy
from sushi_bench import debugging
from sushi_bench.comparing.response_times import ResponseTimes
from sushi_env import EpisodeMetrics, Problem

EPISODES_PER_UNIT = 50

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Unit:
    """Some episodes of one policy.

    Attributes:
        policy: Name of the policy.
        seed: Seed of the first episode.
        episodes: Number of episodes.
    """

    policy: str
    seed: int
    episodes: int


@dataclass(frozen=True)
class UnitResult:
    """What came of a unit.

    Attributes:
        rows: Metrics of each episode; none if the policy failed.
        response_counts: Counts of `ResponseTimes`; empty if the policy failed.
        error: How the policy failed, in one line.
    """

    rows: list[EpisodeMetrics]
    response_counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    error: str | None = None


def units_of(policy: str, episodes: int, seed: int) -> list[Unit]:
    """The units of a policy's evaluation."""
    return [
        Unit(policy, seed + first, min(EPISODES_PER_UNIT, episodes - first))
        for first in range(0, max(episodes, 1), EPISODES_PER_UNIT)
    ]


def run_unit(
    problem: Problem, unit: Unit, policy: Policy | None, trust: bool, report: Report | None = None
) -> UnitResult:
    """Runs a unit, with a policy in memory or a fresh one by the unit's name.

    Raises:
        InputError: If a number is out of range; a policy that fails is part of the result.
    """
    times = ResponseTimes(problem)
    try:
        chosen = policy or make_policy(unit.policy, problem, trust)
        if "torch" in sys.modules:  # sums of networks must not depend on the number of threads
            sys.modules["torch"].set_num_threads(1)
        rows = run_episodes(
            problem, chosen, unit.episodes, unit.seed, unit.policy, report, times.watch
        )
    except PolicyError as error:
        debugging.trace(error)  # here: the traceback does not outlive a worker's answer
        return UnitResult([], error=str(error))
    return UnitResult(rows, times.counts)


def run_units(
    problem: Problem, units: Sequence[Unit], trust: bool, jobs: int
) -> Iterator[tuple[int, UnitResult]]:
    """Runs units in processes of their own, and yields each one's index and result as it ends.

    A policy that ends or kills its process fails alone: what was running beside it is run again.
    """
    pool = _pool(problem, trust, jobs)
    left = set(range(len(units)))
    try:
        futures: dict[Future[UnitResult], int] = {
            pool.submit(_run_here, unit): n for n, unit in enumerate(units)
        }
        for future in as_completed(futures):
            try:
                result = future.result()
            except BrokenProcessPool:
                break
            left.discard(futures[future])
            yield futures[future], result
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    for n in sorted(left):
        with _pool(problem, trust, 1) as alone:
            try:
                result = alone.submit(_run_here, units[n]).result()
            except BrokenProcessPool:
                result = UnitResult([], error=f"policy {units[n].policy!r} ended its process")
        yield n, result


def _pool(problem: Problem, trust: bool, jobs: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(jobs, context, _begin, (problem, trust))


_work: dict[str, Any] = {}


def _begin(problem: Problem, trust: bool) -> None:
    _work.update(problem=problem, trust=trust)


def _run_here(unit: Unit) -> UnitResult:
    return run_unit(_work["problem"], unit, None, _work["trust"])
