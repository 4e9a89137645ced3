"""`sushi evaluate` and `sushi bound`: fair, paired, and undisturbed by policies that fail."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from sushi_agents import make_policy, run_episodes
from sushi_bench.comparing.comparison import compare
from sushi_bench.comparing.evaluation_units import EPISODES_PER_UNIT
from sushi_bench.comparing.intervals import paired_difference
from sushi_bench.comparing.response_times import ResponseTimes, bin_ends_s
from sushi_env import InputError, compile_scenario, get_scenario

SUSHI = str(Path(sys.executable).with_name("sushi"))
SHORT = get_scenario("resnet50-steady").replace(name="short", queries=60)
PROBLEM = compile_scenario(SHORT)

BAD = """
import os
import numpy as np


class Base:
    def __init__(self, problem):
        self.steps = 0

    def predict(self, observation, state=None, episode_start=None, deterministic=True):
        self.steps += 1
        actions = np.zeros((len(observation), 2))
        return (self.spoil(actions) if self.steps > 3 else actions), state


class Raises(Base):
    def spoil(self, actions):
        raise KeyError("lost")


class Leaves(Base):
    def spoil(self, actions):
        raise SystemExit(3)


class Shape(Base):
    def spoil(self, actions):
        return actions[:, :1]


class Nan(Base):
    def spoil(self, actions):
        return actions * np.nan


class Range(Base):
    def spoil(self, actions):
        actions[1, 1] = 16
        return actions


class Dies(Base):
    def spoil(self, actions):
        os._exit(1)


def unbuildable(problem):
    raise ValueError("no")
"""

COMPLAINTS = {
    "bad:Raises": "policy 'bad:Raises' raised at step 3: KeyError: 'lost'",
    "bad:Leaves": "policy 'bad:Leaves' raised at step 3: SystemExit: 3",
    "bad:Shape": "policy 'bad:Shape', step 3: actions of shape (2, 1), must be (2, 2)",
    "bad:Nan": "policy 'bad:Nan', step 3: action [nan, nan] of environment 0, must be a SubNet in "
    "0..5 and a SubGraph in 0..15",
    "bad:Range": "policy 'bad:Range', step 3: action [0, 16] of environment 1, must be a "
    "SubNet in 0..5 and a SubGraph in 0..15",
    "bad:unbuildable": "policy 'bad:unbuildable' cannot be built: ValueError: no",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("evaluate")
    (path / "short.yaml").write_text(SHORT.to_yaml())
    (path / "bad.py").write_text(BAD)
    return path


def evaluate(folder: Path, *policies: str, options: tuple[str, ...] = ()):
    command = [SUSHI, "evaluate", "--scenario", "short.yaml", "--episodes", "2", *options]
    for policy in policies:
        command += ["--policy", policy]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder)


def test_a_policy_that_fails_is_named_and_fails_alone(folder):
    good = evaluate(folder, "static-A", "random", options=("--json",))
    done = evaluate(folder, "static-A", *COMPLAINTS, "random", options=("--json",))
    assert done.returncode == 2
    assert done.stderr.splitlines() == [f"sushi: {line}" for line in COMPLAINTS.values()]
    result, expected = json.loads(done.stdout), json.loads(good.stdout)
    for name, message in COMPLAINTS.items():
        assert result["policies"].pop(name) == {"error": message}
    assert result == expected
    shown = evaluate(folder, "static-A", "bad:Nan")
    assert shown.returncode == 2
    assert "static-A" in shown.stdout
    assert "bad:Nan" not in shown.stdout


def test_if_all_fail_nothing_is_printed(folder):
    done = evaluate(folder, "bad:Nan", options=("--json",))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"sushi: {COMPLAINTS['bad:Nan']}\n"


def test_processes_change_nothing_and_one_that_dies_takes_nobody_along(folder):
    alone = evaluate(folder, "static-A", "random", "bad:Raises", options=("--json",))
    spread = evaluate(folder, "static-A", "random", "bad:Raises", options=("--json", "--jobs", "2"))
    assert spread.stdout == alone.stdout
    assert spread.stderr == alone.stderr
    with_dead = evaluate(
        folder, "static-A", "bad:Dies", "random", options=("--json", "--jobs", "2")
    )
    result, expected = json.loads(with_dead.stdout), json.loads(alone.stdout)
    assert with_dead.returncode == 2
    assert with_dead.stderr == "sushi: policy 'bad:Dies' ended its process\n"
    for name in ("static-A", "random"):
        assert result["policies"][name] == expected["policies"][name]


def test_units_are_seamless():
    """More episodes than a unit holds: the same as one batch of them all, in order."""
    episodes = EPISODES_PER_UNIT + 3
    names = ["random", "sushisched-latency", "time-sharing"]
    together = compare(PROBLEM, names, episodes, seed=11)
    for name in names:
        expected = run_episodes(PROBLEM, make_policy(name, PROBLEM), episodes, 11)
        assert together.rows[name] == expected
        assert together.response_counts[name].sum() == episodes * 60


def test_differences_are_paired(folder):
    comparison = compare(PROBLEM, ["static-A", "static-B", "random"], 12, 0, reference="static-B")
    found = comparison.differences()
    assert set(found) == {"static-A", "random"}
    for name, by_key in found.items():
        for key in ("reward", "utility"):
            a, b = ([getattr(m, key) for m in comparison.rows[n]] for n in (name, "static-B"))
            oracle = stats.ttest_rel(a, b).confidence_interval(0.95)
            assert by_key[key].mean == pytest.approx(np.mean(a) - np.mean(b))
            assert by_key[key].low == pytest.approx(oracle.low)
            assert by_key[key].high == pytest.approx(oracle.high)
    assert paired_difference([3.0], [1.0]).low is None
    assert paired_difference([1.0, 2.0], [1.0, 2.0]).high == 0.0
    done = evaluate(
        folder, "static-A", "static-B", options=("--reference", "static-A", "--episodes", "1")
    )
    assert "minus static-A" in done.stdout


def test_the_reference_is_sushi_unless_told_otherwise():
    assert compare(PROBLEM, ["random", "sushisched-accuracy"], 1, 0).reference == (
        "sushisched-accuracy"
    )
    assert compare(PROBLEM, ["random", "static-A"], 1, 0).reference == "random"
    with pytest.raises(InputError, match="reference 'static-B' is not compared; compared are"):
        compare(PROBLEM, ["random"], 1, 0, reference="static-B")
    with pytest.raises(InputError, match="jobs = 0, must be at least 1"):
        compare(PROBLEM, ["random"], 1, 0, jobs=0)


def test_response_times_agree_with_the_episodes_percentiles():
    times = ResponseTimes(PROBLEM)
    metrics = run_episodes(PROBLEM, make_policy("static-C", PROBLEM), 1, 0, on_step=times.watch)[0]
    share = np.cumsum(times.counts) / times.counts.sum()
    for q, expected in ((0.5, metrics.latency_p50_s), (0.95, metrics.latency_p95_s)):
        found = bin_ends_s(times.unit_s)[np.searchsorted(share, q)]
        assert found == pytest.approx(expected, rel=0.05)


def test_the_picture_is_drawn(folder):
    done = evaluate(folder, "static-A", "random", options=("--plot", "p.png", "--json"))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["reference"] == "static-A"
    assert (folder / "p.png").read_bytes().startswith(b"\x89PNG")
    done = evaluate(folder, "static-A", options=("--plot", "no/such/folder/p.png"))
    assert done.returncode == 2
    assert "cannot be written" in done.stderr


def test_bound_shows_the_bound_the_gap_and_who_comes_close(folder):
    command = [SUSHI, "bound", "--scenario", "short.yaml", "--episodes", "2", "--seed", "4"]
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=folder)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["bound"] >= result["reward"] > result["best_static"]
    assert result["bound"] >= max(result["policies"].values())
    assert result["gap_of_margin"] <= 0.02
    assert [row["seed"] for row in result["episodes"]] == [4, 5]
    shown = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    for word in ("clairvoyant bound", "best static SubNet", "lookahead", "per 1,000 queries"):
        assert word in " ".join(shown.stdout.split())
