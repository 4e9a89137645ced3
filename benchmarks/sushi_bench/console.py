"""What every command prints with: people on stderr or a terminal, JSON alone on stdout."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

WIDTH_OF_FILES = 120
"""Columns when the output is not a terminal, which has a width of its own."""

out = Console(width=None if sys.stdout.isatty() else WIDTH_OF_FILES)
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Prints exactly one JSON object, on stdout; NaN and infinity are refused."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def complain(message: object) -> None:
    """Prints one line on stderr."""
    line = " ".join(str(message).split())
    err.print(f"sushi: {line}", markup=False, highlight=False, soft_wrap=True)


class _Log(logging.Handler):
    """What the packages below have to say, on stderr: at a terminal also that they compile."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


_log = logging.getLogger("sushi_env")
_log.addHandler(_Log())
_log.setLevel(logging.INFO if err.is_terminal else logging.WARNING)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on stderr with count, time taken and time left; none if it is no terminal."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        yield progress
