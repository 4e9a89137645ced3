"""Options that several commands share; importing this module imports nothing of ours."""

import importlib
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from sushi_accel.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_EPISODES = 100_000
"""Of a command; each episode's metrics are kept in memory."""

ScenarioOption = Annotated[
    str, typer.Option("--scenario", help="A registered scenario, or a path to a .yaml file.")
]
EpisodesOption = Annotated[
    int, typer.Option("--episodes", help="Episodes per policy.", max=MOST_EPISODES)
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else there.")
]
TrustOption = Annotated[
    bool, typer.Option("--trust", help="Load model files that can execute code.")
]
SeedOption = Annotated[int, typer.Option("--seed", help="Seed of the first episode.")]
ReferenceOption = Annotated[
    str | None,
    typer.Option(
        "--reference",
        help="The policy that the others are compared with, episode by episode; by default "
        "sushisched-accuracy if it is among them, else the first.",
    ),
]
JobsOption = Annotated[
    int | None,
    typer.Option("--jobs", help="Processes to spread over; by default one per core.", min=1),
]


def jobs_or_all(jobs: int | None) -> int:
    """The number of processes asked for, else the number of cores there are for us."""
    if jobs is not None:
        return jobs
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def stopped_by_sigterm() -> Iterator[None]:
    """Within it, SIGTERM does what Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def needing(what: str, extras: str, *modules: str) -> Iterator[None]:
    """Within it, a module that is missing is said to be in an extra.

    Args:
        what: What needs it, for the message.
        extras: The extras that have it.
        modules: Modules to look for at once.

    Raises:
        InputError: If one is missing.
    """
    try:
        for module in modules:
            importlib.import_module(module)
        yield
    except ModuleNotFoundError as error:
        message = f"{what} {error.name!r}: pip install 'sushi-env[{extras}]'"
        raise InputError(message) from None


def need_matplotlib() -> None:
    """Raises a clear error if the extra `plot` is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError:
        raise InputError("pictures need Matplotlib: pip install 'sushi-env[plot]'") from None


def save_picture(figure: "Figure", path: Path) -> None:
    """Saves a figure, atomically, in the format that the path's ending names.

    Raises:
        InputError: If the ending names no format, or the path cannot be written.
    """
    from sushi_accel.files.atomic import replacing

    if path.suffix not in {".png", ".svg", ".pdf"}:
        raise InputError(f"picture {path}: must end in .png, .svg or .pdf")
    with replacing(path, f"picture {path}") as part:
        figure.savefig(part)
