"""`sushi train`: a scheduler, and how it compares with the baselines."""

import json
import signal
import time
from pathlib import Path
from typing import Annotated

import typer

from sushi_accel.files.documents import write_atomically
from sushi_agents import baseline_names
from sushi_bench import console
from sushi_bench.commands.options import EpisodesOption, JsonOption, ScenarioOption, need_training
from sushi_bench.comparing.comparison import Comparison, compare
from sushi_bench.comparing.comparison_tables import as_table
from sushi_bench.episodes.training_picture import training_picture
from sushi_env import DEFAULT_SCENARIO, InputError, compile_scenario, get_scenario


def train(
    out: Annotated[Path, typer.Option(help="Folder for logs, checkpoints and the model.")],
    scenario: ScenarioOption = DEFAULT_SCENARIO,
    algo: Annotated[
        str, typer.Option(help="ppo, a2c, dqn, maskableppo, qrdqn or recurrentppo.")
    ] = "ppo",
    steps: Annotated[int, typer.Option(help="Steps, all environments together.")] = 1_000_000,
    seed: Annotated[int, typer.Option(help="Seed of the run.")] = 0,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue from the checkpoint in the folder.")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove the run that is in the folder.")
    ] = False,
    checkpoint_steps: Annotated[
        int, typer.Option(help="Steps between checkpoints; there is one every ten seconds, too.")
    ] = 100_000,
    evaluation_steps: Annotated[
        int | None,
        typer.Option(help="Steps between evaluations; a tenth of all, but at least 350,000."),
    ] = None,
    patience: Annotated[
        int | None, typer.Option(help="Evaluations without a better score that end training.")
    ] = None,
    hyperparameters: Annotated[
        Path | None, typer.Option(help="YAML file in place of the package's hyperparameters.")
    ] = None,
    hyper: Annotated[
        list[str] | None, typer.Option(help="A hyperparameter, name=value; may be repeated.")
    ] = None,
    mixture: Annotated[
        int, typer.Option(help="Train on so many scenarios drawn around this one instead.")
    ] = 0,
    device: Annotated[
        str, typer.Option(help="Where it learns: cpu, cuda, or auto, a card if there is one.")
    ] = "cpu",
    episodes: EpisodesOption = 20,
    as_json: JsonOption = False,
) -> None:
    """Train a scheduler, log to TensorBoard, save it, and compare it with the baselines.

    If it is interrupted, `--resume` and the same options continue from the last checkpoint, and
    give the weights that an uninterrupted run gives. With more `--steps` it makes a run longer:
    the agent is that of a run of so many steps, unless the learning rate falls or DQN explores:
    these follow the share of the steps that is done.
    """
    need_training("training needs")
    from sushi_agents.learning.algorithms import algorithm, as_policy
    from sushi_agents.learning.run_folder import holding
    from sushi_agents.learning.settings import parse_changes
    from sushi_agents.learning.training import train as run_training
    from sushi_agents.learning.training_run import TrainingRun

    if episodes < 1:
        raise InputError(f"episodes = {episodes}, must be at least 1")
    problem = compile_scenario(get_scenario(scenario))
    run = TrainingRun(
        problem.scenario,
        algo,
        steps,
        seed,
        out,
        checkpoint_steps=checkpoint_steps,
        evaluation_steps=evaluation_steps,
        patience=patience,
        hyperparameter_file=hyperparameters,
        changes=parse_changes(hyper or []),
        mixture=mixture,
        device=device,
    )
    name = algorithm(algo).name
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    with holding(out):
        began = time.monotonic()
        with console.working(f"training {name}", steps) as work:
            model = run_training(run, work, resume, overwrite, training_picture())
        seconds = time.monotonic() - began
        with console.working("comparing") as work:
            comparison = compare(
                problem,
                baseline_names(problem),
                episodes,
                seed=0,
                trained={name: as_policy(model, problem)},
                on_progress=lambda name, done, total: work(done, total, f"comparing {name}"),
            )
        agent = run.agent_path if run.agent_path.exists() else None
        result = comparison.as_json() | {
            "model": str(run.model_path),
            "agent": None if agent is None else str(agent),
        }
        path = out / "comparison.json"
        write_atomically(path, json.dumps(result, indent=2) + "\n", f"file {path}")
    if as_json:
        console.print_json(result)
        return
    console.out.print(as_table(comparison))
    console.say(_verdict(comparison, name))
    console.say(f"Trained {steps:,} steps in {seconds:.0f} s. Curves: tensorboard --logdir {out}")
    saved = f"{agent} (the best evaluation's)" if agent else f"{run.model_path} (needs --trust)"
    console.say(f"Scheduler: --policy {saved}")


def _verdict(comparison: Comparison, algo: str) -> str:
    """One sentence on where the trained agent stands."""
    rewards = {name: metrics.reward for name, metrics in comparison.policies.items()}
    mine = rewards.pop(algo)
    ahead = sorted((name for name in rewards if rewards[name] >= mine), key=rewards.__getitem__)
    best = max(rewards, key=rewards.__getitem__)
    if not ahead:
        return f"{algo} beats every baseline in reward; the best of them is {best}."
    return f"{algo} does not beat {', '.join(ahead)} in reward."
