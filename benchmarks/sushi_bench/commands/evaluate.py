"""`sushi evaluate`: policies on the same arrivals."""

from pathlib import Path
from typing import Annotated

import typer

from sushi_accel.figures import check_picture, save_picture
from sushi_agents import baseline_names
from sushi_bench import console
from sushi_bench.commands.options import (
    FAILED,
    AlgoOption,
    EpisodesOption,
    FromOneJobOption,
    JsonOption,
    PolicyOption,
    ReferenceOption,
    ScenarioOption,
    SeedOption,
    TrustOption,
    with_algo,
)
from sushi_bench.comparing.comparison import compare
from sushi_bench.comparing.comparison_tables import as_difference_table, as_table
from sushi_bench.comparing.response_times import ResponseTimes
from sushi_env import DEFAULT_SCENARIO, compile_scenario, get_scenario


def evaluate(
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    policy: PolicyOption = None,
    episodes: EpisodesOption = 20,
    seed: SeedOption = 0,
    reference: ReferenceOption = None,
    jobs: FromOneJobOption = 1,
    plot: Annotated[
        Path | None,
        typer.Option(
            help="Picture to write (.png, .svg, .pdf): the distribution of response times, and "
            "accuracy against SLO attainment."
        ),
    ] = None,
    trust: TrustOption = False,
    algo: AlgoOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare policies on the same arrivals; without `--policy`, every baseline.

    A policy that fails is named on stderr, and the exit code is 2; the others are compared.
    """
    check_picture(plot)
    problem = compile_scenario(get_scenario(scenario))
    names = with_algo(policy or baseline_names(problem), algo)
    with console.working("evaluating") as work:
        done_by: dict[str, int] = {}

        def tell(name: str, done: int, total: int) -> None:
            done_by[name] = done
            work(sum(done_by.values()), total * len(set(names)), f"evaluating {name}")

        comparison = compare(
            problem,
            names,
            episodes,
            seed,
            trust,
            on_progress=tell,
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
