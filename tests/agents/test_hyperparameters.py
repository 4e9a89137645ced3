"""Hyperparameters of strangers: each is refused in one line before anything is made of it."""

import pytest

from chosen import BUSY
from sushi_agents.learning.algorithms import ALGORITHMS
from sushi_agents.learning.settings import Hyperparameters, hyperparameters, parse_changes
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_env import InputError, get_scenario

SCENARIO = get_scenario(BUSY)
NOWHERE = [
    "x=2001-13-45",
    "x=!!timestamp a",
    "x=" + 50 * "[",
    'gamma="a"',
    "gamma=[1]",
    "gamma=2001-12-12",
    "gamma=.nan",
    "gamma=.inf",
    "gamma=true",
    "policy=[1]",
    "policy=CnnPolicy",
    "n_envs=1.5",
    "n_envs=true",
    "share_arrivals=0",
    "centre_rewards=1",
    "cache=[1]",
    "learning_rate=0",
    "learning_rate=lin_",
    "learning_rate=lin_nan",
    "learning_rate={}",
    "_init_setup_model=false",
    "verbose=2",
    "env=CartPole-v1",
    "seed=1",
    "device=cuda",
    "tensorboard_log=/tmp",
    "rollout_buffer_class=a",
    "replay_buffer_kwargs={}",
    "stats_window_size=-1",
    "policy_kwargs=[1]",
    "policy_kwargs={net_arch: [1000000000]}",
    "policy_kwargs={net_arch: {pi: [-1]}}",
    "policy_kwargs={activation_fn: tanh}",
    "policy_kwargs={hidden: 1000000000}",
]
"""Wrong for every algorithm."""
SOMEWHERE = [
    "ent_coef=1e308",
    "n_epochs=-1",
    "n_steps=0",
    "n_steps=1000000000",
    'max_grad_norm="\\0"',
    "max_grad_norm=-1",
    "target_kl=[]",
    "gae_lambda=2",
    "clip_range=0",
    "batch_size=0",
    "buffer_size=100000000",
    "buffer_size=0",
    "train_freq=0",
    "exploration_fraction=-1",
    "tau=7",
    "rms_prop_eps=0",
]
"""Wrong for the algorithms that have such a setting, and unknown to the others."""


@pytest.mark.parametrize("given", [*NOWHERE, *SOMEWHERE])
@pytest.mark.parametrize("algo", ALGORITHMS)
def test_a_hostile_value_is_one_line_and_leaves_nothing(algo, given, tmp_path):
    out = tmp_path / "run"
    with pytest.raises(InputError) as raised:
        train(TrainingRun(SCENARIO, algo, 100, 0, out, changes=parse_changes([given])))
    message = str(raised.value)
    assert "\n" not in message
    assert len(message) < 1000
    assert given.partition("=")[0] in message
    assert not out.exists()


def test_memory_is_estimated_before_it_is_asked_for(tmp_path):
    changes = {"n_steps": 2**20, "n_envs": 4096}
    with pytest.raises(InputError, match=r"4,294,967,296 steps kept would take some [\d,]+ GiB"):
        train(TrainingRun(SCENARIO, "ppo", 100, 0, tmp_path / "run", changes=changes))


@pytest.mark.parametrize("algo", ALGORITHMS)
def test_every_setting_of_a_file_is_validated(algo):
    assert set(hyperparameters(algo, SCENARIO)) <= set(Hyperparameters.model_fields)
