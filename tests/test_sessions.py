"""Libraries that cannot be installed beside the others, each in an environment of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
@pytest.mark.parametrize("session", ["envpool", "mo_gymnasium", "rl_zoo3", "rllib", "torchrl"])
def test_real_libraries_run_on_the_environment(session: str, tmp_path: Path):
    command = [sys.executable, "-m", "nox", "--envdir", str(tmp_path), "-s", session]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
