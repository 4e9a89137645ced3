"""`sushi speed`: throughput, beside what people know."""

import os
from typing import Annotated

import typer
from rich.table import Table

from sushi_agents import baseline_names
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, ScenarioOption
from sushi_bench.speed import engine_speed as speed
from sushi_env import DEFAULT_SCENARIO, InputError, Problem, compile_scenario, get_scenario


def speed_(
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    repeats: Annotated[int, typer.Option(help="Times that each is measured.", min=1)] = 5,
    seconds: Annotated[float, typer.Option(help="How long each time.", min=0.001)] = 0.5,
    threads: Annotated[
        int | None,
        typer.Option(
            help="Threads of the engine's second rows, default all; or of PyTorch.", min=1
        ),
    ] = None,
    policies: Annotated[
        bool, typer.Option("--policies", help="Measure the baselines' decisions too.")
    ] = False,
    training: Annotated[
        bool, typer.Option("--training", help="Measure training with PPO, and nothing else.")
    ] = False,
    steps: Annotated[
        int, typer.Option(help="Steps of each training that is measured.", min=10_000)
    ] = 500_000,
    as_json: JsonOption = False,
) -> None:
    """Measure the engine, its interfaces, a plain-Python twin and CartPole, in one run."""
    problem = compile_scenario(get_scenario(scenario))
    if training:
        _training(problem, repeats, steps, threads, as_json)
        return
    found = speed.contenders(problem, threads or len(os.sched_getaffinity(0)))
    if policies:
        found += speed.policy_contenders(problem, baseline_names(problem))
    with console.progress_bar() as progress:
        task = progress.add_task("measuring", total=repeats * len(found))
        speeds = speed.measure(found, repeats, seconds, lambda: progress.advance(task))
    result = speed.as_json(found, speeds)
    if as_json:
        console.print_json(result)
        return
    table = Table("what", "environments", "threads", "steps/s", "lowest", "highest", "x CartPole")
    cartpole = result["cartpole"]["median"]
    for contender, measured in zip(found, speeds, strict=True):
        table.add_row(
            contender.name,
            f"{contender.num_envs:,}",
            str(contender.threads),
            *(f"{rate:,.0f}" for rate in (measured.median, measured.min, measured.max)),
            f"{measured.median / cartpole:.2f}",
        )
    console.out.print(table)
    for name, ratio in result["ratios"].items():
        console.out.print(f"{name} = {ratio:.2f}", highlight=False)


def _training(
    problem: Problem, repeats: int, steps: int, threads: int | None, as_json: bool
) -> None:
    try:
        from sushi_bench.speed.training_speed import seconds_to_pass, training_speed
    except ModuleNotFoundError as error:
        raise InputError(f"training needs {error.name!r}: pip install 'sushi-env[train]'") from None
    with console.progress_bar() as progress:
        task = progress.add_task("training and CartPole", total=repeats)
        result = training_speed(problem, repeats, steps, threads, lambda: progress.advance(task))
    with console.progress_bar() as progress:
        task = progress.add_task("passing the heuristics", total=None)

        def on_progress(done: int, total: int) -> None:
            progress.update(task, completed=done, total=total)

        passed = seconds_to_pass(problem, on_progress=on_progress)
    times = [seconds for seconds in passed.values() if seconds is not None]
    beaten = max(times) if len(times) == len(passed) else None
    result |= {"seconds_to_beat": beaten, "seconds_to_pass": passed}
    if as_json:
        console.print_json(result)
        return
    table = Table("learner", "steps/s", "lowest", "highest", "x CartPole")
    for name in ("default", "mlp", "cartpole"):
        row = result[name]
        rates = (f"{row[key]:,.0f}" for key in ("steps_per_s", "lowest", "highest"))
        table.add_row(name, *rates, f"{row['ratio_to_cartpole']:.2f}")
    console.out.print(table)
    table = Table("heuristic", "passed after", title=f"reward on {problem.scenario.name}")
    for name, seconds in sorted(passed.items(), key=lambda item: item[1] or float("inf")):
        table.add_row(name, "not passed" if seconds is None else f"{seconds:.1f} s")
    console.out.print(table)
    shares = ", ".join(f"{name} {share:.1%}" for name, share in result["shares"].items())
    console.out.print(f"default's time: {shares}", highlight=False)
