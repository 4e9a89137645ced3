"""`sushi evaluate`: policies on the same arrivals."""

from pathlib import Path
from typing import Annotated

import typer

from sushi_accel.figures import need_matplotlib, save_picture
from sushi_agents import baseline_names
from sushi_bench import console
from sushi_bench.commands.options import EpisodesOption, JsonOption, ScenarioOption, TrustOption
from sushi_bench.comparing.comparison import compare
from sushi_bench.comparing.comparison_tables import as_difference_table, as_table
from sushi_bench.comparing.response_times import ResponseTimes
from sushi_env import DEFAULT_SCENARIO, compile_scenario, get_scenario

FAILED = 2


def evaluate(
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="A policy's name, see `sushi list policies` (clairvoyant: the bound's schedule); "
            "package.module:Class, or a model's path; any of them with +cache-last or another "
            "cache rule behind it; repeat for more. Without it, every baseline."
        ),
    ] = None,
    episodes: EpisodesOption = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first episode.")] = 0,
    reference: Annotated[
        str | None,
        typer.Option(
            help="The policy that the others are compared with, episode by episode; by default "
            "sushisched-accuracy if it is among them, else the first."
        ),
    ] = None,
    jobs: Annotated[
        int, typer.Option(help="Processes to spread over; results do not depend on it.")
    ] = 1,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Picture to write (.png, .svg, .pdf): the distribution of response times, and "
            "accuracy against SLO attainment."
        ),
    ] = None,
    trust: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare policies on the same arrivals.

    A policy that fails is named on stderr, and the exit code is 2; the others are compared.
    """
    if plot is not None:
        need_matplotlib()
    problem = compile_scenario(get_scenario(scenario))
    names = policy or baseline_names(problem)
    with console.progress_bar() as progress:
        task = progress.add_task("evaluating", total=None)
        done_by: dict[str, int] = {}

        def on_progress(name: str, done: int, total: int) -> None:
            done_by[name] = done
            everything = total * len(set(names))
            progress.update(
                task,
                completed=sum(done_by.values()),
                total=everything,
                description=f"evaluating {name}",
            )

        comparison = compare(
            problem,
            names,
            episodes,
            seed,
            trust,
            on_progress=on_progress,
            jobs=jobs,
            reference=reference,
        )
    for message in comparison.errors.values():
        console.complain(message)
    if comparison.policies:
        if plot is not None:
            from sushi_bench.comparing.pictures_comparison import comparison_picture

            save_picture(comparison_picture(comparison, ResponseTimes(problem).unit_s), plot)
        if as_json:
            console.print_json(comparison.as_json())
        else:
            console.out.print(as_table(comparison))
            if comparison.differences():
                console.out.print(as_difference_table(comparison))
    if comparison.errors:
        raise typer.Exit(FAILED)
