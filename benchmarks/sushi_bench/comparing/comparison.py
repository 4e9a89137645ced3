"""Several policies on the same episodes."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field

import numpy as np
from numpy.typing import NDArray

from sushi_agents import PolicyError, make_policy
from sushi_agents.policy import Policy
from sushi_bench.comparing.evaluation_units import Unit, UnitResult, run_unit, run_units, units_of
from sushi_bench.comparing.intervals import Difference, paired_difference
from sushi_env import EpisodeMetrics, InputError, Problem, mean_metrics

Progress = Callable[[str, int, int], None]

PREFERRED_REFERENCE = "sushisched-accuracy"
COMPARED = ("reward", "utility")


@dataclass(frozen=True)
class Comparison:
    """Metrics of several policies on the same seeded episodes.

    Attributes:
        scenario: Name of the scenario.
        episodes: Number of episodes.
        seed: Seed of the first; episode k has seed + k.
        policies: Mean metrics by the policies' names, in the order they were given; those that
            failed are left out.
        rows: Metrics of each episode, by policy.
        errors: How policies failed, by their names.
        reference: The policy that the others are compared with; None if it failed.
        response_counts: Response times counted by `ResponseTimes`, by policy.
    """

    scenario: str
    episodes: int
    seed: int
    policies: dict[str, EpisodeMetrics]
    rows: dict[str, list[EpisodeMetrics]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    reference: str | None = None
    response_counts: dict[str, NDArray[np.int64]] = field(default_factory=dict)

    def differences(self) -> dict[str, dict[str, Difference]]:
        """Paired differences to the reference in reward and utility, by policy."""
        if self.reference is None:
            return {}
        base = self.rows[self.reference]
        return {
            name: {
                key: paired_difference(
                    [getattr(m, key) for m in rows], [getattr(m, key) for m in base]
                )
                for key in COMPARED
            }
            for name, rows in self.rows.items()
            if name != self.reference
        }

    def as_json(self) -> dict[str, object]:
        """The comparison as `sushi evaluate --json` prints it."""
        policies: dict[str, object] = {name: asdict(m) for name, m in self.policies.items()}
        policies |= {name: {"error": message} for name, message in self.errors.items()}
        return {
            "scenario": self.scenario,
            "episodes": self.episodes,
            "seed": self.seed,
            "policies": policies,
            "reference": self.reference,
            "differences": {
                name: {key: asdict(value) for key, value in by_key.items()}
                for name, by_key in self.differences().items()
            },
        }


def compare(
    problem: Problem,
    names: Sequence[str],
    episodes: int,
    seed: int,
    trust: bool = False,
    trained: dict[str, Policy] | None = None,
    on_progress: Progress | None = None,
    jobs: int = 1,
    reference: str | None = None,
) -> Comparison:
    """Runs each policy on the same episodes.

    Args:
        problem: The compiled scenario.
        names: Policies, by name; see `make_policy`.
        episodes: Number of episodes.
        seed: Seed of the first episode.
        trust: Whether model files may execute code while they load.
        trained: Policies in memory, by name, run before the named ones, in this process.
        on_progress: Called with a policy's name and its queries done and to do.
        jobs: Number of processes; 1 runs everything in this one. Results do not depend on it.
        reference: The policy that the others are compared with; by default
            `PREFERRED_REFERENCE` if it is among them, else the first.

    Returns:
        The comparison. A policy that misbehaves is in its `errors`, and the others in it all the
        same.

    Raises:
        InputError: If a policy does not exist, or a number is out of range.
    """
    trained = trained or {}
    everyone = list(dict.fromkeys([*trained, *names]))
    if jobs < 1:
        raise InputError(f"jobs = {jobs}, must be at least 1")
    if reference is None:
        reference = PREFERRED_REFERENCE if PREFERRED_REFERENCE in everyone else everyone[0]
    if reference not in everyone:
        raise InputError(
            f"reference {reference!r} is not compared; compared are: {', '.join(everyone)}"
        )
    for name in everyone:
        if name not in trained:
            _check_exists(name, problem, trust)
    results: dict[Unit, UnitResult] = {}
    units = [unit for name in everyone for unit in units_of(name, episodes, seed)]
    progress = _Progress(on_progress, episodes * problem.scenario.queries)
    here = [unit for unit in units if unit.policy in trained or jobs == 1]
    for unit in here:
        report = progress.within(unit, problem.scenario.queries)
        results[unit] = run_unit(problem, unit, trained.get(unit.policy), trust, report)
        progress.finish(unit, problem.scenario.queries)
    elsewhere = [unit for unit in units if unit not in results]
    if elsewhere:
        for n, result in run_units(problem, elsewhere, trust, min(jobs, len(elsewhere))):
            results[elsewhere[n]] = result
            progress.finish(elsewhere[n], problem.scenario.queries)
    return _collect(problem, everyone, [(u, results[u]) for u in units], episodes, seed, reference)


def _check_exists(name: str, problem: Problem, trust: bool) -> None:
    """Raises if no policy has the name; one that cannot be built fails later, alone."""
    try:
        make_policy(name, problem, trust)
    except PolicyError:
        return


class _Progress:
    """Queries done, per policy."""

    def __init__(self, report: Progress | None, total: int):
        self.report, self.total = report, total
        self.done: dict[str, int] = {}

    def within(self, unit: Unit, queries: int) -> Callable[[int, int], None]:
        """A reporter for the steps of one unit."""
        before = self.done.get(unit.policy, 0)
        return lambda done, _: self._tell(unit.policy, before + done)

    def finish(self, unit: Unit, queries: int) -> None:
        """Counts a unit as done."""
        done = self.done.get(unit.policy, 0) + unit.episodes * queries
        self.done[unit.policy] = done
        self._tell(unit.policy, done)

    def _tell(self, name: str, done: int) -> None:
        if self.report:
            self.report(name, done, self.total)


def _collect(
    problem: Problem,
    names: Sequence[str],
    results: Sequence[tuple[Unit, UnitResult]],
    episodes: int,
    seed: int,
    reference: str,
) -> Comparison:
    rows: dict[str, list[EpisodeMetrics]] = {}
    counts: dict[str, NDArray[np.int64]] = {}
    errors: dict[str, str] = {}
    for name in names:
        mine = [result for unit, result in results if unit.policy == name]
        failed = [result.error for result in mine if result.error is not None]
        if failed:
            errors[name] = failed[0]
            continue
        rows[name] = [row for result in mine for row in result.rows]
        counts[name] = np.sum([part.response_counts for part in mine], axis=0)
    return Comparison(
        scenario=problem.scenario.name,
        episodes=episodes,
        seed=seed,
        policies={name: mean_metrics(metrics) for name, metrics in rows.items()},
        rows=rows,
        errors=errors,
        reference=reference if reference in rows else None,
        response_counts=counts,
    )
