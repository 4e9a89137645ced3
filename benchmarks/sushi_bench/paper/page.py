"""The page: rows and pictures of a report, rendered by a template (extra `plot`).

Whatever figure of ours stands on it comes from the report; the template holds words only.
"""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sushi_accel import get_board
from sushi_accel.errors import need
from sushi_accel.figures import save_picture
from sushi_accel.files.atomic import make_folder, replacing
from sushi_bench.paper import published
from sushi_bench.paper.report import Report
from sushi_bench.paper.sections.accelerator import BOARDS
from sushi_bench.paper.tables import number, where

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATE = "page.md.j2"


def open_folder(folder: Path) -> None:
    """Makes the page's folder, before any work is done for it.

    Raises:
        InputError: If it cannot be made, or a library is missing.
    """
    need("the page needs", "plot", "jinja2", "matplotlib")
    make_folder(folder)


def write_page(report: Report, folder: Path) -> None:
    """Writes `README.md` and its pictures.

    Raises:
        InputError: If a file cannot be written.
    """
    from jinja2 import Environment, StrictUndefined

    pictures = _pictures(report)
    for name, figure in pictures.items():
        save_picture(figure, folder / f"{name}.png")
    # Markdown for a repository, not HTML for a browser: there is nothing to escape.
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"number": number, "where": where}
    template = environment.from_string(files("sushi_bench.paper").joinpath(TEMPLATE).read_text())
    text = template.render(
        report=report,
        row={row.id: row for row in report.rows},
        sections=report.sections,
        paper=published,
        boards=BOARDS,
        pictures=pictures,
    )
    path = folder / "README.md"
    with replacing(path, f"page {path}") as part:
        part.write_text(text)


def _pictures(report: Report) -> "dict[str, Figure]":
    from sushi_accel.pictures import scatter
    from sushi_bench.paper.pictures import hardware, streams

    return {
        "roofline": hardware.roofline(),
        "sweeps": hardware.sweeps(report.accelerator),
        "designs": hardware.designs(report.accelerator),
        "energy": hardware.energy(report.energy),
        "scheduling": streams.scheduling(report.scheduling),
        "parameters": streams.parameters(report.scheduling),
        "queueing": streams.queueing(report.queueing),
    } | {
        f"validation-{preset}": scatter(validation, get_board(preset))
        for preset, validation in report.silicon.items()
    }
