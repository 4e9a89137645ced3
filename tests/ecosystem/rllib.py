"""RLlib's PPO trains on the environment; run by `nox -s rllib`, in its environment."""

import subprocess
import sys
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "rllib_ppo.py"


def test_the_example_learns(tmp_path):
    command = [sys.executable, EXAMPLE, "--iterations", "6"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-4000:]
    lines = [line.split() for line in done.stdout.splitlines()]
    assert sum(line[0] == "iteration" for line in lines) == 6
    worth = {name: float(reward) for name, _, reward in lines[-3:]}
    assert set(worth) == {"rllib", "sushisched-accuracy", "random"}
    assert worth["rllib"] > worth["random"] + 100
