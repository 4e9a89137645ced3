"""The examples learn. Those with an environment of their own are in `tests/ecosystem`."""

import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(*command: str | Path, cwd: Path) -> str:
    """What a command printed."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd)
    assert done.returncode == 0, done.stderr[-4000:]
    return done.stdout


def worth(printed: str, policies: int) -> dict[str, tuple[float, float]]:
    """Utility and reward of each policy, from an example's last lines."""
    last = [line.split() for line in printed.splitlines()[-policies:]]
    return {name: (float(utility), float(reward)) for name, utility, reward in last}


@pytest.mark.slow
def test_ppo_in_one_file_learns(tmp_path):
    printed = run(sys.executable, EXAMPLES / "ppo_single_file.py", "--steps", "50000", cwd=tmp_path)
    found = worth(printed, 3)
    assert found["ppo"][1] > found["random"][1] + 200


@pytest.mark.slow
def test_a_scheduler_is_cloned_from_what_sushi_record_wrote(tmp_path):
    pytest.importorskip("minari")
    scenario = ["--scenario", "resnet50-busy", "--policy", "slackfit"]
    command = [sys.executable, "-m", "sushi_bench", "record", *scenario, "--episodes", "20"]
    run(*command, "--out", "data/slackfit-v0", cwd=tmp_path)
    example = [sys.executable, EXAMPLES / "behaviour_cloning.py", "data/slackfit-v0"]
    found = worth(run(*example, "--epochs", "10", cwd=tmp_path), 3)
    assert set(found) == {"clone", "slackfit", "random"}
    chance, expert = found["random"][0], found["slackfit"][0]
    assert found["clone"][0] > chance + 0.8 * (expert - chance)
