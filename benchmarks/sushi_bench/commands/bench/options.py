"""What the subcommands of `sushi bench` share."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Annotated

import typer

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
