"""SuperNets by name."""

from functools import cache

from sushi_accel.errors import InputError
from sushi_accel.ofa_mobilenetv3 import ofa_mobilenetv3
from sushi_accel.ofa_resnet50 import ofa_resnet50
from sushi_accel.supernet import SuperNet

_BUILDERS = {"resnet50": ofa_resnet50, "mobilenetv3": ofa_mobilenetv3}


def supernet_names() -> list[str]:
    """Names of the SuperNets that come with the package."""
    return list(_BUILDERS)


@cache
def get_supernet(name: str) -> SuperNet:
    """Returns the SuperNet called `name`.

    Raises:
        InputError: If there is no such SuperNet.
    """
    if name not in _BUILDERS:
        raise InputError(f"unknown SuperNet {name!r}; known: {', '.join(_BUILDERS)}")
    return _BUILDERS[name]()
