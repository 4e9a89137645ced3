"""Writing files so that nobody ever reads half of one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sushi_accel.errors import InputError
from sushi_accel.files.reading import named, reason_of


@contextmanager
def writing(where: str) -> Iterator[None]:
    """Says in one line what could not be written, or made, and why.

    Args:
        where: What it is, for messages.

    Raises:
        InputError: If the system refuses it, or its path is none.
    """
    try:
        yield
    except InputError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a path with NUL or a lone surrogate
        raise InputError(f"{where}: cannot be written ({reason_of(error)})") from None


def check_writable(path: Path, where: str) -> None:
    """Finds out, before any work is done for it, whether a file can be written.

    Args:
        path: The file.
        where: What it is, for messages.

    Raises:
        InputError: If its folder is not there, or nothing can be written there.
    """
    if not path.parent.is_dir():
        raise InputError(f"{where}: cannot be written (no folder {path.parent})")
    if path.is_dir():
        raise InputError(f"{where}: cannot be written (it is a folder)")
    if not os.access(path.parent, os.W_OK):
        raise InputError(f"{where}: cannot be written (Permission denied)")


@contextmanager
def replacing(path: str | Path, where: str) -> Iterator[Path]:
    """Gives a path beside `path` to write to, and renames it to `path` at the end.

    If anything fails, what was written is removed and `path` stays as it was.

    Args:
        path: The file to write.
        where: What it is, for messages.

    Raises:
        InputError: If the path cannot be written.
    """
    path = Path(path)
    part = path.parent / f".{os.getpid()}-{path.name}"
    try:
        if path.is_dir():
            raise InputError(f"{where}: cannot be written (it is a folder)")
        yield part
        part.replace(path)
    except OSError as error:
        raise InputError(f"{where}: cannot be written ({reason_of(error)})") from None
    finally:
        with suppress(OSError):
            part.unlink()


def make_folder(path: Path) -> None:
    """Makes a folder and those above it; it may be there already.

    Raises:
        InputError: If it cannot be made.
    """
    with writing(named("folder", path)):
        path.mkdir(parents=True, exist_ok=True)
