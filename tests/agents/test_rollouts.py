"""Advantages of environments that face the same arrivals."""

import numpy as np
import pytest
import torch
from gymnasium import spaces
from stable_baselines3.common.buffers import RolloutBuffer

from chosen import BURSTY
from sushi_agents.learning.rollouts import ServingBuffer
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_env import InputError, get_scenario
from sushi_env.sb3_vec_env import SushiVecEnv

SCENARIO = get_scenario(BURSTY).replace(queries=60)


def test_environments_that_share_face_the_same_queries_whatever_they_do():
    env = SushiVecEnv(SCENARIO, 6, sharing=3)
    assert env.seed(7) == [7, 7, 7, 8, 8, 8]
    alone = SushiVecEnv(SCENARIO, 2)
    alone.seed(7)
    seen, expected = env.reset(), alone.reset()
    assert np.array_equal(seen[[0, 3]], expected)
    rng = np.random.default_rng(0)
    queue = env.layout.slices["queue"]
    for _ in range(150):  # beyond the ends of two episodes
        seen, _, _, _ = env.step(rng.integers([6, 16], size=(6, 2)))
        floors = seen[:, queue].reshape(6, 8, 4)[:, 0, 2:]  # SLO and floor of the head
        assert (floors[:3] == floors[0]).all()
        assert (floors[3:] == floors[3]).all()
    unseeded = SushiVecEnv(SCENARIO, 4, sharing=2).reset()
    assert np.array_equal(unseeded[::2], unseeded[1::2])
    assert not np.array_equal(unseeded[0], unseeded[2])


def filled(kind, **options):
    """A buffer of 5 steps of 6 environments, with the same contents whatever its kind."""
    rng = np.random.default_rng(1)
    space = spaces.Box(-1, 1, (2,))
    buffer = kind(5, space, spaces.Discrete(3), "cpu", 0.9, 0.97, n_envs=6, **options)
    for _ in range(5):
        reward, value = rng.normal(size=6), torch.as_tensor(rng.normal(size=6))
        buffer.add(np.zeros((6, 2)), np.zeros(6), reward, np.zeros(6), value, torch.zeros(6))
    buffer.compute_returns_and_advantage(torch.zeros(6), np.zeros(6))
    return buffer


def test_an_advantage_is_counted_from_those_of_the_others():
    plain, shared = filled(RolloutBuffer), filled(ServingBuffer, sharing=3)
    assert np.array_equal(plain.returns, shared.returns)
    for k in range(6):
        others = [j for j in range(6) if j // 3 == k // 3 and j != k]
        expected = plain.advantages[:, k] - plain.advantages[:, others].mean(axis=1)
        assert shared.advantages[:, k] == pytest.approx(expected, abs=1e-5)


def test_sharing_takes_most_of_the_noise_off(tmp_path):
    changes = {"n_envs": 32, "batch_size": 512, "n_steps": 64}
    run = TrainingRun(SCENARIO, "ppo", 2_048, 0, tmp_path, changes=changes)
    buffer = train(run).rollout_buffer  # type: ignore[attr-defined]
    assert isinstance(buffer, ServingBuffer)
    plain = buffer.returns - buffer.values
    assert buffer.advantages.var() < 0.5 * plain.reshape(-1).var()


def test_what_cannot_be_shared_is_said(tmp_path):
    for algo, changes, mixture, match in (
        ("ppo", {"n_envs": 12, "batch_size": 12}, 0, "share_arrivals = 8, must divide the 12 env"),
        ("ppo", {"n_envs": 16, "batch_size": 16}, 4, "share_arrivals = 8, must divide the 4 env"),
        ("ppo", {"share_arrivals": 0}, 0, "share_arrivals = 0, must be a whole number in 1"),
        ("dqn", {"share_arrivals": 8}, 0, "share_arrivals = 8: only ppo, a2c can, not dqn"),
    ):
        run = TrainingRun(SCENARIO, algo, 100, 0, tmp_path, changes=changes, mixture=mixture)
        with pytest.raises(InputError, match=match):
            train(run)
