"""Reads a file as a test does: with an eye on time, memory, and what is said of it."""

import io
import resource
import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType

from sushi_env import InputError

MOST_S = 5.0
MOST_BYTES = 1024**3
MOST_CHARACTERS = 600


class HungError(BaseException):
    """No reader catches it, as it is no Exception."""


@contextmanager
def limits(seconds: float = MOST_S, more_bytes: int = MOST_BYTES) -> Iterator[None]:
    """Ends what takes longer, and refuses memory beyond what the process has by so many bytes."""

    def ring(signal_number: int, frame: FrameType | None) -> None:
        raise HungError(f"longer than {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + more_bytes, hard))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _warnings_raised() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def fault_of(
    read: Callable[[Path], object], path: Path, most_s: float = MOST_S
) -> tuple[str | None, bool, float]:
    """What is wrong with how a file is read: a traceback, a hang, a bad message; or None.

    Returns:
        The fault; whether the file was refused; seconds.
    """
    began, refusal, fault, said = time.monotonic(), None, None, io.StringIO()
    try:
        with (
            limits(most_s),
            warnings.catch_warnings(),
            redirect_stdout(said),
            redirect_stderr(said),
        ):
            warnings.simplefilter("error")
            read(path)
    except InputError as error:
        refusal = str(error)
    except (Exception, HungError) as error:
        where = error.__traceback__
        while where and where.tb_next:
            where = where.tb_next
        at = f"{where.tb_frame.f_code.co_filename}:{where.tb_lineno}" if where else ""
        fault = f"{type(error).__name__}: {str(error)[:300]} ({at})"
    took = time.monotonic() - began
    if refusal is not None and fault is None:
        if not refusal.isprintable():
            fault = f"not printable: {refusal[:300]!r}"
        elif len(refusal) > MOST_CHARACTERS:
            fault = f"{len(refusal)} characters: {refusal[:300]}"
    if fault is None and said.getvalue():
        fault = f"prints {said.getvalue()[:300]!r}"
    if fault is None and took > most_s:
        fault = f"took {took:.1f} s"
    return fault, refusal is not None, took
