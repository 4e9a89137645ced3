"""What every command prints with: people on stderr or a terminal, JSON alone on stdout."""

import json
import logging
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sushi_accel.shown import plain

if TYPE_CHECKING:
    from rich.progress import Progress

WIDTH_OF_FILES = 120
"""Columns when the output is not a terminal, which has a width of its own."""

SOON_S, LONG_S = 5.0, 60.0
"""When work without a progress bar is said to be long, and what is long."""

LONGEST_LINE = 8000

out = Console(width=None if sys.stdout and sys.stdout.isatty() else WIDTH_OF_FILES)
err = Console(stderr=True)


def print_json(value: Mapping[str, Any]) -> None:
    """Prints exactly one JSON object, on stdout; NaN and infinity are refused."""
    print(json.dumps(value, indent=2, allow_nan=False))


def say(text: object, on: Console = out) -> None:
    """Prints a line on stdout; whatever strangers' text is in it is shown, not obeyed."""
    line = plain(text, LONGEST_LINE)
    on.print(line, markup=False, highlight=False, soft_wrap=True)


def note(text: object) -> None:
    """Prints a line on stderr, above a progress bar if there is one."""
    say(text, err)


def complain(message: object) -> None:
    """Prints on stderr, in one line, what is wrong."""
    note(f"sushi: {message}")


def table(
    columns: Iterable[str],
    rows: Iterable[Sequence[object]],
    title: str | None = None,
    left: Collection[str] = (),
    wrap: bool = False,
) -> Table:
    """A table for people; whatever strangers' text is in it is shown, not obeyed.

    Args:
        columns: The headings.
        rows: The cells; None is an empty one.
        title: What is above it.
        left: Headings of the columns, beside the first, that hold no numbers.
        wrap: Whether long cells are broken into lines.
    """
    found = Table(
        title=None if title is None else Text(plain(title)),
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for n, heading in enumerate(columns):
        justify = "left" if n == 0 or heading in left else "right"
        found.add_column(heading, justify=justify, no_wrap=not wrap)
    for row in rows:
        found.add_row(*(Text("" if cell is None else plain(cell)) for cell in row))
    return found


class _Log(logging.Handler):
    """What the packages below have to say, on stderr: at a terminal also that they compile."""

    def emit(self, record: logging.LogRecord) -> None:
        complain(record.getMessage())


_log = logging.getLogger("sushi_env")
_log.addHandler(_Log())
_log.setLevel(logging.INFO if err.is_terminal else logging.WARNING)


@contextmanager
def progress_bar() -> "Iterator[Progress]":
    """A progress bar on stderr with count, time taken and time left; none if it is no terminal."""
    from rich import progress as p

    columns = (
        p.TextColumn("{task.description}", markup=False),
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
        self._bar, self._total = bar, total or 0
        self._task = bar.add_task(plain(description), total=total)
        self._done, self._silent = 0, bar.disable
        self._first: tuple[float, int] | None = None

    def __call__(self, done: int, total: int | None = None, description: str | None = None) -> None:
        """Shows how far it is, and if given, of how much, and what is done now."""
        self._done, self._total = done, self._total if total is None else total
        said = None if description is None else plain(description)
        self._bar.update(self._task, completed=done, total=self._total, description=said)
        if not self._silent or not done:
            return
        now = time.monotonic()
        began, before = self._first = self._first or (now, done)  # what is compiled, is by now
        if now - began > SOON_S and done > before:
            self._silent, left = False, (now - began) * (self._total - done) / (done - before)
            if left > LONG_S:
                complain(f"about {duration(left)} left; Ctrl-C stops")

    def advance(self) -> None:
        """One more is done."""
        self(self._done + 1)


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
