"""`sushi curves`: how runs of `sushi train` learned."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from sushi_accel.figures import need_matplotlib, save_picture
from sushi_bench import console
from sushi_bench.commands.options import JsonOption
from sushi_bench.curves.learning_curves import baselines, read_curves
from sushi_env import InputError


def curves(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs on one scenario.")],
    plot: Annotated[Path | None, typer.Option(help="Draw them to this PNG.")] = None,
    episodes: Annotated[int, typer.Option(help="Episodes of the baselines.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Compare learning curves: median and range over seeds, beside the best heuristics."""
    try:
        from sushi_agents.learning.watching import VALIDATION_SEED
    except ModuleNotFoundError as error:
        raise InputError(f"curves need {error.name!r}: pip install 'sushi-env[train]'") from None
    scenario, found = read_curves(runs)
    lines = baselines(scenario, episodes, VALIDATION_SEED)
    if plot is not None:
        need_matplotlib()
        from sushi_bench.curves.pictures_curves import curves_picture

        title = f"{scenario.name}: learning curves, median and range over seeds"
        save_picture(curves_picture(title, found, lines), plot)
    if as_json:
        console.print_json(
            {
                "scenario": scenario.name,
                "curves": [group.as_json() for group in found],
                "baselines": lines,
            }
        )
        return
    table = Table("runs", "seeds", "steps", "utility, median", "lowest", "highest")
    for group in found:
        shown = group.as_json()
        ends = (shown["median"][-1], shown["lowest"][-1], shown["highest"][-1])
        figures = (f"{value:.4f}" for value in ends)
        table.add_row(group.label, str(len(group.seeds)), f"{group.steps[-1]:,}", *figures)
    for name, utility in lines.items():
        table.add_row(name, "", "", f"{utility:.4f}", "", "")
    console.out.print(table)
