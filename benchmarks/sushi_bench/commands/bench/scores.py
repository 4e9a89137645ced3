"""`sushi bench scores`: result files, ranked."""

from pathlib import Path
from typing import Annotated

import typer

from sushi_bench import console
from sushi_bench.commands.options import JsonOption, ReferenceOption
from sushi_bench.scores.ranking import read_all
from sushi_bench.scores.tables import as_json as ranking_json
from sushi_bench.scores.tables import as_table, halves_table, notes, rank


def scores(
    paths: Annotated[
        list[Path], typer.Argument(help="Result files, and folders of them.", show_default=False)
    ],
    reference: ReferenceOption = None,
    halves: Annotated[
        bool, typer.Option("--halves", help="Show what two halves of the episodes say, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Rank the policies of result files: 0 is the best static SubNet, 1 the clairvoyant bound."""
    ranking = rank(read_all(paths), reference)
    if as_json:
        console.print_json(ranking_json(ranking))
        return
    if ranking.entries:
        console.out.print(as_table(ranking))
    if halves and ranking.stability is not None:
        console.out.print(halves_table(ranking.stability))
    for line in notes(ranking):
        console.say(line)
