"""`sushi bench verify`: a result file, run again."""

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from sushi_bench import console
from sushi_bench.commands.options import (
    FAILED,
    JobsOption,
    JsonOption,
    jobs_or_all,
    stopped_by_sigterm,
)
from sushi_bench.results.files import Results, read_results
from sushi_bench.running.suite_run import choose_backend
from sushi_bench.running.verify import Mismatch, Verification
from sushi_bench.running.verify import verify as verify_results
from sushi_env import InputError


def verify(
    file: Annotated[Path, typer.Argument(help="A result file.")],
    sample: Annotated[
        int | None,
        typer.Option(help="Rows to draw and run again; by default all of them.", min=1),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Seed of the draw; by default one nobody knows.", min=0)
    ] = None,
    policy: Annotated[
        str | None,
        typer.Option(help="What the policy is called here; by default as the file says."),
    ] = None,
    jobs: JobsOption = None,
    trust: Annotated[
        bool,
        typer.Option(
            "--trust",
            help="Run the module, or load the model file, that the file names as its policy.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Run a result file's policy again and report the first row that differs, if one does."""
    results = read_results(file)
    name = policy or results.header.policy
    if ":" in name and policy is None and not trust:
        raise InputError(
            f"{file}: its policy {name!r} is code of that module, which would be executed; pass "
            "--trust if you know where it comes from"
        )
    drawn = secrets.randbits(32) if seed is None else seed
    run_tasks = choose_backend("local", jobs_or_all(jobs), None)
    with console.working("verifying") as work, stopped_by_sigterm():
        found = verify_results(results, run_tasks, sample, drawn, policy, trust, work)
    if found.mismatch is not None:
        console.complain(_sentence(results, found.mismatch, found))
    elif found.error is not None:
        console.complain(f"{file}: {found.error}")
    if as_json:
        console.print_json(_as_json(results, found, sample and drawn))
    elif found.mismatch is None and found.error is None:
        console.say(
            f"{file}: {found.checked} of {len(results.rows)} rows run again, all the same"
            + ("." if sample is None else f" (draw of seed {drawn}).")
        )
    if found.mismatch is not None or found.error is not None:
        raise typer.Exit(FAILED)


def _sentence(results: Results, first: Mismatch, found: Verification) -> str:
    others = ", ".join(f"{name} {a} here {b}" for name, (a, b) in found.versions.items())
    return (
        f"{results.path}, line {first.line}: scenario {first.scenario}, seed {first.seed}, "
        f"{first.metric}: recorded {first.recorded!r}, recomputed {first.recomputed!r}"
        + (f" (recorded with other versions: {others})" if others else "")
    )


def _as_json(results: Results, found: Verification, drawn: int | None) -> dict[str, Any]:
    first = found.mismatch
    return {
        "file": str(results.path),
        "policy": results.header.policy,
        "verified": first is None and found.error is None,
        "rows": len(results.rows),
        "checked": found.checked,
        "seed": drawn,
        "first_difference": None if first is None else asdict(first),
        "error": found.error,
        "other_versions": {
            name: {"recorded": a, "here": b} for name, (a, b) in found.versions.items()
        },
    }
