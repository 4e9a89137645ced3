"""What every command prints with: people on stderr or a terminal, JSON alone on stdout."""

import json
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sushi_bench import streams

if TYPE_CHECKING:
    from rich.progress import Progress

WIDTH_OF_FILES = 120
"""Columns when the output is not a terminal, which has a width of its own."""

SOON_S, LONG_S = 5.0, 60.0
"""When work without a progress bar is said to be long, and what is long."""

out = Console(width=None if sys.stdout and sys.stdout.isatty() else WIDTH_OF_FILES)
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Prints exactly one JSON object, on stdout; NaN and infinity are refused."""
    print(json.dumps(value, indent=2, allow_nan=False))


def complain(message: object) -> None:
    """Prints one line on stderr, above a progress bar if there is one."""
    note(f"sushi: {' '.join(str(message).split())}")


def note(text: str) -> None:
    """Prints a line on stderr, as it is."""
    err.print(text, markup=False, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """Prints a line on stdout, as it is."""
    out.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def progress_bar() -> "Iterator[Progress]":
    """A progress bar on stderr with count, time taken and time left; none if it is no terminal."""
    from rich import progress as p

    columns = (
        p.TextColumn("{task.description}"),
        p.BarColumn(),
        p.MofNCompleteColumn(),
        p.TimeElapsedColumn(),
        p.TextColumn("left"),
        p.TimeRemainingColumn(),
    )
    with p.Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
        yield bar


class Work:
    """Work under way: call it with what is done and what there is to do.

    Where there is no bar, work that will take long is said to, once.
    """

    def __init__(self, bar: "Progress", description: str, total: int | None):
        self._bar, self._task = bar, bar.add_task(description, total=total)
        self._done, self._began, self._silent = 0, time.monotonic(), bar.disable

    def __call__(self, done: int, total: int, description: str | None = None) -> None:
        self._done = done
        self._bar.update(self._task, completed=done, total=total, description=description)
        taken = time.monotonic() - self._began
        if self._silent and done and taken > SOON_S:
            self._silent, left = False, taken * (total - done) / done
            if left > LONG_S:
                note(f"sushi: about {duration(left)} left; Ctrl-C stops")

    def advance(self) -> None:
        """One more is done, of a total given at the start."""
        self(self._done + 1, int(self._bar.tasks[self._task].total or 0))


@contextmanager
def working(description: str, total: int | None = None) -> Iterator[Work]:
    """A progress bar for one piece of work."""
    with progress_bar() as bar:
        yield Work(bar, description, total)


def duration(seconds: float) -> str:
    """A time as people say it."""
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{seconds:.0f} seconds"


