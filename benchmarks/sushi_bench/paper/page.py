"""The page: rows and pictures of a report, rendered by a template (extra `plot`).

Whatever figure of ours stands on it comes from the report; the template holds words only.
"""

from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from sushi_accel.files.atomic import replacing
from sushi_bench.paper import published
from sushi_bench.paper.accelerator import BOARDS
from sushi_bench.paper.report import Report
from sushi_bench.paper.rows import Row
from sushi_bench.paper.tables import number, where
from sushi_env import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TEMPLATE = "page.md.j2"


def open_folder(folder: Path) -> None:
    """Makes the page's folder, before any work is done for it.

    Raises:
        InputError: If it cannot be made, or a library is missing.
    """
    try:
        import jinja2  # noqa: F401
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(f"the page needs {error.name!r}: pip install 'sushi-env[plot]'") from None
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {folder}: cannot be written ({error.strerror})") from None


def write_page(report: Report, folder: Path) -> None:
    """Writes `README.md` and its pictures.

    Raises:
        InputError: If a file cannot be written.
    """
    from jinja2 import Environment, StrictUndefined

    pictures = _pictures(report)
    for name, figure in pictures.items():
        path = folder / f"{name}.png"
        with replacing(path, f"picture {path}") as part:
            figure.savefig(part, format="png")
    # Markdown for a repository, not HTML for a browser: there is nothing to escape.
    environment = Environment(
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    environment.filters |= {"number": number, "where": where, "gain": _signed}
    template = environment.from_string(files("sushi_bench.paper").joinpath(TEMPLATE).read_text())
    text = template.render(
        report=report,
        row={row.id: row for row in report.rows},
        sections=report.sections,
        paper=published,
        boards=BOARDS,
        subnets=_subnets(report),
        pictures=pictures,
    )
    path = folder / "README.md"
    with replacing(path, f"page {path}") as part:
        part.write_text(text)


def _pictures(report: Report) -> "dict[str, Figure]":
    from sushi_accel import get_board
    from sushi_accel.pictures import scatter
    from sushi_bench.paper import pictures_hardware, pictures_streams

    found = {
        "roofline": pictures_hardware.roofline(),
        "sweeps": pictures_hardware.sweeps(report.accelerator),
        "designs": pictures_hardware.designs(report.accelerator),
        "energy": pictures_hardware.energy(report.energy),
        "scheduling": pictures_streams.scheduling(report.scheduling),
        "parameters": pictures_streams.parameters(report.scheduling),
        "queueing": pictures_streams.queueing(report.queueing),
    }
    if report.silicon:
        for preset, validation in report.silicon.validations.items():
            found[f"validation-{preset}"] = scatter(validation, get_board(preset))
    return found


def _subnets(report: Report) -> dict[str, dict[str, Row]]:
    """Rows of section 2 by SubNet, then board."""
    by_id = {row.id: row for row in report.rows}
    found: dict[str, dict[str, Row]] = {}
    for key, row in by_id.items():
        for board in BOARDS:
            prefix = f"latency_{board}_"
            if key.startswith(prefix):
                found.setdefault(key.removeprefix(prefix).replace("_", " "), {})[board] = row
    return found


def _signed(value: float) -> str:
    return f"{value:+.2f}"
