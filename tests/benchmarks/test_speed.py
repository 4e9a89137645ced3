"""The speed command measures what it says, in the shape that others read."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sushi_bench.speed.engine_speed import Contender, measure
from sushi_bench.speed.training_speed import CLOCKED, Shares


def test_a_rate_counts_every_environment_of_every_call():
    calls = 0

    def step() -> None:
        nonlocal calls
        calls += 1
        time.sleep(0.001)

    one, many = measure([Contender("a", 1, 1, step), Contender("b", 50, 1, step)], 3, 0.02)
    assert one.min <= one.median <= one.max < 1000
    assert 20 < many.median / one.median < 80
    assert calls > 3 * 20


def test_the_command_prints_every_row_of_the_contract():
    arguments = [
        "speed",
        "--repeats",
        "2",
        "--seconds",
        "0.01",
        "--threads",
        "2",
        "--policies",
        "--json",
    ]
    command = str(Path(sys.executable).with_name("sushi"))
    done = subprocess.run(
        [command, *arguments, "--policies", "--json"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout)
    rows = {(row["n"], row["threads"]) for row in found["engine"]}
    assert rows == {(n, threads) for n in (1, 64, 1024, 16384) for threads in (1, 2)}
    singles = [
        found[name]
        for name in (
            "single_env",
            "single_env_unwrapped",
            "sb3_vecenv",
            "python_twin",
            "cartpole",
            "cartpole_unwrapped",
        )
    ]
    assert {"slackfit", "lookahead", "static-A"} < set(found["policies"])
    for speed in [
        *singles,
        *found["policies"].values(),
        *(row["steps_per_s"] for row in found["engine"]),
    ]:
        assert 0 < speed["min"] <= speed["median"] <= speed["max"]
    batch = next(r for r in found["engine"] if (r["n"], r["threads"]) == (1024, 1))
    ratio = batch["steps_per_s"]["median"] / found["cartpole"]["median"]
    assert found["ratios"]["engine_1024_over_cartpole"] == pytest.approx(ratio)


@pytest.mark.slow
def test_training_speed_says_what_training_costs_and_when_it_pays():
    command = str(Path(sys.executable).with_name("sushi"))
    given = ["speed", "--training", "--repeats", "2", "--steps", "50000", "--threads", "1"]
    done = subprocess.run([command, *given, "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["threads"] == 1
    assert found["cartpole"]["ratio_to_cartpole"] == 1
    for name in ("default", "mlp", "cartpole"):
        row = found[name]
        assert 0 < row["lowest"] <= row["steps_per_s"] <= row["highest"]
    assert set(found["shares"]) == {*CLOCKED, "other"}
    assert sum(found["shares"].values()) == pytest.approx(1)
    assert min(found["shares"].values()) > 0
    passed = found["seconds_to_pass"]
    assert {"sushisched-accuracy", "lookahead", "static-A"} < set(passed)
    assert passed["static-A"] is not None
    beaten = None if None in passed.values() else max(passed.values())
    assert found["seconds_to_beat"] == beaten


def test_shares_are_exclusive_and_an_evaluation_is_one_share():
    shares = Shares()
    planner = shares._clocked("features", lambda: time.sleep(0.02))
    shares._clocked("collecting", lambda: (time.sleep(0.01), planner()))()
    shares._clocked("evaluating", lambda: planner())()
    assert 0.01 <= shares.seconds["collecting"] < 0.02
    assert 0.02 <= shares.seconds["features"] < 0.03
    assert 0.02 <= shares.seconds["evaluating"] < 0.03
    total = sum(shares.seconds.values())
    assert shares.of(2 * total)["other"] == pytest.approx(0.5)
