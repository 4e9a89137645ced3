"""Recorded arrival times from a CSV file."""

import csv
import gzip
import hashlib
import io
import math
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sushi_accel import InputError

COLUMN = "arrival_s"
MAX_FILE_BYTES = 2 * 1024**3
MAX_ROWS = 50_000_000
MAX_LINE_CHARACTERS = 64 * 1024


def load_trace(path: str | Path) -> NDArray[np.float64]:
    """Reads the times of a trace, once per process and file.

    Args:
        path: A CSV, or a gzipped one if it ends in `.gz`, with a column `arrival_s`: seconds,
            ascending, ties allowed. Other columns are ignored. Read row by row: memory is 8
            bytes a row.

    Returns:
        The times, seconds, float64, shape (n,), n at least 2; read-only.

    Raises:
        InputError: If the file is missing, too large, no such CSV, or holds an impossible time;
            the message names the line.
    """
    path = Path(path)
    where = f"trace {path}"
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"{where}: cannot be read ({_reason(error)})") from None
    if status.st_size > MAX_FILE_BYTES:
        raise InputError(f"{where}: {status.st_size} bytes, more than {MAX_FILE_BYTES}")
    return _load(path, status.st_mtime_ns, status.st_size)


def trace_digest(times_s: NDArray[np.float64]) -> str:
    """SHA-256, in hex, of the times, whatever file they came from."""
    return hashlib.sha256(times_s.astype("<f8").tobytes()).hexdigest()


@lru_cache(maxsize=8)
def _load(path: Path, _changed_ns: int, _size: int) -> NDArray[np.float64]:
    where = f"trace {path}"
    try:
        with path.open("rb") as file:
            binary = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
            with io.TextIOWrapper(binary, encoding="utf-8") as text:
                times = array("d", _times(text, where))
    except (OSError, EOFError) as error:
        raise InputError(f"{where}: cannot be read ({_reason(error)})") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{where}: not a CSV file of UTF-8 text") from None
    if len(times) < 2:
        raise InputError(f"{where}: holds {len(times)} arrivals, at least 2 are needed")
    if times[0] == times[-1]:
        raise InputError(f"{where}: all arrivals at {times[0]:g} s, they must differ")
    result = np.frombuffer(times, dtype=np.float64)
    result.flags.writeable = False
    return result


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _lines(text: io.TextIOWrapper, where: str) -> Iterator[str]:
    """Lines of bounded length, so that a file without line ends is not read into memory."""
    number = 0
    while line := text.readline(MAX_LINE_CHARACTERS + 1):
        number += 1
        if len(line) > MAX_LINE_CHARACTERS:
            raise InputError(f"{where}, line {number}: longer than {MAX_LINE_CHARACTERS}")
        yield line


def _times(text: io.TextIOWrapper, where: str) -> Iterator[float]:
    reader = csv.reader(_lines(text, where))
    header = [name.strip() for name in next(reader, [])]
    if COLUMN not in header:
        raise InputError(f"{where}: column {COLUMN!r} is missing")
    column = header.index(COLUMN)
    last, rows = 0.0, 0
    for row in reader:
        if not row:
            continue
        here = f"{where}, line {reader.line_num}"
        shown = row[column] if column < len(row) else ""
        try:
            time = float(shown)
        except ValueError:
            time = math.nan
        if not math.isfinite(time) or time < 0:
            raise InputError(f"{here}: {COLUMN} = {shown[:80]!r}, must be a number of at least 0")
        if time < last:
            raise InputError(f"{here}: {COLUMN} = {time:g} after {last:g}, must ascend")
        rows += 1
        if rows > MAX_ROWS:
            raise InputError(f"{here}: more than {MAX_ROWS} arrivals")
        last = time
        yield time
