"""A policy's episode, recorded for pictures, and the part of it that they show."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sushi_agents.evaluation import EVALUATION_SEEDS, Play
from sushi_agents.policy import Policy
from sushi_env import InputError, Problem
from sushi_env.engine.arrivals import realised_arrivals
from sushi_env.rendering.record import EpisodeRecord

Progress = Callable[[int], None]


@dataclass(frozen=True)
class Span:
    """The queries of an episode that a picture shows, those from `first` to before `last`.

    Attributes:
        first: Number of the first query, from 0.
        last: Number of the query after the last one.
    """

    first: int
    last: int


def chosen_span(problem: Problem, seed: int, first: int, queries: int) -> Span:
    """The queries to show, cut off where the episode ends.

    Raises:
        InputError: If a number is out of range.
    """
    total = problem.scenario.queries
    if not 0 <= seed < EVALUATION_SEEDS:
        raise InputError(f"seed = {seed}, must be in 0..{EVALUATION_SEEDS - 1}")
    if not 0 <= first < total:
        raise InputError(
            f"first query shown = {first}, must be in 0..{total - 1}: the episode has {total}"
        )
    if queries < 1:
        raise InputError(f"queries shown = {queries}, must be at least 1")
    return Span(first, min(first + queries, total))


def record_episode(
    problem: Problem,
    policy: Policy,
    seed: int,
    span: Span,
    name: str,
    on_progress: Progress | None = None,
) -> EpisodeRecord:
    """Runs a policy from the beginning of an episode to the end of what is shown of it.

    Args:
        problem: The compiled scenario.
        policy: The policy.
        seed: Seed; the first episode of it is recorded.
        span: The queries to show.
        name: Name of the policy, for messages.
        on_progress: Called with the queries resolved so far.

    Raises:
        PolicyError: If the policy raises or returns what is not an action.
    """
    play = Play(problem, policy, [seed], name)
    record = EpisodeRecord(play.engine)
    closed_loop = problem.scenario.arrivals.kind == "closed_loop"
    end_s = 0.0 if closed_loop else shown_seconds(problem, seed, span)[1]
    while play.running[0]:
        if record.now_s >= end_s and (not closed_loop or play.steps >= span.last):
            break
        record.note(*play.step()[0].tolist())
        if on_progress is not None:
            on_progress(record.totals.resolved)
    return record


def shown_seconds(
    problem: Problem, seed: int, span: Span, record: EpisodeRecord | None = None
) -> tuple[float, float]:
    """When a picture of the span begins and ends, seconds.

    It begins with the arrival of its first query and ends with the one after its last, or with
    the last deadline of the episode. If arrivals are closed-loop, it ends with the last answer.

    Args:
        problem: The compiled scenario.
        seed: Seed of the episode.
        span: The queries to show.
        record: What happened; needed if arrivals are closed-loop.
    """
    if problem.scenario.arrivals.kind == "closed_loop":
        assert record is not None
        services = record.services
        return services[span.first].query.arrival_s, services[span.last - 1].finish_s
    stream = realised_arrivals(problem, seed, 0, span.last + 1)
    times = stream.times
    if span.last < problem.scenario.queries:
        return float(times[span.first]), float(times[span.last])
    deadlines = times + problem.classes[stream.classes, 0]
    return float(times[span.first]), float(deadlines[span.first : span.last].max())


def shown_arrivals(
    problem: Problem, seed: int, span: Span, record: EpisodeRecord
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Arrival times, seconds, and SLO classes of the span's queries, dropped ones included.

    Returns:
        Two arrays of shape (n,).
    """
    stream = realised_arrivals(problem, seed, 0, span.last)
    times, shown = stream.times, slice(span.first, span.last)
    if problem.scenario.arrivals.kind == "closed_loop":  # nobody waits, and nobody is dropped
        times = np.array([service.query.arrival_s for service in record.services])
    return times[shown], stream.classes[shown]
