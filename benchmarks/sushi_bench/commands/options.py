"""Options that several commands share."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from sushi_accel.errors import need
from sushi_bench import console

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
AlgoOption = Annotated[
    str | None,
    typer.Option("--algo", help="Algorithm of .zip models, if their names say none."),
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
FromOneJobOption = Annotated[
    int, typer.Option("--jobs", help="Processes to spread over; results do not depend on it.")
]
PlotOption = Annotated[
    Path | None, typer.Option("--plot", help="Also save a picture (.png, .svg, .pdf) here.")
]
PolicyOption = Annotated[
    list[str] | None,
    typer.Option(
        "--policy",
        help="A policy's name, see `sushi list policies` (clairvoyant: the bound's schedule); "
        "package.module:Class, or a model's path; any of them with +cache-last or another "
        "cache rule behind it; repeat for more. Without it, every baseline.",
    ),
]
SuiteOption = Annotated[str, typer.Option("--suite", help="Version of the suite.")]

FAILED = 2
"""Exit code if a policy failed; the others' results are there."""


def need_training(what: str) -> None:
    """Asks for the libraries of the extra `train`; see `need`."""
    need(what, "train", "torch", "stable_baselines3", "sb3_contrib", "safetensors", "tensorboard")


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


@contextmanager
def kept_if_stopped() -> Iterator[None]:
    """Within it, who stops a command is told that it continues where it stopped."""
    with stopped_by_sigterm():
        try:
            yield
        except KeyboardInterrupt:
            console.complain("what is done is kept; the same command continues from there")
            raise


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def with_algo(names: list[str], algo: str | None) -> list[str]:
    """Names of policies, the algorithm put before the `.zip` models among them."""
    if algo is None:
        return names
    return [f"{algo}:{name}" if name.endswith(".zip") else name for name in names]
