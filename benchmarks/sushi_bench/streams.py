"""Standard streams that are closed, full, or read by nobody."""

import errno
import os
import sys
from contextlib import suppress


def open_missing() -> None:
    """Gives the process the streams it was started without.

    Their file descriptors would be those of the next files opened, which then got what is
    printed. Nothing can be read from them or written to stdout; what stderr gets is lost.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, os.O_WRONLY if name == "stderr" else os.O_RDONLY)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, mode, closefd=False))


def written() -> str | None:
    """Writes what is left in stdout's buffer: None, or in one line why it cannot be written.

    A reader that has gone needs no line. What cannot be written is thrown away, so that Python
    does not try again at its end.
    """
    try:
        sys.stdout.flush()
    except (OSError, ValueError) as error:  # ValueError: somebody has closed the file
        discard_output()
        return cannot_write(error)
    return None


def cannot_write(error: OSError | ValueError) -> str:
    """Why stdout was not written, in one line; empty if its reader has gone."""
    if isinstance(error, BrokenPipeError) or getattr(error, "errno", None) == errno.EPIPE:
        return ""
    return f"the output cannot be written ({getattr(error, 'strerror', None) or error})"


def discard_output() -> None:
    """Lets stdout lead nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
