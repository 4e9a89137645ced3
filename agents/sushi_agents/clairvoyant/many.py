"""Bounds of many episodes, spread over processes."""

import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from typing import Any

from sushi_agents.clairvoyant.bound import MAX_LABELS, Bound, clairvoyant_bound
from sushi_env import InputError, Problem


def clairvoyant_bounds(
    problem: Problem,
    seeds: Sequence[int],
    jobs: int = 1,
    max_labels: int = MAX_LABELS,
    on_progress: Callable[[int, int], None] | None = None,
) -> list[Bound]:
    """The bounds of the first episodes of several seeds.

    Args:
        problem: The compiled scenario.
        seeds: The seeds.
        jobs: Number of processes; 1 computes everything in this one.
        max_labels: See `clairvoyant_bound`.
        on_progress: Called with episodes done and to do.

    Returns:
        One bound per seed, in their order, the same for any number of processes.

    Raises:
        InputError: If `jobs` is below 1; see also `clairvoyant_bound`.
    """
    if jobs < 1:
        raise InputError(f"jobs = {jobs}, must be at least 1")
    report = on_progress or (lambda done, total: None)
    report(0, len(seeds))
    bounds: dict[int, Bound] = {}
    if jobs == 1:
        for n, seed in enumerate(seeds):
            bounds[n] = clairvoyant_bound(problem, seed, max_labels=max_labels)
            report(len(bounds), len(seeds))
    else:
        context = multiprocessing.get_context("spawn")
        workers = min(jobs, max(len(seeds), 1))
        with ProcessPoolExecutor(workers, context, _begin, (problem, max_labels)) as pool:
            futures = {pool.submit(_bound, seed): n for n, seed in enumerate(seeds)}
            for future in as_completed(futures):
                bounds[futures[future]] = future.result()
                report(len(bounds), len(seeds))
    return [bounds[n] for n in range(len(seeds))]


_work: dict[str, Any] = {}


def _begin(problem: Problem, max_labels: int) -> None:
    _work.update(problem=problem, max_labels=max_labels)


def _bound(seed: int) -> Bound:
    return clairvoyant_bound(_work["problem"], seed, max_labels=_work["max_labels"])
