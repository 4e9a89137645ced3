"""Runs of `sushi train` as processes: so many at a time, each continued where it stopped."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sushi_accel.files.atomic import replacing
from sushi_accel.files.documents import validate
from sushi_accel.files.json_text import read_json
from sushi_accel.files.reading import named
from sushi_accel.shown import shown
from sushi_agents.learning.run_folder import CHECKPOINT, RUN, RunDescription
from sushi_bench.training.settings import Run
from sushi_env import InputError

SUSHI = (sys.executable, "-m", "sushi_bench")
LOG = "train.log"
AGENT_FILES = ("agent.safetensors", "agent.json")
POLL_S = 0.1
PATIENCE_S = 20.0

DONE, TRAINED, RESUMED, FAILED = "done already", "trained", "resumed", "failed"


@dataclass
class Outcome:
    """What became of a run: how it ended, and the last line it said if it failed."""

    state: str
    message: str = ""


def is_done(run: Run, folder: Path) -> bool:
    """Whether a run has ended in its folder.

    Raises:
        InputError: If another run is in the folder.
    """
    path = folder / RUN
    if not path.exists():
        return False
    where = named("run", path)
    there = validate(RunDescription, read_json(path, where), where).model_dump()
    different = [k for k, v in run.identity().items() if there.get(k) != v]
    if different:
        key = different[0]
        if key == "scenario_digest":
            raise InputError(
                f"{where}: is of a run on another scenario {shown(there['scenario'].get('name'))}; "
                "remove it, or choose another --out"
            )
        raise InputError(
            f"run {folder}: is of a run with {key} = {shown(there.get(key))}, not "
            f"{shown(run.identity()[key])}; remove it, or choose another --out"
        )
    return (folder / "comparison.json").exists()


def train_all(
    runs: Sequence[Run],
    out: Path,
    jobs: int,
    on_outcome: Callable[[Run, Outcome], None] | None = None,
) -> dict[str, Outcome]:
    """Trains every run that is not done, each in a process of its own.

    A run that fails does not end the others. If this is interrupted, what is running is ended,
    and the next call continues it from its checkpoint.

    Args:
        runs: The runs.
        out: The folder that holds their folders, where each says in `train.log` what it does.
        jobs: How many run at a time.
        on_outcome: Called as each ends.

    Returns:
        What became of each, by name.

    Raises:
        InputError: If a folder holds another run, or cannot be written.
    """
    done = {run.name: is_done(run, out / run.name) for run in runs}
    outcomes = {name: Outcome(DONE) for name, ended in done.items() if ended}
    waiting = [run for run in runs if not done[run.name]]
    running: dict[subprocess.Popen[bytes], tuple[Run, str]] = {}
    with ExitStack() as stack:
        stack.callback(lambda: _end(list(running)))
        while waiting or running:
            while waiting and len(running) < jobs:
                run = waiting.pop(0)
                resume = (out / run.name / CHECKPOINT).exists()
                running[_start(run, out / run.name, resume)] = run, RESUMED if resume else TRAINED
            time.sleep(POLL_S)
            for process in [p for p in running if p.poll() is not None]:
                run, state = running.pop(process)
                outcome = Outcome(state)
                if process.returncode:
                    outcome = Outcome(FAILED, _last_line(out / run.name / LOG))
                outcomes[run.name] = outcome
                if on_outcome:
                    on_outcome(run, outcome)
    return {run.name: outcomes[run.name] for run in runs}


def put_into_zoo(run: Run, out: Path, zoo: Path) -> Path:
    """Copies the agent of a run into a folder of agents, named after the run.

    Raises:
        InputError: If it has none, or the folder cannot be written.
    """
    for name in AGENT_FILES:
        source, target = out / run.name / name, zoo / f"{run.name}{Path(name).suffix}"
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            contents = source.read_bytes()
        except OSError as error:
            raise InputError(f"agent {source}: cannot be copied ({error.strerror})") from None
        with replacing(target, f"agent {target}") as part:
            part.write_bytes(contents)
    return target


def draw(folders: Sequence[Path], picture: Path) -> None:
    """Draws learning curves with `sushi curves`.

    Raises:
        InputError: If it fails.
    """
    command = [*SUSHI, "curves", *map(str, folders), "--plot", str(picture)]
    ended = subprocess.run(command, capture_output=True, text=True)
    if ended.returncode:
        said = ended.stderr.strip().splitlines() or [f"ended with {ended.returncode}"]
        raise InputError(said[-1].removeprefix("sushi: "))


def _start(run: Run, folder: Path, resume: bool) -> "subprocess.Popen[bytes]":
    command = [*SUSHI, "train", *run.arguments(), "--out", str(folder)]
    command += ["--resume"] if resume else []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("ab") as log:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    except OSError as error:
        raise InputError(f"folder {folder}: cannot be written ({error.strerror})") from None


def _end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("sushi: ") if lines else "ended without a word"
