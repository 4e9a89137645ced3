"""`sushi bench page`: result files as a site."""

from pathlib import Path
from typing import Annotated

import typer

import sushi_bench
from sushi_accel.defaults import SUITE
from sushi_bench import console
from sushi_bench.commands.options import JsonOption, ReferenceOption
from sushi_bench.scores.ranking import read_all
from sushi_env import InputError

PLACES = (Path("benchmarks/results", SUITE), Path("results", SUITE))
"""Where results are looked for: a clone's own, and where `sushi bench run` writes."""

GUIDE = Path(sushi_bench.__file__).parents[1] / "SUBMITTING.md"
"""Lies beside the package in a clone, and nowhere else."""


def page(
    out: Annotated[Path, typer.Option(help="Folder to write the site to.")],
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Result files, and folders of them; by default benchmarks/results/SUITE and "
            "results/SUITE, whichever are there.",
            show_default=False,
        ),
    ] = None,
    reference: ReferenceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the leaderboard: a site that needs no server and no network."""
    from sushi_bench.leaderboard.site import INDEX, open_folder, require_libraries, write_site
    from sushi_bench.leaderboard.standings import leaderboard_of

    require_libraries()
    everything = read_all(paths or _found_here())
    open_folder(out)
    board = leaderboard_of(everything, reference)
    written = write_site(board, out, _guide())
    if as_json:
        console.print_json(
            {
                "page": str(out / INDEX),
                "files": [path.relative_to(out).as_posix() for path in written],
                "results": len(everything),
                "policies": len(board.standings),
                "scored": board.scored,
                "no_scores_because": board.ranking.why_none,
            }
        )
        return
    if board.ranking.why_none is not None:
        console.complain(f"scores are not normalised: {board.ranking.why_none}")
    console.say(out / INDEX)


def _found_here() -> list[Path]:
    found = [place for place in PLACES if place.is_dir()]
    if not found:
        raise InputError(
            f"no results given, and neither {' nor '.join(map(str, PLACES))} is here: "
            "sushi bench page RESULTS --out DIR"
        )
    return found


def _guide() -> str | None:
    try:
        return GUIDE.read_text(encoding="utf-8")
    except OSError:
        return None
