"""Modules that users know by the path they had before the packages got folders."""

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class _Moved(Loader, MetaPathFinder):
    def __init__(self, paths: dict[str, str]):
        self._paths = paths

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> ModuleSpec | None:
        return ModuleSpec(fullname, self) if fullname in self._paths else None

    def exec_module(self, module: ModuleType) -> None:
        found = importlib.import_module(self._paths[module.__name__])
        vars(module).update({k: v for k, v in vars(found).items() if not k.startswith("__")})
        module.__doc__ = found.__doc__


def keep_paths(package: str, paths: dict[str, str]) -> None:
    """Lets the old paths of a package's modules be imported as before.

    Args:
        package: The package, e.g. `sushi_env`.
        paths: Where each module is now, by where it was; both without the package.
    """
    sys.meta_path.append(
        _Moved({f"{package}.{old}": f"{package}.{new}" for old, new in paths.items()})
    )
