"""`sushi train`: a scheduler, and how it compares with the baselines."""

import json
import time
from pathlib import Path
from typing import Annotated

import typer

from sushi_agents import baseline_names
from sushi_bench import console
from sushi_bench.commands.options import EpisodesOption, JsonOption, ScenarioOption
from sushi_bench.comparison import Comparison, compare
from sushi_bench.comparison_tables import as_table
from sushi_env import DEFAULT_SCENARIO, InputError, compile_scenario, get_scenario


def train(
    out: Annotated[Path, typer.Option(help="Folder for logs, checkpoints and the model.")],
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    algo: Annotated[str, typer.Option(help="Name of a learning algorithm.")] = "ppo",
    steps: Annotated[int, typer.Option(help="Steps, all environments together.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    episodes: EpisodesOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Train a scheduler, log to TensorBoard, save it, and compare it with the baselines."""
    try:
        from sushi_agents.training import TrainingRun
        from sushi_agents.training import train as run_training
    except ModuleNotFoundError as error:
        raise InputError(f"training needs {error.name!r}: pip install 'sushi-env[train]'") from None
    problem = compile_scenario(get_scenario(scenario))
    run = TrainingRun(problem.scenario, algo, steps, seed, out)
    began = time.monotonic()
    with console.progress_bar() as progress:
        task = progress.add_task(f"training {algo}", total=steps)
        model = run_training(run, lambda done, _: progress.update(task, completed=done))
    seconds = time.monotonic() - began
    with console.progress_bar() as progress:
        task = progress.add_task("comparing", total=None)
        comparison = compare(
            problem,
            baseline_names(problem),
            episodes,
            seed=0,
            trained={algo: model},
            on_progress=lambda name, done, total: progress.update(
                task, description=f"comparing {name}", completed=done, total=total
            ),
        )
    result = comparison.as_json() | {"model": str(run.model_path)}
    part = out / "comparison.json.part"
    part.write_text(json.dumps(result, indent=2) + "\n")
    part.replace(out / "comparison.json")
    if as_json:
        console.print_json(result)
        return
    console.out.print(as_table(comparison))
    console.out.print(_verdict(comparison, algo))
    console.out.print(
        f"Trained {steps:,} steps in {seconds:.0f} s. Model: {run.model_path}. "
        f"Curves: tensorboard --logdir {out}",
        highlight=False,
    )


def _verdict(comparison: Comparison, algo: str) -> str:
    """One sentence on where the trained agent stands."""
    rewards = {name: metrics.reward for name, metrics in comparison.policies.items()}
    mine = rewards.pop(algo)
    ahead = sorted((name for name in rewards if rewards[name] >= mine), key=rewards.__getitem__)
    best = max(rewards, key=rewards.__getitem__)
    if not ahead:
        return f"{algo} beats every baseline in reward; the best of them is {best}."
    return f"{algo} does not beat {', '.join(ahead)} in reward."
