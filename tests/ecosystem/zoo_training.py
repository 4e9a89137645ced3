"""RL Baselines3 Zoo itself on the environment; run by `nox -s rl_zoo3`, in its environment."""

import subprocess
import sys
from pathlib import Path

import rl_zoo3  # noqa: F401

SETTINGS = """
sushi/Serve-v1:
  n_envs: 2
  n_timesteps: !!float 256
  policy: MlpPolicy
  n_steps: 32
  batch_size: 32
  n_epochs: 1
"""


def test_the_zoo_trains_evaluates_and_saves(tmp_path: Path):
    settings = tmp_path / "ppo.yml"
    settings.write_text(SETTINGS)
    command = [
        sys.executable, "-m", "rl_zoo3.train", "--algo", "ppo", "--env", "sushi/Serve-v1",
        "--gym-packages", "sushi_env", "--conf-file", str(settings), "--log-folder",
        str(tmp_path / "logs"), "--eval-freq", "64", "--eval-episodes", "1", "--n-eval-envs", "1",
        "--env-kwargs", "scenario:'resnet50-busy'", "--seed", "1",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert list(tmp_path.glob("logs/ppo/*/best_model.zip"))
