"""Reads the bytes and the text of files that strangers wrote or named.

Only regular files are read, and only up to the format's limit: opening a pipe would wait for a
writer, a device never ends, and neither may happen because somebody named one in a scenario.
"""

import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from sushi_accel.errors import InputError
from sushi_accel.shown import plain

MAX_CODE_BYTES = 4 * 1024**3
"""Files that are only hashed, such as a policy's weights."""

LONGEST_PATH = 300

_FLAGS = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)  # or opening a pipe would wait for its writer
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)


def named(kind: str, path: str | Path) -> str:
    """A file's kind and path, as the messages about it begin."""
    return f"{kind} {plain(path, LONGEST_PATH)}"


@contextmanager
def reading(path: str | Path, where: str, max_bytes: int) -> Iterator[BinaryIO]:
    """Opens a regular file of at most `max_bytes`.

    Args:
        path: The file.
        where: What it is, for messages.
        max_bytes: Size above which it is refused unread.

    Yields:
        The file. What reading it, or unpacking what was read, raises becomes an `InputError`.

    Raises:
        InputError: If it is missing, no regular file, too large, or cannot be read.
    """
    try:
        descriptor = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:  # ValueError: a path with NUL or a lone surrogate
        raise InputError(f"{where}: cannot be read ({reason_of(error)})") from None
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        what = "it is a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise InputError(f"{where}: cannot be read ({what})")
    with os.fdopen(descriptor, "rb") as file:
        if status.st_size > max_bytes:
            raise _too_large(where, status.st_size, max_bytes)
        try:
            yield file
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{where}: cannot be read ({reason_of(error)})") from None


def read_bytes(path: str | Path, where: str, max_bytes: int) -> bytes:
    """The contents of a file; arguments and errors as of `reading`."""
    with reading(path, where, max_bytes) as file:
        size = os.fstat(file.fileno()).st_size
        raw = file.read(size + 1)  # not the limit, as so much memory would be asked for
        if len(raw) > size:  # it grew, or is one of those whose size the system does not know
            raw += file.read(max_bytes + 1 - len(raw))
    if len(raw) > max_bytes:
        raise _too_large(where, len(raw), max_bytes)
    return raw


def read_text(path: str | Path, where: str, max_bytes: int) -> str:
    """The contents of a file of UTF-8 text, with or without a byte-order mark.

    Raises:
        InputError: As `reading`, or if it is no such text; the message names the line.
    """
    return as_text(read_bytes(path, where, max_bytes), where)


def as_text(raw: bytes, where: str) -> str:
    """UTF-8 text from bytes.

    Raises:
        InputError: If it is no such text; the message names the line.
    """
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise InputError(f"{where}, line {line}: not UTF-8 text") from None


def file_digest(path: str | Path, where: str, max_bytes: int = MAX_CODE_BYTES) -> str:
    """SHA-256, in hex, of a file's contents; arguments and errors as of `reading`."""
    with reading(path, where, max_bytes) as file:
        return hashlib.file_digest(cast(io.BufferedReader, file), "sha256").hexdigest()


def _too_large(where: str, size: int, max_bytes: int) -> InputError:
    return InputError(f"{where}: {size} bytes, more than {max_bytes}")


def reason_of(error: Exception) -> str:
    """Why a file cannot be read or written, in a few words."""
    return getattr(error, "strerror", None) or plain(error)
