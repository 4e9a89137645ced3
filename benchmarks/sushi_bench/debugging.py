"""`sushi --debug`: tracebacks of what is otherwise one line."""

import os
import sys
import traceback

_VARIABLE = "SUSHI_DEBUG"
"""In the environment, so that worker processes know."""


def switch_on() -> None:
    """Shows tracebacks from now on, in this process and in those it starts."""
    os.environ[_VARIABLE] = "1"


def trace(error: BaseException) -> None:
    """Prints an error's traceback on stderr, if that was asked for."""
    if os.environ.get(_VARIABLE):
        traceback.print_exception(error, file=sys.stderr)
