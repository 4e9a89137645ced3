"""`sushi curves`: how runs of `sushi train` learned."""

from pathlib import Path
from typing import Annotated

import typer

from sushi_accel.figures import check_picture, save_picture
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, PlotOption, need_training
from sushi_bench.curves.learning_curves import baselines, read_curves


def curves(
    runs: Annotated[list[Path], typer.Argument(help="Folders of runs on one scenario.")],
    plot: PlotOption = None,
    episodes: Annotated[int, typer.Option(help="Episodes of the baselines.", min=1)] = 20,
    as_json: JsonOption = False,
) -> None:
    """Compare learning curves: median and range over seeds, beside the best heuristics."""
    check_picture(plot)
    need_training("curves need")
    from sushi_agents.learning.watching import VALIDATION_SEED

    scenario, found = read_curves(runs)
    lines = baselines(scenario, episodes, VALIDATION_SEED)
    if plot is not None:
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
    rows: list[tuple[object, ...]] = []
    for group in found:
        shown = group.as_json()
        ends = (f"{shown[key][-1]:.4f}" for key in ("median", "lowest", "highest"))
        rows.append((group.label, len(group.seeds), f"{group.steps[-1]:,}", *ends))
    rows += [(name, None, None, f"{utility:.4f}", None, None) for name, utility in lines.items()]
    columns = ("runs", "seeds", "steps", "utility, median", "lowest", "highest")
    console.out.print(console.table(columns, rows))
