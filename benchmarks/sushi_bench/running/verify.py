"""A result file, held against what its policy does when it is run again."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass, replace

import numpy as np

from sushi_agents.kinds_of_name import CLAIRVOYANT
from sushi_bench.results.files import Header, Results, Row
from sushi_bench.running.result_headers import versions_of
from sushi_bench.running.suite_run import Backend
from sushi_bench.running.suite_tasks import Task, tasks_of
from sushi_env import InputError

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Mismatch:
    """The first figure of a file that is not what the policy does.

    Attributes:
        line: Line of the file.
        scenario: Scenario of the row.
        seed: Seed of the row.
        metric: The metric, or `upper`.
        recorded: What the file says.
        recomputed: What came out.
    """

    line: int
    scenario: str
    seed: int
    metric: str
    recorded: float
    recomputed: float


@dataclass(frozen=True)
class Verification:
    """What came of a verification.

    Attributes:
        checked: Rows that were run again and held against the file.
        mismatch: The first row that differs, in the file's order; None if none does.
        error: How the policy failed, in one line; None if it did not.
        versions: Packages whose versions are others here: recorded and present one.
    """

    checked: int
    mismatch: Mismatch | None
    error: str | None
    versions: dict[str, tuple[str, str]]


def verify(
    results: Results,
    backend: Backend,
    sample: int | None = None,
    seed: int = 0,
    policy: str | None = None,
    trust: bool = False,
    on_progress: Progress | None = None,
) -> Verification:
    """Runs a file's policy again and compares every figure, to the last bit.

    Args:
        results: The file.
        backend: See `choose_backend`.
        sample: Rows to draw at random; by default all are run again. With a drawn row, those
            that its policy saw beside it are run again too, and compared as well.
        seed: Seed of the draw.
        policy: Name under which the policy is found here, if it is another one than the file's.
        trust: Whether model files may execute code while they load.
        on_progress: Called with rows checked and rows to check.

    Raises:
        InputError: If `sample` is out of range, or what a file of this kind says of its policy
            cannot be.
    """
    header = results.header
    if (header.kind == "bound") != (header.policy == CLAIRVOYANT):
        raise InputError(
            f"{results.path}, line 1: kind = {header.kind!r}: a file is of kind 'bound' if and "
            f"only if its policy is {CLAIRVOYANT!r}, this one's is {header.policy!r}"
        )
    recorded = {(row.scenario, row.seed): (n, row) for n, row in enumerate(results.rows, start=2)}
    tasks = _drawn(tasks_of(header, trust), len(results.rows), sample, seed)
    tasks = [replace(task, policy=policy or task.policy) for task in tasks]
    total = sum(task.episodes for task in tasks)
    checked, first, error = 0, None, None

    def wanted(task: Task) -> bool:
        line = recorded[task.scenario, task.seed][0]
        return error is None and (first is None or line < first.line)

    with closing(backend(tasks, wanted)) as outcomes:
        for task, outcome in outcomes:
            if outcome.error is not None:
                error = error or f"{task.scenario}: {outcome.error}"
            checked += len(outcome.rows)
            for row in outcome.rows:
                line, said = recorded[row.scenario, row.seed]
                found = _difference(line, said, row)
                if found is not None and (first is None or found.line < first.line):
                    first = found
            if on_progress:
                on_progress(checked, total)
    return Verification(checked, first, error, _other_versions(header))


def _drawn(tasks: list[Task], rows: int, sample: int | None, seed: int) -> list[Task]:
    """The tasks with the rows drawn, in order."""
    if sample is None:
        return tasks
    if not 1 <= sample <= rows:
        raise InputError(f"sample = {sample}, must be in 1..{rows}")
    ends = np.cumsum([task.episodes for task in tasks])
    lines = np.random.default_rng(seed).choice(rows, size=sample, replace=False)
    return [tasks[n] for n in np.unique(np.searchsorted(ends, lines, side="right"))]


def _difference(line: int, recorded: Row, recomputed: Row) -> Mismatch | None:
    ours, theirs = asdict(recomputed.metrics), asdict(recorded.metrics)
    if recorded.upper is not None and recomputed.upper is not None:
        ours["upper"], theirs["upper"] = recomputed.upper, recorded.upper
    for metric, value in ours.items():
        if theirs[metric] != value:
            return Mismatch(line, recorded.scenario, recorded.seed, metric, theirs[metric], value)
    return None


def _other_versions(header: Header) -> dict[str, tuple[str, str]]:
    here = versions_of(header.kind)
    said = header.versions
    return {
        package: (said.get(package, "none"), here.get(package, "none"))
        for package in dict.fromkeys([*said, *here])
        if said.get(package) != here.get(package)
    }
