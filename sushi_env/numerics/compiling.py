"""Compiled functions, kept on disk and compiled anew when anything that is in them has changed."""

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba as nb

HERE = Path(__file__).parents[1]


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with a cache on disk that never outlives a change.

    Numba compiles called functions and constants of other modules into a function, but compiles it
    anew only when its own file has changed: after an update it would go on with the old ones.

    Args:
        **options: Numba's, `cache` apart.
    """

    def decorate(function: Callable[..., Any]) -> Any:
        dispatcher = nb.njit(cache=True, **options)(function)
        package = Path(str(sys.modules[function.__module__.partition(".")[0]].__file__)).parent
        sources = (HERE, package)
        _drop_older(Path(str(dispatcher.stats.cache_path)), max(map(_changed, sources)))
        return dispatcher

    return decorate


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
