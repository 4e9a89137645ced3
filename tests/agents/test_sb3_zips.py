"""Models that Stable-Baselines3 saved, as people name and normalise them."""

import pickle

import numpy as np
import pytest
from stable_baselines3 import PPO
from stable_baselines3.common.vec_env import VecNormalize
from typer.testing import CliRunner

from chosen import BUSY
from sushi_agents import make_policy
from sushi_agents.evaluation import run_episodes
from sushi_bench.commands.app import app
from sushi_env import InputError, compile_scenario, get_scenario
from sushi_env.sb3_vec_env import SushiVecEnv

SCENARIO = get_scenario(BUSY).model_copy(update={"queries": 40})
PROBLEM = compile_scenario(SCENARIO)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A folder with a model that has the name `EvalCallback` gives."""
    folder = tmp_path_factory.mktemp("plain")
    model = PPO("MlpPolicy", SushiVecEnv(SCENARIO, 4), n_steps=8, batch_size=32, seed=0)
    model.learn(32).save(folder / "best_model.zip")
    return folder


@pytest.fixture(scope="module")
def normalised(tmp_path_factory):
    """A folder with a model trained under `VecNormalize`, its statistics, and both objects."""
    folder = tmp_path_factory.mktemp("normalised")
    env = VecNormalize(SushiVecEnv(SCENARIO, 4))
    model = PPO("MlpPolicy", env, n_steps=64, batch_size=64, seed=0).learn(512)
    model.save(folder / "best_model.zip")
    env.save(str(folder / "vecnormalize.pkl"))
    return folder, model, env


def test_a_zip_whose_name_says_no_algorithm_asks_for_it(plain):
    path = plain / "best_model.zip"
    with pytest.raises(InputError, match=r"name that, --algo ALGO or --policy ALGO:.*\.zip, ALGO"):
        make_policy(str(path), PROBLEM, trust=True)
    with pytest.raises(InputError, match="pass --trust"):
        make_policy(f"ppo:{path}", PROBLEM)
    with pytest.raises(InputError, match="unknown algorithm 'sac'"):
        make_policy(f"sac:{path}", PROBLEM, trust=True)
    given = run_episodes(PROBLEM, make_policy(f"ppo:{path}", PROBLEM, trust=True), 2, 0)
    again = run_episodes(PROBLEM, PPO.load(path), 2, 0)
    assert [m.reward for m in given] == [m.reward for m in again]


def test_the_command_takes_the_algorithm(plain):
    given = ["evaluate", "--scenario", BUSY, "--policy", str(plain / "best_model.zip"), "--trust"]
    asked = CliRunner().invoke(app, [*given, "--episodes", "1"])
    assert "--algo" in str(asked.exception) + asked.stderr
    done = CliRunner().invoke(app, [*given, "--episodes", "1", "--algo", "ppo", "--json"])
    assert done.exit_code == 0, done.stderr
    assert "best_model.zip" in done.stdout


@pytest.mark.parametrize("below", ["", "Env"])
def test_statistics_beside_a_model_are_taken(normalised, tmp_path, below):
    folder, model, env = normalised
    (tmp_path / below).mkdir(exist_ok=True)
    (tmp_path / "ppo.zip").write_bytes((folder / "best_model.zip").read_bytes())
    statistics = tmp_path / below / "vecnormalize.pkl"
    statistics.write_bytes((folder / "vecnormalize.pkl").read_bytes())
    policy = make_policy(str(tmp_path / "ppo.zip"), PROBLEM, trust=True)
    seen = SushiVecEnv(SCENARIO, 8).reset()
    wanted, _ = model.predict(env.normalize_obs(seen), deterministic=True)
    assert np.array_equal(policy.predict(seen)[0], wanted)
    assert not np.array_equal(env.normalize_obs(seen), seen)


def test_a_model_without_its_statistics_is_refused(normalised, tmp_path):
    (tmp_path / "ppo.zip").write_bytes((normalised[0] / "best_model.zip").read_bytes())
    with pytest.raises(InputError, match="was trained under VecNormalize"):
        make_policy(str(tmp_path / "ppo.zip"), PROBLEM, trust=True)


def test_statistics_of_another_model_are_left_alone(plain, normalised, tmp_path):
    (tmp_path / "ppo.zip").write_bytes((plain / "best_model.zip").read_bytes())
    (tmp_path / "other").mkdir()
    for statistics in (tmp_path / "vecnormalize.pkl", tmp_path / "other" / "vecnormalize.pkl"):
        statistics.write_bytes((normalised[0] / "vecnormalize.pkl").read_bytes())
    policy = make_policy(str(tmp_path / "ppo.zip"), PROBLEM, trust=True)
    seen = SushiVecEnv(SCENARIO, 8).reset()
    wanted, _ = PPO.load(tmp_path / "ppo.zip").predict(seen, deterministic=True)
    assert np.array_equal(policy.predict(seen, deterministic=True)[0], wanted)


@pytest.mark.parametrize("contents", [b"", b"\x80\x04nonsense", pickle.dumps({"obs_rms": 1})])
def test_what_is_no_statistics_is_one_line(normalised, tmp_path, contents):
    (tmp_path / "ppo.zip").write_bytes((normalised[0] / "best_model.zip").read_bytes())
    (tmp_path / "vecnormalize.pkl").write_bytes(contents)
    with pytest.raises(InputError, match="statistics") as raised:
        make_policy(str(tmp_path / "ppo.zip"), PROBLEM, trust=True)
    assert "\n" not in str(raised.value)


def test_statistics_are_not_opened_without_trust(normalised, tmp_path):
    class Trap:
        def __reduce__(self):
            return (tmp_path.joinpath("sprung").touch, ())

    (tmp_path / "ppo.zip").write_bytes((normalised[0] / "best_model.zip").read_bytes())
    (tmp_path / "vecnormalize.pkl").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match="--trust"):
        make_policy(str(tmp_path / "ppo.zip"), PROBLEM)
    assert not (tmp_path / "sprung").exists()
