"""A run that was cut off and resumed has the weights of one that was not."""

import hashlib
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from chosen import GAMMA
from sushi_agents.learning.centred_env import CentredVecEnv
from sushi_agents.learning.run_folder import CHECKPOINT
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_env import InputError, get_scenario
from sushi_env.sb3_vec_env import SushiVecEnv

SHORT = get_scenario("resnet50-steady").replace(queries=50)

SMALL = {
    "ppo": {"n_envs": 64, "batch_size": 512, "n_epochs": 2},
    "a2c": {"n_envs": 64},
    "maskableppo": {"n_envs": 32, "batch_size": 512, "n_epochs": 2},
    "recurrentppo": {"n_envs": 8, "n_steps": 32, "batch_size": 128, "n_epochs": 1},
    "dqn": {"n_envs": 16, "learning_starts": 1_000, "batch_size": 64},
    "qrdqn": {"n_envs": 16, "learning_starts": 1_000, "batch_size": 64},
}


class CutOffError(Exception):
    """Stands for a power cut."""


def weights(model) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(model.policy.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.hexdigest()


def run_of(algo: str, out: Path, **changes) -> TrainingRun:
    options = {"checkpoint_steps": 2_500, "evaluation_steps": 4_000, "evaluation_episodes": 2}
    return TrainingRun(SHORT, algo, 9_000, 3, out, **options, changes=SMALL[algo], **changes)


@pytest.mark.parametrize("algo", SMALL)
def test_resuming_changes_nothing(algo, tmp_path):
    whole = train(run_of(algo, tmp_path / "whole"))

    def cut_off(done: int, _: int) -> None:
        if done > 7_000:
            raise CutOffError

    with pytest.raises(CutOffError):
        train(run_of(algo, tmp_path / "cut"), cut_off)
    seen = []
    resumed = train(run_of(algo, tmp_path / "cut"), lambda done, _: seen.append(done), resume=True)
    assert 2_500 <= seen[0] < 7_000  # it went on from a checkpoint, not from the beginning
    assert weights(resumed) == weights(whole)
    assert (tmp_path / "cut" / "run.json").read_text() == (
        tmp_path / "whole" / "run.json"
    ).read_text()


def test_only_the_same_run_is_resumed(tmp_path):
    with pytest.raises(InputError, match="not there, so there is nothing to resume"):
        train(run_of("a2c", tmp_path), resume=True)
    train(run_of("a2c", tmp_path))
    other = TrainingRun(SHORT, "a2c", 9_000, 4, tmp_path, changes=SMALL["a2c"])
    with pytest.raises(InputError, match="is of a run with seed = 3, not 4"):
        train(other, resume=True)


def test_patience_ends_a_run_that_learns_nothing(tmp_path):
    idle = SMALL["ppo"] | {"learning_rate": 1e-12}
    run = TrainingRun(
        SHORT, "ppo", 200_000, 3, tmp_path, evaluation_steps=3_000, evaluation_episodes=2,
        patience=2, changes=idle,
    )  # fmt: skip
    model = train(run)
    assert 6_000 < model.num_timesteps < 30_000


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_killed_run_loses_at_most_one_interval(how, tmp_path):
    out = tmp_path / "run"
    command = [
        str(Path(sys.executable).with_name("sushi")), "train", "--scenario", "resnet50-steady",
        "--steps", "200000", "--checkpoint-steps", "20000", "--out", str(out), "--episodes", "1",
    ]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / CHECKPOINT).exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if how == signal.SIGKILL else 1)
    assert ("interrupted" in errors) == (how != signal.SIGKILL)
    assert "Traceback" not in errors
    done = subprocess.run([*command, "--resume", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(out.glob("*.part"))


def test_centred_rewards_differ_by_the_average_of_each_query_resolved():
    """Dropped ones included: over an episode that is the same for every policy."""
    scenario = get_scenario(GAMMA).replace(queries=40)
    plain, centred = SushiVecEnv(scenario, 8), CentredVecEnv(scenario, 8)
    for env in (plain, centred):
        env.seed(5)
        env.reset()
    rng = np.random.default_rng(0)
    resolved = episodes = dropping = 0
    for _ in range(200):
        actions = rng.integers([6, 16], size=(8, 2))
        seen, rewards, dones, infos = plain.step(actions)
        again, less, ended, _ = centred.step(actions)
        assert (seen == again).all()
        assert (dones == ended).all()
        taken = (rewards - less) / (centred._earned / centred._resolved)
        assert np.allclose(taken, np.round(taken), atol=1e-3)
        assert taken.min() > 0.5
        dropping += (taken > 1.5).sum()
        resolved += np.round(taken).sum()
        episodes += sum("episode" in info for info in infos)
    state = centred._engine.state
    assert resolved == 40 * episodes + (state["served"] + state["dropped"]).sum()
    assert dropping > 20
