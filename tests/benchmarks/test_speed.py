"""The speed command measures what it says, in the shape that others read."""

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sushi_bench.speed.engine_speed import Contender, measure


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
def test_training_speed_says_where_the_time_goes():
    command = str(Path(sys.executable).with_name("sushi"))
    done = subprocess.run(
        [command, "speed", "--training", "--repeats", "2", "--threads", "1", "--json"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["threads"] == 1
    rates = [found[name]["steps_per_s"]["median"] for name in ("sushi", "cartpole")]
    assert found["ratio"] == pytest.approx(rates[0] / rates[1])
    for name in ("sushi", "cartpole"):
        stepping, acting = (found[name][f"share_{k}"]["median"] for k in ("stepping", "acting"))
        assert 0 < stepping < 0.5
        assert 0 < acting < 0.5
