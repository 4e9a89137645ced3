"""Package roots whose names load when somebody asks for them (PEP 562).

So importing a package, or one light module in it, does not import all that it offers.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from typing import Any


def lazy_names(
    package: str, modules: dict[str, str]
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """What a package's root needs to load its names when they are asked for.

    Type checkers and documentation see the names by imports under `TYPE_CHECKING`.

    Args:
        package: The package.
        modules: Names, separated by spaces, by the module that has them, without the package.

    Returns:
        The package's `__getattr__`, which finds its submodules too, and its `__dir__`.
    """
    places = {name: module for module, names in modules.items() for name in names.split()}

    def load(name: str) -> Any:
        if name in places:
            value = getattr(importlib.import_module(f"{package}.{places[name]}"), name)
            setattr(sys.modules[package], name, value)
            return value
        module = f"{package}.{name}"
        if name.startswith("__") or importlib.util.find_spec(module) is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(module)

    return load, lambda: sorted({*vars(sys.modules[package]), *places})
