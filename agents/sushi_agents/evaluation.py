"""Runs a policy on seeded episodes and returns each episode's metrics."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sushi_agents.policy import Actions, Policy, PolicyError
from sushi_env import Engine, EpisodeMetrics, InputError, Problem
from sushi_env.engine.actions import as_pairs

EVALUATION_SEEDS = 2_000_000_000
"""Seeds below this are for evaluation; those above, up to 2**32, are for training."""

Progress = Callable[[int, int], None]
Watch = Callable[[Engine, NDArray[np.bool_]], None]


def run_episodes(
    problem: Problem,
    policy: Policy,
    episodes: int,
    seed: int,
    name: str = "policy",
    on_progress: Progress | None = None,
    on_step: Watch | None = None,
) -> list[EpisodeMetrics]:
    """Runs a policy on the first episode of each of the seeds `seed`, `seed + 1`, ...

    Every policy that is run with the same arguments faces the same queries. Episodes run side
    by side as one batch; one that ends early runs on, unobserved, until all have ended, so
    that a policy always sees the whole batch.

    Args:
        problem: The compiled scenario.
        policy: The policy.
        episodes: Number of episodes, at least 1.
        seed: Seed of the first episode.
        name: Name of the policy, for messages.
        on_progress: Called with queries resolved and to be resolved, now and then.
        on_step: Called after each step with the engine, and which environments' step was part
            of their episode, bool, shape (episodes,).

    Returns:
        The metrics of each episode, in order of their seeds.

    Raises:
        InputError: If `episodes` or `seed` is out of range.
        PolicyError: If the policy raises, or returns a wrong shape or type, a value that is not
            finite, or an action out of range.
    """
    if episodes < 1:
        raise InputError(f"episodes = {episodes}, must be at least 1")
    if not 0 <= seed <= EVALUATION_SEEDS - episodes:
        raise InputError(f"seed = {seed}, must be in 0..{EVALUATION_SEEDS - episodes}")
    engine = Engine(problem, episodes)
    engine.seed(np.arange(seed, seed + episodes, dtype=np.uint64))
    observation = engine.reset()
    starts = np.ones(episodes, dtype=np.bool_)
    state: Any = None
    results: list[EpisodeMetrics | None] = [None] * episodes
    step, left = 0, episodes
    total = episodes * problem.scenario.queries
    while left:
        try:
            raw, state = policy.predict(
                observation.copy(), state=state, episode_start=starts, deterministic=True
            )
        except (Exception, SystemExit) as error:
            raise PolicyError(
                f"policy {name!r} raised at step {step}: {type(error).__name__}: {error}"
            ) from error
        engine.step(check_actions(raw, engine, f"policy {name!r}, step {step}"))
        step += 1
        if on_step:
            on_step(engine, np.array([result is None for result in results]))
        starts = engine.truncated.copy()
        over = np.flatnonzero(starts)
        for k in over:
            if results[k] is None:
                results[k] = engine.metrics(int(k))
                left -= 1
        if len(over) and left:
            engine.reset(over)
        if on_progress and step % 64 == 0:
            open_ones = [k for k in range(episodes) if results[k] is None]
            resolved = engine.state["served"] + engine.state["dropped"]
            done = (episodes - left) * problem.scenario.queries
            on_progress(int(done + resolved[open_ones].sum()), total)
    if on_progress:
        on_progress(total, total)
    return [result for result in results if result is not None]


def check_actions(raw: Any, engine: Engine, where: str) -> Actions:
    """Checks what a policy returned, and returns it as the engine's actions.

    Raises:
        PolicyError: One line that says what is wrong, where, and what is allowed.
    """
    try:
        actions = as_pairs(raw, engine.num_envs, engine.problem.table, whole_floats=True)
        engine.check(actions)
    except InputError as error:
        raise PolicyError(f"{where}: {error}") from None
    return actions
