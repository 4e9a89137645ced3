"""Runs a policy on seeded episodes and returns each episode's metrics."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from sushi_accel.shown import shown
from sushi_agents.clairvoyant.schedule import ClairvoyantSchedule
from sushi_agents.policy import Actions, Policy, PolicyError, checked_answer, their_code
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
    play = Play(problem, policy, range(seed, seed + episodes), name)
    engine, queries = play.engine, problem.scenario.queries
    results: list[EpisodeMetrics | None] = [None] * episodes
    while play.running.any():
        running = play.running.copy()
        play.step()
        if on_step:
            on_step(engine, running)
        for k in np.flatnonzero(running & engine.truncated):
            results[k] = engine.metrics(int(k))
        if on_progress and play.steps % 64 == 0:
            resolved = engine.state["served"] + engine.state["dropped"]
            on_progress(int(np.where(play.running, resolved, queries).sum()), episodes * queries)
    if on_progress:
        on_progress(episodes * queries, episodes * queries)
    return [result for result in results if result is not None]


class Play:
    """A policy playing the first episode of each of some seeds, side by side.

    An episode that ends early runs on, unobserved, until all have ended, so that the policy
    always sees the whole batch.

    Args:
        problem: The compiled scenario.
        policy: The policy.
        seeds: The seeds.
        name: Name of the policy, for messages.

    Attributes:
        engine: What they play in.
        running: Which episodes have not ended, bool, shape (n,).
        steps: Number of steps taken.
    """

    def __init__(self, problem: Problem, policy: Policy, seeds: Sequence[int], name: str):
        self.policy, self.name = policy, name
        self.engine = Engine(problem, len(seeds))
        self.engine.seed(np.array(seeds, dtype=np.uint64))
        self.engine.reset()
        self.running = np.ones(len(seeds), dtype=np.bool_)
        self.steps = 0
        self._starts, self._state = self.running.copy(), None
        if isinstance(policy, ClairvoyantSchedule):
            policy.foresee(seeds)

    def step(self) -> Actions:
        """Takes one step in every environment, and returns its actions, shape (n, 2).

        Raises:
            PolicyError: If the policy raises, or returns a wrong shape or type, a value that is
                not finite, or an action that may not be chosen.
        """
        engine, n = self.engine, len(self.running)
        if self.steps and self._starts.any():
            engine.reset(np.flatnonzero(self._starts))
        with their_code(f"policy {shown(self.name)} raised at step {self.steps}"):
            found = self.policy.predict(
                engine.observation.copy(),
                state=self._state,
                episode_start=self._starts,
                deterministic=True,
            )
        try:
            raw, self._state = checked_answer(found, n)
            actions = as_pairs(raw, n, engine.problem.table, whole_floats=True)
            engine.check(actions)
        except InputError as error:
            raise PolicyError(f"policy {shown(self.name)}, step {self.steps}: {error}") from None
        engine.step(actions)
        self.steps += 1
        self._starts = engine.truncated.copy()
        self.running &= ~self._starts
        return actions
