"""Recorded arrival times from a CSV file."""

import csv
import gzip
import hashlib
import io
import math
import stat
import zlib
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sushi_accel import InputError
from sushi_env.numerics.streams import TRACE_KEY, uniforms

COLUMN = "arrival_s"
MAX_FILE_BYTES = 2 * 1024**3
MAX_LINES = 50_000_000
MAX_LINE_CHARACTERS = 64 * 1024
MIN_SPAN_S = 1e-6
"""Time from the first arrival to the last below which gaps could not be told from rounding."""


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
    return _load(*_version(path))


def trace_gaps(path: str | Path, jitter_s: float = 0.0) -> NDArray[np.float64]:
    """Gaps of a trace, computed once per process: all environments share the array.

    Args:
        path: As for `load_trace`.
        jitter_s: Each time is first moved by a uniform draw from [0, jitter_s), the same in
            every process.

    Returns:
        The gaps, scaled to a mean of 1, float64, shape (n,); read-only. The last, from the
        trace's end to its beginning, is a mean one.

    Raises:
        InputError: As `load_trace`.
    """
    return _gaps(*_version(path), jitter_s)


def _version(path: str | Path) -> tuple[Path, int, int]:
    """A trace's path, time of change and size: what it is cached by."""
    path = Path(path)
    where = f"trace {path}"
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise InputError(f"{where}: cannot be read ({_reason(error)})") from None
    if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for ever
        raise InputError(f"{where}: cannot be read (not a file)")
    if status.st_size > MAX_FILE_BYTES:
        raise InputError(f"{where}: {status.st_size} bytes, more than {MAX_FILE_BYTES}")
    return path, status.st_mtime_ns, status.st_size


def trace_digest(times_s: NDArray[np.float64]) -> str:
    """SHA-256, in hex, of the times, whatever file they came from."""
    return hashlib.sha256(times_s.astype("<f8").tobytes()).hexdigest()


@lru_cache(maxsize=8)
def _load(path: Path, _changed_ns: int, _size: int) -> NDArray[np.float64]:
    where = f"trace {path}"
    try:
        with path.open("rb") as file:
            binary = gzip.GzipFile(fileobj=file) if path.suffix == ".gz" else file
            with io.TextIOWrapper(binary, encoding="utf-8-sig") as text:
                times = array("d", _times(text, where))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{where}: cannot be read ({_reason(error)})") from None
    except (UnicodeDecodeError, csv.Error):
        raise InputError(f"{where}: not a CSV file of UTF-8 text") from None
    if len(times) < 2:
        raise InputError(f"{where}: holds {len(times)} arrivals, at least 2 are needed")
    if times[-1] - times[0] < MIN_SPAN_S:
        raise InputError(
            f"{where}: all arrivals at {times[0]:g} s, must be spread over {MIN_SPAN_S:g} s or more"
        )
    result = np.frombuffer(times, dtype=np.float64)
    result.flags.writeable = False
    return result


@lru_cache(maxsize=8)
def _gaps(path: Path, changed_ns: int, size: int, jitter_s: float) -> NDArray[np.float64]:
    times = _load(path, changed_ns, size)
    if jitter_s > 0:
        times = np.sort(times + jitter_s * uniforms(TRACE_KEY, len(times)))
    gaps = np.diff(times)
    result = np.append(gaps / gaps.mean(), 1.0)
    result.flags.writeable = False
    return result


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


def _lines(text: io.TextIOWrapper, where: str) -> Iterator[str]:
    """Lines of bounded length and number.

    So neither a file without line ends nor a small archive of a huge file is read to its end.
    """
    number = 0
    while line := text.readline(MAX_LINE_CHARACTERS + 1):
        number += 1
        if number > MAX_LINES:
            raise InputError(f"{where}, line {number}: more than {MAX_LINES} lines")
        if len(line) > MAX_LINE_CHARACTERS:
            raise InputError(
                f"{where}, line {number}: longer than {MAX_LINE_CHARACTERS} characters"
            )
        yield line


def _times(text: io.TextIOWrapper, where: str) -> Iterator[float]:
    reader = csv.reader(_lines(text, where))
    header = [name.strip() for name in next(reader, [])]
    if reader.line_num == 0:
        raise InputError(f"{where}: is empty, must begin with a header that names {COLUMN!r}")
    if COLUMN not in header:
        raise InputError(f"{where}: column {COLUMN!r} is missing")
    column = header.index(COLUMN)
    last = 0.0
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
            raise InputError(f"{here}: {COLUMN} = {time} after {last}, must ascend")
        last = time
        yield time
