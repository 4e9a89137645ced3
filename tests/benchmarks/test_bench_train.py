"""A suite's agents: which are trained, with what, and that an interruption costs nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from chosen import BUSY, ROOT, SUITE
from sushi_agents.zoo import zoo_folder
from sushi_bench.commands.app import app
from sushi_bench.curves.learning_curves import read_curves
from sushi_bench.suite.suite import get_suite
from sushi_bench.training.runs import FAILED, RESUMED, TRAINED, is_done, put_into_zoo, train_all
from sushi_bench.training.settings import (
    Options,
    Run,
    chosen,
    curve_pictures,
    curve_runs,
    read_settings,
    zoo_runs,
)
from sushi_env import InputError

SETTINGS, OF_SUITE = read_settings(SUITE), get_suite(SUITE)
ZOO = {run.name: run for run in zoo_runs(SETTINGS, OF_SUITE)}
TINY = {"n_envs": 8, "n_steps": 16, "batch_size": 64, "n_epochs": 1, "share_arrivals": 1}
PATIENCE_S = 300


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo_was_trained_as_the_settings_say(name: str):
    run = ZOO[name]
    training = json.loads((zoo_folder() / SUITE / f"{name}.json").read_text())["training"]
    # Hyperparameters are left out while the agents of this suite are those that were trained before
    # PPO's own settings changed: the suite that replaces it trains its own.
    left_out = ("scenario_digest", "hyperparameters")
    said = {k: v for k, v in run.identity().items() if k not in left_out}
    assert said == {key: training[key] for key in said}
    words = training["command"].split()[2:]
    given = run.arguments()
    assert dict(zip(words[::2], words[1::2], strict=True)) == dict(
        zip(given[::2], given[1::2], strict=True)
    )


def test_the_zoo_is_complete_and_holds_nothing_else():
    assert {path.stem for path in (zoo_folder() / SUITE).iterdir()} == set(ZOO)


def test_curves_are_of_every_kind_and_seed():
    runs = {run.name: run for run in curve_runs(SETTINGS, OF_SUITE)}
    assert len(runs) == 40
    held = runs["resnet50/shared-3"]
    assert held.arguments() == [
        "--scenario", f"{SUITE}-resnet50-shift", "--algo", "ppo", "--steps", "200000",
        "--seed", "3", "--episodes", "1", "--evaluation-steps", "20000",
        "--hyper", 'cache="shared"',
    ]  # fmt: skip
    pictures = curve_pictures(SETTINGS)
    assert {f"{name}.png" for name in pictures} <= {
        p.name for p in (ROOT / "docs/gallery").iterdir()
    }
    assert {name for shown in pictures.values() for name in shown} == set(runs)


def test_some_runs_can_be_chosen():
    runs = [*ZOO.values()]
    assert [run.name for run in chosen(runs, ["generalist-*", "resnet50-busy"])] == [
        "resnet50-busy",
        "generalist-resnet50",
        "generalist-mobilenetv3",
    ]
    with pytest.raises(InputError, match="no run 'resnet51-busy'; there are: resnet50-steady, "):
        chosen(runs, ["resnet51-busy"])


@pytest.mark.parametrize(
    ("contents", "says"),
    [
        ("zoo: {every: {step: 3}}", "unknown key 'zoo.every.step'; known: algo, steps, "),
        ("zoo: {every: {steps: 0}}", "zoo.every.steps = 0: "),
        ("zoo: {every: {}, scenarios: {rush: {}}}", "no scenario of suite .* 'rush'; there are "),
        ("zoo: {every: {}, generalists: {a: {scenario: b, mixture: 2}}}", "no scenario .* 'b'"),
        ("zoo: {every: {}, generalists: {a: {mixture: 2}}}", "key .*scenario' is missing"),
        ("curves: {}", "key 'zoo' is missing"),
        ("[", "not valid YAML"),
    ],
)
def test_settings_that_cannot_be_are_one_line(tmp_path: Path, contents: str, says: str):
    (tmp_path / "mine.yaml").write_text(contents)
    command = ["bench", "train", "--settings", str(tmp_path / "mine.yaml")]
    with pytest.raises(InputError, match=says):
        CliRunner().invoke(app, command, catch_exceptions=False, standalone_mode=False)


def test_another_run_is_not_taken_for_this_one(tmp_path: Path):
    run = Run("mine", BUSY, Options(algo="ppo", steps=100, seed=1))
    assert not is_done(run, tmp_path)
    (tmp_path / "run.json").write_text(
        json.dumps({"algo": "ppo"} | run.identity() | {"scenario": {}})
    )
    assert not is_done(run, tmp_path)
    (tmp_path / "comparison.json").write_text("{}")
    assert is_done(run, tmp_path)
    for other in (Options(steps=101, seed=1), Options(steps=100, seed=1, mixture=2)):
        with pytest.raises(InputError, match=r"is of a run with \w+ = .*; remove it, or choose"):
            is_done(Run("mine", BUSY, other), tmp_path)
    described = json.loads((tmp_path / "run.json").read_text())
    for text, message in (
        ("[]", "must be a mapping"),
        (json.dumps(described | {"algo": {"a": 1}}), "algo = "),
        (json.dumps(described | {"hyperparameters": 3}), "hyperparameters = 3"),
        (json.dumps(described | {"seed": float("nan")}), "seed = nan"),
        ("[" * 100_000, "nested deeper"),
    ):
        (tmp_path / "run.json").write_text(text)
        for read in (lambda: is_done(run, tmp_path), lambda: read_curves([tmp_path])):
            with pytest.raises(InputError, match=rf"run .*run\.json.*{message}"):
                read()


@pytest.mark.slow
def test_a_run_that_fails_says_why_and_ends_no_other(tmp_path: Path):
    bad = [Run(f"bad-{n}", BUSY, Options(algo="ppo", seed=10**9 + n)) for n in range(2)]
    told = []
    outcomes = train_all(bad, tmp_path, 1, lambda run, outcome: told.append(run.name))
    assert told == ["bad-0", "bad-1"]
    assert {outcome.state for outcome in outcomes.values()} == {FAILED}
    assert re.match(r"seed = 1000000001, must be in 0\.\.", outcomes["bad-1"].message)
    with pytest.raises(InputError, match="cannot be read"):
        put_into_zoo(bad[0], tmp_path, tmp_path / "zoo")


@pytest.fixture
def tiny(tmp_path: Path) -> list[str]:
    """A command that trains agents for a thousand steps each."""
    every = {"algo": "ppo", "steps": 1024, "episodes": 1, "checkpoint_steps": 128}
    settings = {
        "zoo": {
            "every": every | {"hyperparameters": TINY},
        },
        "curves": {
            "every": every | {"hyperparameters": TINY},
            "seeds": [0, 1],
            "scenarios": {"resnet50": "resnet50-busy"},
            "kinds": {"choose": {}},
            "pictures": {"caching": ["choose"]},
        },
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "sushi_bench", "bench", "train", "--json"]
    return [*command, "--settings", str(tmp_path / "tiny.yaml")]


@pytest.mark.slow
def test_an_interrupted_agent_is_the_same_agent(tiny: list[str], tmp_path: Path):
    command = [*tiny, "--only", "resnet50-busy", "--zoo", str(tmp_path / "zoo")]
    agents = [tmp_path / "zoo" / SUITE / f"resnet50-busy{end}" for end in (".json", ".safetensors")]

    def train(name: str) -> tuple[str, list[bytes]]:
        out = str(tmp_path / name)
        done = subprocess.run([*command, "--out", out], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["runs"]["resnet50-busy"], [p.read_bytes() for p in agents]

    process = subprocess.Popen([*command, "--out", str(tmp_path / "broken")])
    folder = tmp_path / "broken" / "resnet50-busy"
    until = time.monotonic() + PATIENCE_S
    while not (folder / "checkpoint.safetensors").exists() and time.monotonic() < until:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 1
    assert not (folder / "comparison.json").exists()
    assert agents[0].exists() is False

    resumed, broken = train("broken")
    assert resumed == RESUMED
    assert train("broken") == ("done already", broken)
    assert train("whole") == (TRAINED, broken)


@pytest.mark.slow
def test_curves_are_trained_and_drawn(tiny: list[str], tmp_path: Path):
    command = [
        *tiny,
        "--curves",
        "--out",
        str(tmp_path / "runs"),
        "--plot",
        str(tmp_path / "drawn"),
    ]
    done = subprocess.run([*command, "--jobs", str(os.cpu_count())], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["runs"] == {"resnet50/choose-0": TRAINED, "resnet50/choose-1": TRAINED}
    assert said["pictures"] == [str(tmp_path / "drawn" / "caching-resnet50.png")]
    assert (tmp_path / "drawn" / "caching-resnet50.png").stat().st_size > 10_000
