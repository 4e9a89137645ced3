"""`sushi evaluate`: policies on the same arrivals."""

from typing import Annotated

import typer

from sushi_agents import baseline_names
from sushi_bench import console
from sushi_bench.commands.options import EpisodesOption, JsonOption, ScenarioOption, TrustOption
from sushi_bench.comparison import as_table, compare
from sushi_env import DEFAULT_SCENARIO, compile_scenario, get_scenario


def evaluate(
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    policy: Annotated[
        list[str] | None,
        typer.Option(
            help="A policy's name, package.module:Class, or a model's .zip; repeat for more. "
            "Without it, every baseline."
        ),
    ] = None,
    episodes: EpisodesOption = 20,
    seed: Annotated[int, typer.Option(help="Seed of the first episode.")] = 0,
    trust: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Compare policies on the same arrivals."""
    problem = compile_scenario(get_scenario(scenario))
    names = policy or baseline_names(problem)
    with console.progress_bar() as progress:
        tasks = {name: progress.add_task(name, total=None) for name in names}
        comparison = compare(
            problem,
            names,
            episodes,
            seed,
            trust,
            on_progress=lambda name, done, total: progress.update(
                tasks[name], completed=done, total=total
            ),
        )
    if as_json:
        console.print_json(comparison.as_json())
    else:
        console.out.print(as_table(comparison))
