"""What `sushi` does before a command is called: little; and the tree of its commands."""

import os
import subprocess
import sys
from typing import Any

import pytest
import typer

from sushi_accel import __version__
from sushi_bench.commands.app import COMMANDS, app, load

HEAVY = {"numpy", "scipy", "numba", "torch", "gymnasium", "matplotlib"}
RUN = """
import resource, sys
sys.argv = ["sushi", *{arguments!r}]
from sushi_bench.main import main
try:
    main()
except SystemExit as end:
    code = end.code
found = sorted(set(sys.modules) & {heavy!r})
used = resource.getrusage(resource.RUSAGE_SELF)
status = open("/proc/self/status").read()  # ru_maxrss is that of the parent when it forked
most = int(status.partition("VmHWM:")[2].split()[0]) / 1024
print(code, found, used.ru_utime + used.ru_stime, most, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["accel", "--help"], ["bench", "-h"], ["--version"]], ids=" ".join
)
def test_help_is_light(arguments):
    code = RUN.format(arguments=arguments, heavy=HEAVY)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stderr.startswith("0 [] "), done.stderr
    seconds, mib = map(float, done.stderr.split()[-2:])
    assert mib < 90
    if "COVERAGE_PROCESS_START" not in os.environ:
        assert seconds < 1.0  # 0.2 on an idle machine; this one may be busy
    assert ("Usage" in done.stdout) or (__version__ in done.stdout)


def _commands(table, before=()):
    for name, known in table.items():
        if isinstance(known, dict):
            yield from _commands(known, (*before, name))
        else:
            yield table, (*before, name)


@pytest.mark.parametrize(
    ("table", "path"), [pytest.param(*c, id=" ".join(c[1])) for c in _commands(COMMANDS)]
)
def test_every_command_is_found_and_says_what_it_does(table, path):
    current: Any = typer.main.get_command(app)
    words = list(path)
    while words:
        context = current.context_class(current, info_name="sushi")
        _, current, words = current.resolve_command(context, words)
    assert current.name == path[-1]
    assert current.callback is not None
    assert len(current.params) > 1
    line = table[path[-1]][1]
    assert line.endswith(".")
    assert current.help.split()[0] == line.split()[0]  # the same, in fewer words


def test_what_is_no_stand_in_is_returned_as_it_is():
    group = typer.main.get_command(app)
    assert load(group, COMMANDS) is group
