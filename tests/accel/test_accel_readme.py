"""The folder's page: its Python and its commands run as written, on the files it shows."""

import re
import sys
from pathlib import Path

import pytest

from sushi_accel import load_table
from sushi_bench.main import main

README = (Path(__file__).parents[2] / "accel" / "README.md").read_text()


def block(language: str) -> str:
    (only,) = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return only


def test_commands_run_in_the_order_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("mine.csv").write_text(block("csv"))
    Path("net.yaml").write_text(block("yaml"))
    for line in block("console").splitlines():
        monkeypatch.setattr(sys, "argv", line.split())
        with pytest.raises(SystemExit) as exit_:
            main()
        assert exit_.value.code == 0, (line, capsys.readouterr())
    assert load_table("table.npz").num_subgraphs == 100
    assert {path.name for path in Path().iterdir()} == {
        "mine.csv", "net.yaml", "mine.yaml", "table.npz",
        "saved.png", "scatter.png", "roofline.png", "timeline.png",
    }  # fmt: skip


def test_python_runs(capsys):
    exec(block("python"), {})
    assert capsys.readouterr().out == "(6, 16)\n"


def test_every_module_is_listed():
    package = Path(__file__).parents[2] / "accel" / "sushi_accel"
    files = {path.name for path in package.rglob("*.py")}
    listed = set(re.findall(r"`(\w+\.py)`", README))
    assert listed <= files
    assert files - listed <= {"__init__.py", "errors.py", "version.py", "moved.py"}
