"""The tree of `sushi`'s commands, each imported when it is called; help needs none of them."""

import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from sushi_accel.version import __version__
from sushi_bench import console, debugging

COMMANDS = {
    "list": ("listing:list_", "List scenarios, policies, boards or SuperNets."),
    "accel": {
        "table": ("accel.table:table", "Build the SushiAbs latency table of a SuperNet."),
        "import": ("accel.importing:import_", "Write ONNX models as a SuperNet."),
        "validate": ("accel.silicon:validate", "Compare a board's predictions with measurements."),
        "calibrate": ("accel.silicon:calibrate", "Fit a board's constants to measurements."),
        "roofline": ("accel.pictures:roofline", "Draw a SubNet's layers under the roofline."),
        "timeline": ("accel.pictures:timeline", "Draw what array and port do in an inference."),
    },
    "train": ("train:train", "Train a scheduler, and compare it with the baselines."),
    "tune": ("tune:tune", "Search for better hyperparameters with Optuna."),
    "curves": ("curves:curves", "Compare learning curves of training runs."),
    "evaluate": ("evaluate:evaluate", "Compare policies on the same arrivals."),
    "bound": ("bound:bound", "Bound the reward of any scheduler, even a clairvoyant one."),
    "render": ("render:render", "Draw part of an episode, as a film or a timeline."),
    "record": ("record:record", "Record a policy's episodes as a Minari dataset."),
    "export": ("export:export", "Export a trained agent as ONNX."),
    "paper": ("paper:paper", "Reproduce the paper's figures side by side with ours."),
    "bench": {
        "run": ("bench.run:run", "Run policies on the suite and write result files."),
        "verify": ("bench.verify:verify", "Run a result file's policy again."),
        "scores": ("bench.scores:scores", "Rank the policies of result files."),
        "page": ("bench.page:page", "Write the leaderboard as a site."),
        "train": ("bench.train:train", "Train all agents of a suite."),
    },
    "speed": ("speed:speed_", "Measure the engine, its interfaces, and what people know."),
}
"""Function of each command, as module:name, and its line in the help; groups hold commands.

A command is added here and nowhere else.
"""


def _group(commands: dict[str, Any]) -> type[TyperGroup]:
    """A class of group that knows its commands by name and imports the one that is called."""

    class Group(TyperGroup):
        def list_commands(self, ctx: Any) -> list[str]:
            return list(commands)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:
            """A group, or what stands for a command in lists."""
            known = commands.get(cmd_name)
            if isinstance(known, tuple):
                return TyperCommand(cmd_name, help=known[1])
            return super().get_command(ctx, cmd_name)

        def resolve_command(self, ctx: Any, args: list[str]) -> Any:
            name, command, rest = super().resolve_command(ctx, args)
            return name, load(command, commands), rest

    return Group


def load(command: Any, commands: dict[str, Any]) -> Any:
    """The command that one stands for, its module imported; a group is returned as it is."""
    known = commands.get(getattr(command, "name", ""))
    if not isinstance(known, tuple):
        return command
    module, _, function = known[0].partition(":")
    alone = typer.Typer(add_completion=False)
    alone.command(command.name)(getattr(import_module(f"sushi_bench.commands.{module}"), function))
    return typer.main.get_command(alone)


app = typer.Typer(
    cls=_group(COMMANDS),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _help in (
    ("accel", "The hardware model."),
    ("bench", "The suite on which schedulers are ranked."),
):
    _sub = typer.Typer(cls=_group(COMMANDS[_name]), help=_help, no_args_is_help=True)
    app.add_typer(_sub, name=_name)


def _version(asked: bool) -> None:
    if asked:
        console.say(f"sushi-env {__version__}, Python {sys.version.split()[0]}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version.", callback=_version, is_eager=True),
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show tracebacks of what is otherwise one line.")
    ] = False,
) -> None:
    """Schedule inference on weight-shared networks: train, compare, benchmark."""
    if debug:
        debugging.switch_on()
