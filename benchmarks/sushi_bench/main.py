"""The `sushi` command: its subcommands, and what its exit codes mean.

Exit codes: 0 done; 2 wrong usage or bad input, one line on stderr; 1 anything else.
"""

import os
import sys

import typer

from sushi_bench import console
from sushi_bench.commands import (
    accel,
    bench,
    bound,
    curves,
    evaluate,
    export,
    listing,
    paper,
    record,
    render,
    speed,
    train,
    tune,
)
from sushi_env import InputError

app = typer.Typer(
    help="Schedule inference on weight-shared networks: train, compare, benchmark.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("list")(listing.list_)
app.add_typer(accel.app, name="accel")
app.command()(train.train)
app.command()(tune.tune)
app.command()(curves.curves)
app.command()(evaluate.evaluate)
app.command()(bound.bound)
app.command()(render.render)
app.command()(record.record)
app.command()(export.export)
app.command()(paper.paper)
app.add_typer(bench.app, name="bench")
app.command("speed")(speed.speed_)


INTERRUPTED = 130
"""What some versions of Typer return after Ctrl-C, where others raise."""


def main() -> None:
    """Runs the command line."""
    try:
        code = app(standalone_mode=False)
    except InputError as error:
        console.complain(error)
        sys.exit(2)
    except typer.TyperException as error:  # wrong usage
        console.complain(error.format_message() or "no command given; see sushi --help")
        sys.exit(error.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        code = INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has gone: nothing left to say
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    if code == INTERRUPTED:
        console.complain("interrupted")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


if __name__ == "__main__":
    main()
