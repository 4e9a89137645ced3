"""The folder of a training run: what lies in it, and that one run at a time writes to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from sushi_accel.files.reading import named
from sushi_env import InputError

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where two runs in one folder are not told apart
    fcntl = None

CHECKPOINT = "checkpoint.safetensors"
LOCK = ".lock"
RUN = "run.json"
_OURS = (
    CHECKPOINT,
    RUN,
    "comparison.json",
    "agent.json",
    "agent.safetensors",
    "checkpoint.pkl",  # of earlier releases
    "*.zip",
    "events.out.tfevents.*",
)
_held: set[Path] = set()


class RunDescription(BaseModel):
    """What others read of `run.json`."""

    model_config = ConfigDict(extra="allow", strict=True, allow_inf_nan=False)

    scenario: dict[str, Any]
    scenario_digest: Annotated[str, Field(max_length=100)]
    algo: Annotated[str, Field(max_length=50)]
    seed: Annotated[int, Field(ge=0)]
    hyperparameters: dict[str, Any]
    mixture: Annotated[int, Field(ge=0)] = 0


@contextmanager
def holding(folder: Path) -> Iterator[None]:
    """Makes a folder this process's own; the system gives it back when the process ends.

    Within the process it may be held more than once.

    Raises:
        InputError: If another process has it, or it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        own = folder.resolve()
        free = own not in _held and fcntl is not None
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644) if free else None
    except OSError as error:
        raise _unwritable(folder, error) from None
    if lock is None:
        yield
        return
    try:
        _take(lock, folder)
        _held.add(own)
        yield
    finally:
        _held.discard(own)
        os.close(lock)


def _take(lock: int, folder: Path) -> None:
    assert fcntl is not None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise InputError(
            f"{named('folder', folder)}: another run is writing to it; wait for it, or choose "
            "another --out"
        ) from None
    except OSError:  # a file system without locks
        return


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(f"{named('folder', folder)}: cannot be written ({error.strerror})")


def claim(folder: Path, models: tuple[str, ...], overwrite: bool) -> None:
    """Refuses a folder where a run would be lost, or clears it.

    Args:
        folder: The folder.
        models: Names of the files that a run has when it has ended.
        overwrite: Whether a run that is there is to be removed.

    Raises:
        InputError: If a run is there and is not to be removed.
    """
    there = [name for name in (*models, CHECKPOINT) if (folder / name).exists()]
    if there and not overwrite:
        what = "a run that can be continued" if there == [CHECKPOINT] else "a run that has ended"
        raise InputError(
            f"{named('folder', folder)}: holds {what} ({there[0]}); go on from it with "
            "--resume, replace it with --overwrite, or choose another --out"
        )
    try:
        for pattern in _OURS if overwrite else ():
            for path in folder.glob(pattern):
                path.unlink()
    except OSError as error:
        raise _unwritable(folder, error) from None
