"""A suite, run for several policies; an interrupted run continues where it stopped."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sushi_agents import baseline_names
from sushi_bench.results.files import RESULTS_SUFFIX, Header, expected_keys, write_results
from sushi_bench.running.journal import Journal
from sushi_bench.running.local_workers import Wanted, run_locally
from sushi_bench.running.ray_workers import need_ray, run_on_ray
from sushi_bench.running.result_headers import Credits, fingerprint, make_header
from sushi_bench.running.suite_tasks import Outcome, Task, file_name, scenarios_of, tasks_of
from sushi_bench.suite.suite import Suite
from sushi_env import InputError, Scenario, compile_scenario

Backend = Callable[[Iterable[Task], Wanted], Generator[tuple[Task, Outcome]]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Plan:
    """A policy's result file, to be computed.

    Attributes:
        header: Its header.
        path: Where it shall lie.
        tasks: The tasks behind it.
    """

    header: Header
    path: Path
    tasks: list[Task]


@dataclass
class Report:
    """What came of a run.

    Attributes:
        files: Result files written, by policy.
        errors: How policies failed, by policy and scenario, in one line each.
        continued: Episodes that an earlier, interrupted run had done.
        computed: Episodes that this run has done.
        started_anew: Policies of which an interrupted run was thrown away, because the policy,
            the packages, or what the header says has changed since.
    """

    files: dict[str, Path] = field(default_factory=dict)
    errors: dict[str, dict[str, str]] = field(default_factory=dict)
    continued: int = 0
    computed: int = 0
    started_anew: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The report as `sushi bench run --json` prints it."""
        return {
            "files": {name: str(path) for name, path in self.files.items()},
            "errors": self.errors,
            "continued": self.continued,
            "computed": self.computed,
            "started_anew": self.started_anew,
        }


def suite_baselines(scenarios: dict[str, Scenario]) -> list[str]:
    """Names of the baselines that exist in at least one of the scenarios."""
    problems = [compile_scenario(scenario) for scenario in scenarios.values()]
    return list(dict.fromkeys(name for problem in problems for name in baseline_names(problem)))


def choose_backend(name: str, jobs: int, address: str | None) -> Backend:
    """Where tasks run: `local`, in processes of this machine, or `ray`.

    Raises:
        InputError: If `jobs` is below 1, Ray is missing, or an address has nobody to use it.
    """
    if jobs < 1:
        raise InputError(f"jobs = {jobs}, must be at least 1")
    if name == "ray":
        need_ray()
        return lambda tasks, wanted: run_on_ray(tasks, jobs, wanted, address)
    if address is not None:
        raise InputError("--address is for --backend ray")
    return lambda tasks, wanted: run_locally(tasks, jobs, wanted)


def plan(
    policies: Sequence[str],
    suite: Suite,
    out: Path,
    only: Sequence[str] = (),
    episodes: int | None = None,
    said: Credits | None = None,
    trust: bool = False,
) -> list[Plan]:
    """What is to be run for some policies.

    Args:
        policies: Names of the policies.
        suite: The suite.
        out: A result file, if its name ends in `.jsonl`; else the folder of result files.
        only: Scenarios to run; by default all. Fewer, or fewer episodes, give a partial file.
        episodes: Episodes of each scenario; by default the suite's.
        said: What the files shall say of the policies.
        trust: Whether model files may execute code while they load.

    Raises:
        InputError: If a name or a number is not allowed, or two files would be one.
    """
    if episodes is not None and not 1 <= episodes <= suite.episodes:
        raise InputError(f"episodes = {episodes}, must be in 1..{suite.episodes}")
    scenarios = suite.scenarios()
    for name in only:
        if name not in scenarios:
            known = ", ".join(scenarios)
            raise InputError(f"suite {suite.version} has no scenario {name!r}; it has {known}")
    chosen = {name: s for name, s in scenarios.items() if not only or name in only}
    names = list(dict.fromkeys(policies))
    one_file = out.suffix == RESULTS_SUFFIX and not out.is_dir()
    if one_file and len(names) > 1:
        raise InputError(f"--out {out}: one file cannot hold {len(names)} policies; give a folder")
    plans: dict[Path, Plan] = {}
    for name in names:
        path = out if one_file else out / file_name(name)
        if path in plans:
            raise InputError(f"{path} would be of both {plans[path].header.policy!r} and {name!r}")
        header = make_header(name, suite, scenarios_of(name, chosen), episodes, said)
        plans[path] = Plan(header, path, tasks_of(header, trust))
    return list(plans.values())


def run_plans(
    plans: Sequence[Plan], backend: Backend, on_progress: Progress | None = None
) -> Report:
    """Runs plans and writes their result files.

    Every task done is in a journal beside its output at once; when all are done, the journals
    go. A policy that fails in a scenario is run in the others all the same, so that one run shows
    all its failures, but has no result file; its journal stays. It disturbs no other policy.

    Args:
        plans: The plans.
        backend: See `choose_backend`.
        on_progress: Called with the policy just worked for, episodes done, and episodes in all.

    Raises:
        InputError: If a file cannot be written.
    """
    report = Report()
    journals: dict[str, Journal] = {}
    try:
        for item in plans:
            name = item.header.policy
            journals[name] = Journal(item.path, item.header, fingerprint(name))
            if journals[name].open():
                report.started_anew.append(name)
        _run(plans, journals, backend, report, on_progress or (lambda name, done, total: None))
    except BaseException:
        for journal in journals.values():
            journal.close()
        raise
    for name, journal in journals.items():
        journal.close(remove=name in report.files)
    return report


def _run(
    plans: Sequence[Plan],
    journals: dict[str, Journal],
    backend: Backend,
    report: Report,
    on_progress: Progress,
) -> None:
    total = sum(task.episodes for item in plans for task in item.tasks)
    report.continued = sum(len(journal.rows) for journal in journals.values())
    to_do = {item.header.policy: sum(not journals[item.header.policy].has(t) for t in item.tasks)
             for item in plans}  # fmt: skip
    by_policy = {item.header.policy: item for item in plans}
    for name, left in to_do.items():
        if not left:
            _write(by_policy[name], journals[name], report)
    tasks = (t for item in plans for t in item.tasks if not journals[t.policy].has(t))
    on_progress("", report.continued, total)
    if not any(to_do.values()):
        return

    def wanted(task: Task) -> bool:
        return task.scenario not in report.errors.get(task.policy, {})

    with closing(backend(tasks, wanted)) as outcomes:
        for task, outcome in outcomes:
            name = task.policy
            if outcome.error is not None:
                report.errors.setdefault(name, {}).setdefault(task.scenario, outcome.error)
                continue
            journals[name].add(outcome.rows)
            report.computed += task.episodes
            to_do[name] -= 1
            if not to_do[name]:
                _write(by_policy[name], journals[name], report)
            on_progress(name, report.continued + report.computed, total)


def _write(item: Plan, journal: Journal, report: Report) -> None:
    rows = [journal.rows[key] for key in expected_keys(item.header)]
    write_results(item.path, item.header, rows)
    report.files[item.header.policy] = item.path
