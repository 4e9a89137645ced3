"""The `sushi` command's beginning and end: streams, Ctrl-C, errors, and exit codes.

Exit codes: 0 done; 2 wrong usage or bad input, one line on stderr; 1 anything else. Whatever else
is imported is imported where Ctrl-C and errors are caught.
"""

import signal
import sys

from sushi_bench import debugging, streams

INTERRUPTED = 130
"""What some versions of Typer return after Ctrl-C, where others raise."""


def main() -> None:
    """Runs the command line."""
    streams.open_missing()
    try:
        code = _run()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    if code == INTERRUPTED:
        signal.signal(signal.SIGINT, signal.SIG_DFL)  # a second one finds nobody to trace back
        streams.complain("interrupted")
        code = 1
    unwritten = streams.finish()
    if unwritten is not None:
        code = code or 1
        streams.complain(unwritten)
    sys.exit(code)


def _run() -> int:
    """Runs the command line; returns the exit code."""
    from typer import Abort, TyperException

    from sushi_accel.errors import InputError
    from sushi_bench.commands.app import app

    try:
        code = app(standalone_mode=False)
        return code if isinstance(code, int) else 0
    except InputError as error:
        debugging.trace(error)
        streams.complain(error)
        return 2
    except TyperException as error:  # wrong usage
        streams.complain(error.format_message() or "no command given; see sushi --help")
        return error.exit_code
    except Abort:
        return INTERRUPTED
    except OSError as error:  # a file's has its name and is an InputError: this is a stream's
        debugging.trace(error)
        streams.discard_output()
        streams.complain(streams.cannot_write(error))
    except Exception as error:
        debugging.trace(error)
        streams.complain(f"{type(error).__name__}: {error} (sushi --debug shows where)")
    return 1


if __name__ == "__main__":
    main()
