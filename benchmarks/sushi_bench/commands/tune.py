"""`sushi tune`: better hyperparameters."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sushi_accel.errors import need
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, ScenarioOption, need_training
from sushi_env import DEFAULT_SCENARIO, get_scenario


def tune(
    out: Annotated[Path, typer.Option(help="Folder for the journal, the trials and best.yaml.")],
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    algo: Annotated[str, typer.Option(help="Name of a learning algorithm.")] = "ppo",
    trials: Annotated[int, typer.Option(help="Trials, earlier ones in the folder included.")] = 20,
    steps: Annotated[int, typer.Option(help="Steps per trial.")] = 300_000,
    seed: Annotated[int, typer.Option(help="Seed of the search and its trials.")] = 0,
    jobs: Annotated[int, typer.Option(help="Processes to spread trials over.")] = 1,
    as_json: JsonOption = False,
) -> None:
    """Search for better hyperparameters with Optuna; an interrupted search goes on."""
    need("tuning needs", "train,tune", "optuna")
    need_training("tuning needs")
    from sushi_agents.learning.tuning import TuningRun
    from sushi_agents.learning.tuning import tune as search

    run = TuningRun(get_scenario(scenario), algo, trials, steps, seed, out, jobs)
    with console.working(f"tuning {algo}", trials) as work:
        best = search(run, work)
    if as_json:
        console.print_json({"file": str(out / "best.yaml"), "hyperparameters": best})
        return
    for name, value in best.items():
        console.say(f"{name}: {value}")
    command = ["sushi", "train", "--scenario", scenario, "--algo", algo]
    command += ["--hyperparameters", str(out / "best.yaml"), "--out", str(out / "best")]
    console.say(f"Train with them: {shlex.join(command)}")
