"""The one exception that bad input raises, from every layer of the project."""

import importlib.util

from sushi_accel.shown import plain

LONGEST_MESSAGE = 4000


class InputError(ValueError):
    """Input that cannot be used; the message is one line for a person.

    It says what was wrong, where, and what is allowed. The command line prints it and exits
    with code 2; library users catch it as a `ValueError`. Whatever text of strangers got into
    the message, it is printable and of bounded length.
    """

    def __init__(self, message: object = ""):
        super().__init__(plain(message, LONGEST_MESSAGE))


def need(what: str, extra: str, *modules: str) -> None:
    """Asks for the libraries of an extra, before any work is done that needs them.

    Args:
        what: What needs them, and the verb, as in `pictures need`.
        extra: Name of the extra that has them.
        modules: Names of the modules.

    Raises:
        InputError: If one is missing.
    """
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise InputError(f"{what} {module!r}: pip install 'sushi-env[{extra}]'")
