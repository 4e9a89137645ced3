"""A suite's work, cut into tasks that any process on any machine can do.

A task is some episodes of one policy in one scenario, run by a fresh copy of the policy. Which
task an episode belongs to depends on nothing but its seed, so results are the same for any
number of processes and any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from sushi_accel.shown import shown
from sushi_agents.clairvoyant import clairvoyant_bound
from sushi_agents.kinds_of_name import CLAIRVOYANT
from sushi_agents.named_policy import LEARNED
from sushi_agents.registry import named_policy, policy_names
from sushi_bench.comparing.evaluation_units import Unit, run_unit
from sushi_bench.results.files import Header, Row
from sushi_env import (
    Engine,
    EpisodeMetrics,
    InputError,
    Problem,
    Scenario,
    compile_scenario,
    get_scenario,
)

EPISODES_PER_TASK = 25
"""Episodes that a policy sees side by side, as one batch."""


@dataclass(frozen=True)
class Task:
    """Some episodes of one policy in one scenario.

    Attributes:
        policy: Name of the policy; see `make_policy`. `clairvoyant` computes the bound.
        scenario: Name of the scenario.
        digest: What the scenario's digest must be where the task runs.
        seed: Seed of the first episode.
        episodes: Number of episodes.
        trust: Whether model files may execute code while they load.
    """

    policy: str
    scenario: str
    digest: str
    seed: int
    episodes: int
    trust: bool = False


@dataclass(frozen=True)
class Outcome:
    """What came of a task.

    Attributes:
        rows: One row per episode; none if the policy failed.
        error: How the policy failed, in one line.
    """

    rows: list[Row]
    error: str | None = None


def file_name(policy: str) -> str:
    """Name of a policy's result file."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in policy)
    return f"{kept}.jsonl"


def scenarios_of(policy: str, scenarios: dict[str, Scenario]) -> dict[str, Scenario]:
    """The scenarios in which a policy exists; a learned one has to be for all of them.

    Raises:
        InputError: If it exists in none.
    """
    known = named_policy(policy)
    if known.kind == LEARNED:
        return scenarios
    problems = {name: compile_scenario(scenario) for name, scenario in scenarios.items()}
    found = {name: scenarios[name] for name, problem in problems.items() if known.exists(problem)}
    if not found:
        there = {name for problem in problems.values() for name in policy_names(problem)}
        raise InputError(
            f"policy {shown(policy)} exists in none of the scenarios; there are: "
            f"{', '.join(sorted(there))}"
        )
    return found


def tasks_of(header: Header, trust: bool = False) -> list[Task]:
    """The tasks behind a result file, in the order of its rows."""
    size = 1 if header.kind == "bound" else EPISODES_PER_TASK
    return [
        Task(
            header.policy,
            scenario,
            digest,
            header.first_seed + first,
            min(size, header.episodes - first),
            trust,
        )
        for scenario, digest in header.scenarios.items()
        for first in range(0, header.episodes, size)
    ]


def run_task(task: Task) -> Outcome:
    """Does a task in this process; whatever goes wrong is part of the outcome."""
    try:
        problem = _problem(task.scenario, task.digest)
        if task.policy == CLAIRVOYANT:
            seeds = range(task.seed, task.seed + task.episodes)
            return Outcome([bound_row(problem, seed) for seed in seeds])
        unit = Unit(task.policy, task.seed, task.episodes)
        result = run_unit(problem, unit, None, task.trust)
    except InputError as error:
        return Outcome([], str(error))
    except Exception as error:
        return Outcome([], f"policy {task.policy!r}: {type(error).__name__}: {error}")
    if result.error is not None:
        return Outcome([], result.error)
    return Outcome(
        [Row(task.scenario, task.seed + k, metrics) for k, metrics in enumerate(result.rows)]
    )


def bound_row(problem: Problem, seed: int) -> Row:
    """The clairvoyant bound of an episode, and the metrics of the schedule behind it."""
    bound = clairvoyant_bound(problem, seed)
    upper = bound.upper / problem.scenario.queries
    return Row(problem.scenario.name, seed, replayed(problem, seed, bound.actions), upper)


def replayed(
    problem: Problem, seed: int, actions: Sequence[tuple[int, int]] | np.ndarray
) -> EpisodeMetrics:
    """What the engine makes of a sequence of actions that lasts exactly one episode."""
    engine = Engine(problem, 1)
    engine.seed(np.array([seed], dtype=np.uint64))
    engine.reset()
    for subnet, subgraph in np.asarray(actions, dtype=np.int64):
        engine.step_one(int(subnet), int(subgraph))
    return engine.metrics(0)


@lru_cache(maxsize=4)
def _problem(name: str, digest: str) -> Problem:
    scenario = get_scenario(name)
    if scenario.digest != digest:
        raise InputError(
            f"scenario {name} has the digest {scenario.digest} here, must be {digest}: is this "
            "another version of sushi-env?"
        )
    return compile_scenario(scenario)
