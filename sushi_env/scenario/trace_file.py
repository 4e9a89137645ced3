"""Recorded arrival times from a CSV file."""

import hashlib
import os
from array import array
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from sushi_accel import InputError
from sushi_accel.files.reading import named, reading
from sushi_accel.files.rows import read_rows
from sushi_env.numerics.streams import TRACE_KEY, uniforms

MAX_FILE_BYTES = 2 * 1024**3
MIN_SPAN_S = 1e-6
"""Time from the first arrival to the last below which gaps could not be told from rounding."""


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    arrival_s: Annotated[float, Field(ge=0, description="a number of at least 0")]


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
    with reading(path, named("trace", path), MAX_FILE_BYTES) as file:
        status = os.fstat(file.fileno())
    return Path(path), status.st_mtime_ns, status.st_size


def trace_digest(times_s: NDArray[np.float64]) -> str:
    """SHA-256, in hex, of the times, whatever file they came from."""
    return hashlib.sha256(times_s.astype("<f8").tobytes()).hexdigest()


@lru_cache(maxsize=8)
def _load(path: Path, _changed_ns: int, _size: int) -> NDArray[np.float64]:
    where = named("trace", path)
    times = array("d", _times(path, where))
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


def _times(path: Path, where: str) -> Iterator[float]:
    last = 0.0
    for here, row in read_rows(path, where, _Row, MAX_FILE_BYTES):
        if row.arrival_s < last:
            raise InputError(f"{here}: arrival_s = {row.arrival_s} after {last}, must ascend")
        last = row.arrival_s
        yield last
