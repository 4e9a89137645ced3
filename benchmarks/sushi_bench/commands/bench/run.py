"""`sushi bench run`: policies on the suite, into result files."""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sushi_accel.defaults import SUITE
from sushi_bench import console
from sushi_bench.commands.options import (
    FAILED,
    JobsOption,
    JsonOption,
    SuiteOption,
    TrustOption,
    jobs_or_all,
    kept_if_stopped,
)
from sushi_bench.running.result_headers import Credits
from sushi_bench.running.suite_run import Report, choose_backend, plan, run_plans, suite_baselines
from sushi_bench.suite.suite import get_suite
from sushi_env import InputError


class BackendName(StrEnum):
    """Where the work is done."""

    LOCAL = "local"
    RAY = "ray"


class Kind(StrEnum):
    """What a policy can be said to be."""

    HEURISTIC = "heuristic"
    LEARNED = "learned"
    OTHER = "other"


def run(
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="A policy's name, package.module:Class, or a model's path; `clairvoyant` is the "
            "bound; repeat for more."
        ),
    ] = None,
    baselines: Annotated[
        bool, typer.Option("--baselines", help="Every policy that comes with the package.")
    ] = False,
    suite: SuiteOption = SUITE,
    out: Annotated[
        Path | None,
        typer.Option(help="Result file (.jsonl), or folder of them; by default results/SUITE."),
    ] = None,
    jobs: JobsOption = None,
    backend: Annotated[
        BackendName,
        typer.Option(help="Processes of this machine, or Ray; results do not depend on it."),
    ] = BackendName.LOCAL,
    address: Annotated[
        str | None, typer.Option(help="Address of a Ray cluster; else a local Ray is started.")
    ] = None,
    author: Annotated[str | None, typer.Option(help="Who made the policy.")] = None,
    source: Annotated[
        str | None, typer.Option(help="Where it comes from: an address, or a paper.")
    ] = None,
    label: Annotated[str | None, typer.Option(help="Its name on the page.")] = None,
    description: Annotated[str | None, typer.Option(help="What it does.")] = None,
    kind: Annotated[
        Kind | None, typer.Option(help="What it is; by default what its name says.")
    ] = None,
    scenario: Annotated[
        list[str] | None,
        typer.Option(help="Only this scenario; repeat for more. Gives a partial file."),
    ] = None,
    episodes: Annotated[
        int | None,
        typer.Option(
            help="Episodes of each scenario, by default all of the suite's; fewer give a partial "
            "file."
        ),
    ] = None,
    trust: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Run policies on the suite and write a result file for each.

    An interrupted run continues where it stopped when the same command is given again. A policy
    that fails in a scenario is named on stderr, it gets no result file, and the exit code is 2;
    the others run all the same.
    """
    found = get_suite(suite)
    names = (suite_baselines(found.scenarios()) if baselines else []) + (policy or [])
    if not names:
        raise InputError("no policy given; pass --policy NAME, or --baselines")
    said = Credits(author, source, label, description, kind.value if kind else None)
    _check_credits(said, names)
    plans = plan(
        names, found, out or Path("results") / suite, scenario or [], episodes, said, trust
    )
    run_tasks = choose_backend(backend.value, jobs_or_all(jobs), address)
    with console.working("episodes") as work, kept_if_stopped():
        report = run_plans(
            plans, run_tasks, lambda name, done, total: work(done, total, f"episodes: {name}")
        )
    for name, errors in report.errors.items():
        for message in _by_message(errors):
            console.complain(f"{name}, {message}")
    if as_json:
        console.print_json({"suite": suite} | report.as_json())
    else:
        _tell(report)
    if report.errors:
        raise typer.Exit(FAILED)


def _check_credits(said: Credits, names: list[str]) -> None:
    """One label, description, or kind cannot be of several policies."""
    for key in ("label", "description", "kind"):
        if len(set(names)) > 1 and getattr(said, key) is not None:
            raise InputError(f"--{key} is for one policy, given are {len(set(names))}")


def _by_message(errors: dict[str, str]) -> Iterator[str]:
    """A line per message, with the scenarios it is of."""
    scenarios: dict[str, list[str]] = {}
    for name, message in errors.items():
        scenarios.setdefault(message, []).append(name)
    for message, (first, *others) in scenarios.items():
        yield f"{first}{f' and {len(others)} more' if others else ''}: {message}"


def _tell(report: Report) -> None:
    if report.started_anew:
        names = ", ".join(report.started_anew)
        console.say(f"Changed since interrupted, so begun anew: {names}.")
    if report.continued:
        console.say(f"{report.continued} episodes were done already.")
    for path in report.files.values():
        console.say(path)
