"""The `sushi` command, run as a person runs it: in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from sushi_env import get_scenario

SUSHI = str(Path(sys.executable).with_name("sushi"))


def sushi(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([SUSHI, *arguments], capture_output=True, text=True, cwd=cwd)


@pytest.fixture(scope="module")
def short(tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("scenario") / "short.yaml"
    scenario = get_scenario("resnet50-steady").replace(name="short", queries=100)
    path.write_text(scenario.to_yaml())
    return str(path)


METRICS = {
    "utility", "goodput_accuracy", "slo_attainment", "served_accuracy", "latency_p50_s",
    "latency_p99_s", "drop_rate", "cache_hit_ratio", "offchip_bytes", "reward",
}  # fmt: skip


def test_evaluate_prints_one_json_object_the_same_each_time(short):
    command = ["evaluate", "--scenario", short, "--policy", "random", "--policy", "static-A"]
    command += ["--policy", "sushisched-latency", "--episodes", "3", "--seed", "5", "--json"]
    first, second = sushi(*command), sushi(*command)
    assert first.returncode == 0
    assert first.stdout == second.stdout
    assert first.stderr == ""
    result = json.loads(first.stdout)
    assert result["scenario"] == "short"
    assert result["episodes"] == 3
    assert list(result["policies"]) == ["random", "static-A", "sushisched-latency"]
    for metrics in result["policies"].values():
        assert set(metrics) >= METRICS
    assert result["policies"]["random"] != result["policies"]["static-A"]


def test_evaluate_shows_people_a_table(short):
    done = sushi("evaluate", "--scenario", short, "--episodes", "2")
    assert done.returncode == 0
    for word in ("no-sushi", "sushisched-accuracy", "static-F", "utility", "p99"):
        assert word in done.stdout


@pytest.mark.parametrize("kind", ["scenarios", "policies", "boards", "supernets"])
def test_list(kind):
    as_json, as_table = sushi("list", kind, "--json"), sushi("list", kind)
    rows = json.loads(as_json.stdout)[kind]
    assert rows
    assert as_table.returncode == 0
    assert all(row["name"] in as_table.stdout for row in rows)


def test_train_saves_compares_and_says_where_it_stands(short, tmp_path):
    command = ["train", "--scenario", short, "--steps", "9000", "--episodes", "2"]
    done = sushi(*command, "--out", str(tmp_path / "run"), "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["policies"])[:2] == ["ppo", "random"]
    assert json.loads((tmp_path / "run" / "comparison.json").read_text()) == result
    again = sushi(
        "evaluate", "--scenario", short, "--policy", result["model"], "--trust",
        "--episodes", "2", "--json",
    )  # fmt: skip
    assert json.loads(again.stdout)["policies"][result["model"]] == result["policies"]["ppo"]
    shown = sushi(*command, "--out", str(tmp_path / "other"))
    assert "beat" in shown.stdout
    assert "sushisched-latency" in shown.stdout


def test_mistakes_give_one_line_and_code_2(tmp_path, short):
    bad = tmp_path / "bad.yaml"
    bad.write_text("name: x\nlod: 3\n")
    not_a_folder = tmp_path / "file"
    not_a_folder.write_text("")
    (tmp_path / "silly.py").write_text("def build(problem):\n    raise ValueError('no')\n")
    for arguments, expected in (
        (("evaluate", "--scenario", "nope"), "unknown scenario 'nope'; known: resnet50-steady"),
        (("evaluate", "--scenario", str(bad)), "bad.yaml: "),
        (("evaluate", "--policy", "nope"), "unknown policy 'nope'"),
        (("evaluate", "--policy", "static-Z"), "unknown SubNet 'Z'; known: A, B"),
        (("evaluate", "--policy", "silly:build"), "cannot be built: ValueError: no"),
        (("evaluate", "--policy", "x.zip"), "pass --trust"),
        (("evaluate", "--episodes", "0"), "episodes = 0, must be at least 1"),
        (("evaluate", "--episodes", "many"), "--episodes"),
        (("evaluate", "--seed", "-1"), "seed = -1, must be in 0.."),
        (("train", "--out", str(not_a_folder), "--scenario", short), "cannot be written"),
        (("train", "--out", str(tmp_path), "--algo", "x"), "unknown algorithm 'x'; known: ppo"),
        (("list", "things"), "'things' is not one of"),
        (("fly",), "No such command 'fly'"),
        (("evaluate", "--fast"), "No such option: --fast"),
    ):
        done = sushi(*arguments, cwd=tmp_path)
        assert done.returncode == 2, (arguments, done)
        assert done.stdout == ""
        assert expected in done.stderr
        assert done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("sushi: ")
