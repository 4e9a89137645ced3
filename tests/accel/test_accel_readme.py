"""The folder's page: its Python and its commands run as written, on the files it shows."""

import re
import sys
from pathlib import Path

import pytest

from sushi_accel import get_board, load_table
from sushi_accel.silicon.measurements import load_measurements
from sushi_accel.silicon.validation import validate_board
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


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md", "accel/README.md"])
def test_errors_of_prediction_are_those_computed(page, measured_csv):
    measurements = load_measurements(measured_csv)
    text = (Path(__file__).parents[2] / page).read_text()
    assert f"{int(measurements.known.sum())} " in text
    for preset in ("zcu104", "zcu104-overlapped"):
        found = validate_board(measurements, get_board(preset))
        for error in (found.mean_abs_error, found.worst_abs_error):
            assert f"{100 * error:.2f} %" in text, preset
