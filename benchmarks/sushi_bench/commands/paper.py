"""`sushi paper`: what SUSHI's paper reports, and what we get."""

from pathlib import Path
from typing import Annotated

import typer

from sushi_bench import console
from sushi_bench.commands.options import JsonOption, TrustOption
from sushi_bench.paper.report import compute
from sushi_bench.paper.rows import as_json as rows_as_json
from sushi_bench.paper.tables import as_table


def paper(
    everything: Annotated[
        bool, typer.Option("--all", help="Show rows without a published figure as well.")
    ] = False,
    agent: Annotated[
        str | None,
        typer.Option(
            help="A learned scheduler: a policy's name, package.module:Class, or a model's path. "
            "By default the policy called zoo, if there is one."
        ),
    ] = None,
    measurements: Annotated[
        Path | None,
        typer.Option(
            help="CSV of measured layers, as for `sushi accel validate`; without it their section "
            "is left out."
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(help="Folder to write a page with pictures to: README.md and PNG files."),
    ] = None,
    trust: TrustOption = False,
    as_json: JsonOption = False,
) -> None:
    """Reproduce the paper's figures side by side with ours, each with a verdict."""
    if page is not None:
        from sushi_bench.paper.page import open_folder

        open_folder(page)
    with console.progress_bar() as progress:
        report = compute(
            lambda sequence, description: progress.track(sequence, description=description),
            agent,
            trust,
            measurements,
        )
    for note in report.notes:
        console.complain(note)
    if page is not None:
        from sushi_bench.paper.page import write_page

        write_page(report, page)
    if as_json:
        console.print_json(rows_as_json(report.rows, report.notes))
        return
    console.out.print(as_table(report, everything))
    if not everything:
        hidden = sum(row.paper is None for row in report.rows)
        console.say(f"{hidden} rows without a published figure: --all")
