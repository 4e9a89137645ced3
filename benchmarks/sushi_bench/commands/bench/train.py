"""`sushi bench train`: all agents of a suite."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sushi_accel.defaults import SUITE
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, SuiteOption, kept_if_stopped


def train(
    suite: SuiteOption = SUITE,
    curves: Annotated[
        bool,
        typer.Option("--curves", help="Train what the learning curves show, in place of the zoo."),
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only the runs of this name, `*` for any; repeat for more."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder of the runs, by default runs/SUITE/zoo or runs/SUITE/curves."),
    ] = None,
    zoo: Annotated[
        Path | None,
        typer.Option(help="Copy the agents into this folder's folder SUITE at the end."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the curves into this folder.")] = None,
    settings: Annotated[
        Path | None,
        typer.Option(help="Training settings (YAML), in place of the suite's training.yaml."),
    ] = None,
    jobs: Annotated[int, typer.Option(help="Runs at a time; each uses one core.", min=1)] = 1,
    as_json: JsonOption = False,
) -> None:
    """Train a suite's agents, each as `sushi train` would, and compare each with the baselines.

    What is done is not done again; an interrupted run goes on from its checkpoint when the same
    command is given again. A run that fails is named on stderr, and the others go on.
    """
    from sushi_bench.suite.suite import get_suite
    from sushi_bench.training import runs as training
    from sushi_bench.training.settings import (
        chosen,
        curve_pictures,
        curve_runs,
        read_settings,
        zoo_runs,
    )

    if zoo is not None and curves:
        raise typer.BadParameter("--zoo is for the zoo, not for --curves")
    if plot is not None and not curves:
        raise typer.BadParameter("--plot is for --curves")
    found, of_suite = read_settings(suite, settings), get_suite(suite)
    runs = chosen((curve_runs if curves else zoo_runs)(found, of_suite), only or [])
    pictures = curve_pictures(found) if plot is not None else {}
    folder = out or Path("runs", suite, "curves" if curves else "zoo")

    with console.working("training", len(runs)) as work, kept_if_stopped():

        def tell(run: training.Run, outcome: training.Outcome) -> None:
            work.advance()
            if outcome.state == training.FAILED:
                console.complain(f"{run.name}: {outcome.message}")
            else:
                console.note(f"{run.name}: {outcome.state}")

        outcomes = training.train_all(runs, folder, jobs, tell)
    there = [run for run in runs if outcomes[run.name].state != training.FAILED]
    if zoo is not None:
        for run in there:
            training.put_into_zoo(run, folder, zoo / suite)
    names, drawn = {run.name for run in there}, []
    for name, shown in pictures.items():
        if names.issuperset(shown):
            picture = Path(os.fspath(plot or ""), f"{name}.png")
            picture.parent.mkdir(parents=True, exist_ok=True)
            training.draw([folder / run for run in shown], picture)
            drawn.append(str(picture))
    if as_json:
        states = {name: outcome.state for name, outcome in outcomes.items()}
        console.print_json({"suite": suite, "out": str(folder), "runs": states, "pictures": drawn})
    else:
        console.say(folder)
    if len(there) < len(runs):
        raise typer.Exit(1)
