"""Wrappers, with the algorithms and wrappers that they are there for."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import FrameStackObservation, RecordEpisodeStatistics
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks
from stable_baselines3 import DQN, PPO

from sushi_env import (
    DictObservation,
    DiscreteActions,
    ServeEnv,
    ServeVectorEnv,
    VectorReward,
    get_scenario,
    sb3_wrappers,
    vector_wrappers,
)
from sushi_env.rewards import COMPONENTS, REWARD_PRESETS
from sushi_env.sb3_vec_env import SushiVecEnv

SHORT = get_scenario("resnet50-busy").replace(queries=30)


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
@pytest.mark.parametrize("wrapper", [DictObservation, DiscreteActions])
def test_wrapped_environments_pass_gymnasiums_check(wrapper):
    check_env(wrapper(ServeEnv(SHORT)), skip_render_check=True)


def test_the_dict_holds_every_entry_of_the_flat_observation():
    flat, named = ServeEnv(SHORT), DictObservation(ServeEnv(SHORT))
    a, _ = flat.reset(seed=2)
    b, _ = named.reset(seed=2)
    assert list(b) == list(flat.layout.slices)
    np.testing.assert_array_equal(np.concatenate([b[name] for name in b]), a)
    assert named.observation_space.contains(b)


def test_discrete_actions_stand_for_every_pair_once():
    env = DiscreteActions(ServeEnv(SHORT))
    assert isinstance(env.action_space, gym.spaces.Discrete)
    assert env.action_space.n == 6 * 16
    pairs = {tuple(env.action(a).tolist()) for a in range(96)}
    assert pairs == {(i, j) for i in range(6) for j in range(16)}
    env.reset(seed=0)
    *_, info = env.step(np.int64(2 * 16 + 5))
    assert (info["subnet"], info["subgraph"]) == (2, 5)
    assert env.action_masks().shape == (96,)


def test_the_vector_reward_sums_to_the_reward():
    env = VectorReward(ServeEnv(SHORT.replace(queue_capacity=2, load=1.0)))
    plain = ServeEnv(SHORT.replace(queue_capacity=2, load=1.0))
    env.reset(seed=1)
    plain.reset(seed=1)
    preset = REWARD_PRESETS["tradeoff"]
    weights = np.array([abs(preset[name]) for name in COMPONENTS])
    rng = np.random.default_rng(0)
    truncated = False
    while not truncated:
        action = rng.integers([6, 16])
        _, vector, _, truncated, _ = env.step(action)
        _, reward, *_ = plain.step(action)
        assert env.reward_space.contains(vector)
        assert weights @ vector == pytest.approx(reward, abs=1e-5)


def test_gymnasiums_own_wrappers_serve():
    env = RecordEpisodeStatistics(FrameStackObservation(ServeEnv(SHORT), 4))
    seen, _ = env.reset(seed=0)
    assert seen.shape == (4, 79)
    previous = seen[-1]
    truncated, total = False, 0.0
    while not truncated:
        seen, reward, _, truncated, info = env.step(np.array([0, 0]))
        np.testing.assert_array_equal(seen[-2], previous)
        previous, total = seen[-1], total + float(reward)
    assert info["episode"]["r"] == pytest.approx(total, rel=1e-5)


def test_vector_wrappers_agree_with_the_single_ones():
    one = DictObservation(DiscreteActions(ServeEnv(SHORT)))
    many = vector_wrappers.DictObservation(
        vector_wrappers.DiscreteActions(ServeVectorEnv(SHORT, num_envs=3))
    )
    a, _ = one.reset(seed=5)
    b, _ = many.reset(seed=5)
    for action in (0, 17, 95):
        for name in a:
            np.testing.assert_array_equal(b[name][0], a[name])
        assert many.observation_space.contains(b)
        a, reward, *_ = one.step(action)
        b, rewards, *_ = many.step(np.full(3, action))
        assert rewards[0] == pytest.approx(reward)


def test_maskable_ppo_learns_on_the_batch_and_keeps_to_its_masks():
    env = SushiVecEnv(SHORT, num_envs=4)
    model = MaskablePPO("MlpPolicy", env, n_steps=16, batch_size=32, n_epochs=1, seed=0)
    model.learn(128)
    assert get_action_masks(env).shape == (4, 22)
    seen = env.reset()
    only = np.zeros((4, 22), dtype=bool)
    only[:, [3, 6 + 9]] = True
    actions, _ = model.predict(seen, action_masks=only)
    np.testing.assert_array_equal(actions, [[3, 9]] * 4)


def test_maskable_ppo_on_discrete_actions_of_one_and_of_a_batch():
    for env in (
        DiscreteActions(ServeEnv(SHORT)),
        sb3_wrappers.DiscreteActions(SushiVecEnv(SHORT, num_envs=2)),
    ):
        model = MaskablePPO("MlpPolicy", env, n_steps=16, batch_size=16, n_epochs=1, seed=0)
        model.learn(32)
        assert np.asarray(get_action_masks(model.get_env())).shape[-1] == 96  # type: ignore[arg-type]


def test_dqn_and_dict_policies_of_stable_baselines_run():
    discrete = sb3_wrappers.DiscreteActions(SushiVecEnv(SHORT, num_envs=2))
    DQN("MlpPolicy", discrete, learning_starts=10, buffer_size=100, seed=0).learn(64)
    named = sb3_wrappers.DictObservation(SushiVecEnv(SHORT, num_envs=2))
    PPO("MultiInputPolicy", named, n_steps=40, batch_size=16, n_epochs=1, seed=0).learn(80)
    _, _, dones, infos = (named.reset(), *named.step(np.zeros((2, 2), dtype=np.int64)))[1:]
    while not dones.any():
        _, _, dones, infos = named.step(np.zeros((2, 2), dtype=np.int64))
    final = infos[int(np.flatnonzero(dones)[0])]["terminal_observation"]
    assert set(final) == set(named.observation_space.spaces)  # type: ignore[attr-defined]


def test_the_multi_objective_environment_is_made_by_name_and_again_from_its_spec():
    env = gym.make("sushi/MoServe-v1", scenario="resnet50-busy")
    assert env.spec is not None
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    for made in (env, again):
        made.reset(seed=4)
        _, reward, *_ = made.step(np.array([1, 2]))
        assert made.get_wrapper_attr("reward_space").contains(reward)
        assert np.asarray(reward).shape == (len(COMPONENTS),)  # type: ignore[arg-type]
