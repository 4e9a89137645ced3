"""MO-Gymnasium itself on `sushi/MoServe-v1`; run by `nox -s mo_gymnasium`, in its environment."""

import pickle

import mo_gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.wrappers import TransformReward
from mo_gymnasium.wrappers import (
    LinearReward,
    MOMaxAndSkipObservation,
    MONormalizeReward,
    MORecordEpisodeStatistics,
)
from mo_gymnasium.wrappers.vector import MORecordEpisodeStatistics as VectorStatistics
from mo_gymnasium.wrappers.vector import MOSyncVectorEnv

import sushi_env
from sushi_env.rewards import REWARD_PRESETS
from sushi_env.wrappers import OBJECTIVES

BUSY = sushi_env.get_scenario("resnet50-busy").replace(queries=40, queue_capacity=4, load=1.0)
SCENARIO = BUSY.model_dump(mode="json", exclude_none=True)
COSTS = {"latency", "late", "below_floor", "dropped", "energy"}
TRADEOFF = [abs(REWARD_PRESETS["tradeoff"][name]) for name in OBJECTIVES]
"""The preset's weights for rewards that are all to be maximised."""


def make():
    return mo_gymnasium.make("sushi_env:sushi/MoServe-v1", scenario=SCENARIO)


def episode(env, seed: int = 3) -> tuple[list, dict]:
    """Rewards of an episode of random actions, and its last info."""
    env.reset(seed=seed)
    env.action_space.seed(seed)
    rewards, truncated, info = [], False, {}
    while not truncated:
        _, reward, _, truncated, info = env.step(env.action_space.sample())
        rewards.append(reward)
    return rewards, info


def test_rewards_are_vectors_in_the_reward_space():
    env = make()
    space = env.unwrapped.reward_space
    assert env.get_wrapper_attr("reward_space") is space
    rewards, info = episode(env)
    assert all(space.contains(reward) for reward in rewards)
    total = dict(zip(OBJECTIVES, np.sum(rewards, axis=0), strict=True))
    assert total["utility"] == pytest.approx(info["metric_utility"] * 40)
    assert total["dropped"] == -round(info["metric_drop_rate"] * 40)
    assert total["dropped"] < 0
    assert all((total[name] < 0) == (name in COSTS) for name in OBJECTIVES)


def test_weighted_by_mo_gymnasium_they_are_the_scalar_reward():
    scalar = mo_gymnasium.make("sushi_env:sushi/Serve-v1", scenario=SCENARIO)
    weighted = LinearReward(make(), weight=np.array(TRADEOFF))
    expected, _ = episode(scalar)
    found, info = episode(weighted)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert info["vector_reward"].shape == (len(OBJECTIVES),)


@pytest.mark.filterwarnings("ignore:.*is different from the unwrapped version")
def test_gymnasiums_check_passes():
    # Not LinearReward: its infos share the array of weights, which the check refuses.
    weighted = TransformReward(make(), lambda reward: float(reward @ np.array(TRADEOFF)))
    check_env(weighted, skip_render_check=True)


def test_wrappers_of_mo_gymnasium_work():
    rewards, _ = episode(make())
    _, info = episode(MORecordEpisodeStatistics(make(), gamma=0.9))
    np.testing.assert_allclose(info["episode"]["r"], np.sum(rewards, axis=0), rtol=1e-5, atol=1e-6)
    discounts = 0.9 ** np.arange(len(rewards))
    np.testing.assert_allclose(info["episode"]["dr"], discounts @ rewards, rtol=1e-4, atol=1e-5)
    first = OBJECTIVES.index("latency")
    normalised, _ = episode(MONormalizeReward(make(), idx=first))
    changed = np.any(np.array(normalised) != np.array(rewards), axis=0)
    assert changed.tolist() == [name == "latency" for name in OBJECTIVES]
    skipped, _ = episode(MOMaxAndSkipObservation(make(), skip=2))
    assert len(skipped) < len(rewards)


def test_batches_by_mo_gymnasium():
    # Its MOAsyncVectorEnv is not here: as of 1.3.2 Gymnasium 1.4 refuses its worker's signature.
    env = VectorStatistics(MOSyncVectorEnv([make] * 3))
    env.reset(seed=5)
    env.action_space.seed(5)
    total, ended = np.zeros((3, len(OBJECTIVES))), np.zeros(3, dtype=bool)
    while not ended.all():
        _, rewards, _, truncated, info = env.step(env.action_space.sample())
        assert rewards.shape == (3, len(OBJECTIVES))
        total[~ended] += rewards[~ended]
        for k in np.flatnonzero(truncated & ~ended):
            np.testing.assert_allclose(info["episode"]["r"][k], total[k], rtol=1e-4, atol=1e-5)
        ended |= truncated
    env.close()


def test_the_environment_is_made_again_from_its_spec():
    env = make()
    again = mo_gymnasium.make(pickle.loads(pickle.dumps(env.spec)))
    np.testing.assert_array_equal(episode(again)[0], episode(env)[0])
