"""The references of the site name everything that the code has, with a meaning."""

import importlib.util
import re

import pytest
from typer.testing import CliRunner

from chosen import ROOT
from sushi_bench.commands.app import app
from sushi_env.scenario.scenario import Scenario, SloClass

_spec = importlib.util.spec_from_file_location("mkdocs_reference", ROOT / "mkdocs_reference.py")
assert _spec is not None
assert _spec.loader is not None
reference = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(reference)

COMMANDS = dict(reference.commands(reference.COMMANDS))
PAGE = reference.commands_page()


@pytest.mark.parametrize("path", COMMANDS)
def test_a_command_is_there_with_every_option_of_its_help(path: str):
    shown = CliRunner().invoke(app, [*path.split(), "--help"], env={"COLUMNS": "300"})
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", shown.stdout)) - {"--help"}
    section = PAGE.partition(f"## `sushi {path}`\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]
    named = set(re.findall(r"`(--[a-z-]+)`", " ".join(row.split("|")[1] for row in rows)))
    assert rows
    assert named <= options
    assert all(row.split(" | ")[-1].strip(" |") for row in rows)
    documented = named | set(re.findall(r"`?(--[a-z][a-z-]+)", section))
    assert options <= documented


def test_every_key_of_a_scenario_is_there_with_a_meaning():
    page = reference.scenario_page()
    kinds = reference.kinds_of_arrivals()
    assert len(kinds) == 7
    for model in (Scenario, SloClass, *kinds):
        for key in model.model_fields:
            rows = re.findall(rf"^\| `{key}` \|.*$", page, re.MULTILINE)
            assert rows, key
            assert key == "kind" or all(row.split(" | ")[-1].strip(" |") for row in rows)
    assert "| `load` | number 0.0001..100 | none | Offered load: " in page
