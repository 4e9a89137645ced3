"""Compiled functions, kept on disk and compiled anew when anything that is in them has changed.

What compilation has to say goes to the logger `sushi_env`: that it takes its time (info), and that
nothing can be kept (warning). The command shows both; a program that asks for neither hears only
the warning. With `NUMBA_DISABLE_JIT=1` everything runs as the plain Python that it is written in.
"""

import logging
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numba.core import event
from numba.extending import intrinsic

HERE = Path(__file__).parents[1]
PATIENCE_S = 1.0
"""Compilation that takes longer than this is announced."""

_log = logging.getLogger("sushi_env")
PLAIN: bool = nb.config.DISABLE_JIT  # type: ignore[attr-defined]
"""Whether nothing is compiled."""


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache on disk that never outlives a change.

    Numba compiles called functions and constants of other modules into a function, but compiles it
    anew only when its own file has changed: after an update it would go on with the old ones.

    Args:
        **options: Numba's, `cache` apart.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        if PLAIN:  # unsigned integers wrap round without a word, as they do when compiled
            return np.errstate(all="ignore")(function)
        try:
            dispatcher = nb.njit(cache=True, **options)(function)
        except RuntimeError:  # no folder for the cache can be written
            _say_uncached()
            return nb.njit(**options)(function)
        package = Path(str(sys.modules[function.__module__.partition(".")[0]].__file__)).parent
        sources = (HERE, package)
        _drop_older(Path(str(dispatcher.stats.cache_path)), max(map(_changed, sources)))
        return dispatcher

    return decorate


def machine_code(plain: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """`numba.extending.intrinsic`, with `plain` for when nothing is compiled."""
    return lambda define: plain if PLAIN else intrinsic(define)


@cache
def _say_uncached() -> None:
    _log.warning(
        "compiled code cannot be kept and will be compiled in every process: "
        "set NUMBA_CACHE_DIR to a folder that can be written"
    )


class _Announcer(event.Listener):
    """Says once that functions are being compiled, if that takes longer than `PATIENCE_S`."""

    _began = 0.0
    _said = False

    def on_start(self, event: event.Event) -> None:
        """Numba begins to compile a function, or one that it calls."""
        self._began = self._began or time.monotonic()
        if not self._said and time.monotonic() - self._began > PATIENCE_S:
            self._said = True
            _log.info("compiling the engine, once after installation: some 15 seconds")

    def on_end(self, event: event.Event) -> None:
        """Numba has compiled a function."""


event.register("numba:compile", _Announcer())


@cache
def _changed(folder: Path) -> float:
    """When the newest module in or below a folder was changed, in seconds since the epoch."""
    return max((path.stat().st_mtime for path in folder.rglob("*.py")), default=0.0)


@cache
def _drop_older(folder: Path, than: float) -> None:
    for index in folder.glob("*.nbi"):
        try:
            if index.stat().st_mtime < than:
                index.unlink()
        except OSError:  # another process was faster, or the folder is not ours
            continue
