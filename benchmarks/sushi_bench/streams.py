"""Standard streams that are closed, full, or read by nobody."""

import os
import sys
from contextlib import suppress


def open_missing() -> None:
    """Gives the process the streams it was started without.

    Their file descriptors would be those of the next files opened, which then got what is
    printed. Nothing can be read from them or written to stdout; what stderr gets is lost.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is not None:
            continue
        try:
            os.fstat(number)
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY if number == 2 else os.O_RDONLY), number)
        setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def complain(message: object) -> None:
    """Prints one line on stderr, if there is anything to say and anywhere to say it."""
    line = " ".join(str(message).split())
    if line:
        with suppress(OSError, ValueError):
            print(f"sushi: {line}", file=sys.stderr, flush=True)


def finish() -> str | None:
    """Writes what is left in stdout's buffer.

    Returns:
        None, or why it cannot be written; see `cannot_write`.
    """
    try:
        sys.stdout.flush()
    except OSError as error:
        discard_output()
        return cannot_write(error)
    return None


def cannot_write(error: OSError) -> str:
    """Why stdout cannot be written, in one line; nothing to say if its reader has gone."""
    return "" if isinstance(error, BrokenPipeError) else f"stdout: {error.strerror or error}"


def discard_output() -> None:
    """Lets stdout lead nowhere, so that Python does not try again at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
