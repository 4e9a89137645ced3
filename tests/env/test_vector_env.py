"""The native vector environment behaves as Gymnasium documents, in each autoreset mode."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, SyncVectorEnv

import sushi_env
from sushi_env import InputError, ServeEnv, ServeVectorEnv, get_scenario

SHORT = get_scenario("resnet50-busy").replace(queries=25, queue_capacity=4)
N = 5


def make(mode: AutoresetMode = AutoresetMode.NEXT_STEP, **arguments) -> ServeVectorEnv:
    env = gym.make_vec(
        "sushi/Serve-v1",
        num_envs=N,
        vectorization_mode="vector_entry_point",
        scenario=SHORT,
        autoreset_mode=mode,
        **arguments,
    )
    assert isinstance(env.unwrapped, ServeVectorEnv)
    return env.unwrapped


def plain(mode: AutoresetMode) -> SyncVectorEnv:
    """The same with Gymnasium's own vector environment over single ones."""
    return SyncVectorEnv([lambda: ServeEnv(SHORT) for _ in range(N)], autoreset_mode=mode)


@pytest.mark.parametrize("mode", [AutoresetMode.NEXT_STEP, AutoresetMode.SAME_STEP])
def test_it_agrees_with_gymnasiums_sync_vector_env_over_many_episodes(mode):
    ours, theirs = make(mode), plain(mode)
    assert ours.metadata["autoreset_mode"] == mode
    assert ours.observation_space == theirs.observation_space
    assert ours.action_space == theirs.action_space
    seen, told = ours.reset(seed=11)
    expected, wanted = theirs.reset(seed=11)
    np.testing.assert_array_equal(seen, expected)
    check_infos(told, wanted)
    rng = np.random.default_rng(0)
    ends = 0
    for _ in range(120):
        actions = np.stack([rng.integers(6, size=N), rng.integers(16, size=N)], axis=-1)
        a, b = ours.step(actions), theirs.step(actions)
        for one, other in zip(a[:4], b[:4], strict=True):
            np.testing.assert_array_equal(one, np.asarray(other, dtype=one.dtype))
        ends += int(a[3].sum())
        check_infos(a[4], b[4])
    assert ends > 2 * N


def check_infos(ours, theirs):
    """The same keys, masks and types, and the same values wherever the masks say there are any."""
    assert set(ours) == set(theirs)
    for name in theirs:
        if name == "final_info":
            check_infos(ours[name], theirs[name])
        elif name.startswith("_"):
            np.testing.assert_array_equal(ours[name], theirs[name])
        else:
            assert ours[name].dtype == theirs[name].dtype
            for k in np.flatnonzero(theirs[f"_{name}"]):
                np.testing.assert_array_equal(ours[name][k], theirs[name][k], name)


def test_the_next_step_after_an_end_resets_and_ignores_the_action():
    env = make()
    env.reset(seed=0)
    nonsense = np.zeros((N, 2), dtype=np.int64)
    truncated = np.zeros(N, dtype=bool)
    while not truncated.any():
        *_, truncated, _ = env.step(nonsense)
    nonsense[truncated] = [-7, 99]
    _, rewards, _, after, infos = env.step(nonsense)
    assert (rewards[truncated] == 0).all()
    assert not after[truncated].any()
    assert (infos["subnet"] == np.where(truncated, -1, 0)).all()
    with pytest.raises(InputError, match="environment"):
        env.step(np.full((N, 2), 99))


def test_disabled_leaves_the_reset_to_the_caller():
    env = make(AutoresetMode.DISABLED)
    env.reset(seed=3)
    actions = np.zeros((N, 2), dtype=np.int64)
    truncated = np.zeros(N, dtype=bool)
    while not truncated.any():
        observation, _, _, truncated, _ = env.step(actions)
    with pytest.raises(ResetNeeded):
        env.step(actions)
    again, _ = env.reset(options={"reset_mask": truncated})
    np.testing.assert_array_equal(again[~truncated], observation[~truncated])
    assert (again[truncated] != observation[truncated]).any()
    env.step(actions)


def test_seeds_may_be_given_one_by_one():
    env = make()
    together, _ = env.reset(seed=7)
    listed, _ = env.reset(seed=[7, 8, 9, 10, 11])
    np.testing.assert_array_equal(together, listed)
    next_of_all, _ = env.reset()
    mixed, _ = env.reset(seed=[7, None, None, None, None])
    np.testing.assert_array_equal(mixed[0], together[0])
    assert (mixed[1:] != next_of_all[1:]).any()
    with pytest.raises(InputError, match="2 seeds for 5 environments"):
        env.reset(seed=[1, 2])


def test_unseeded_resets_differ():
    a, _ = make().reset()
    b, _ = make().reset()
    assert (a != b).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"autoreset_mode": "Never"}, "autoreset_mode = 'Never', must be one of NextStep"),
        ({"num_envs": 0}, "number of environments = 0, must be at least 1"),
        ({"threads": 0}, "number of threads = 0, must be at least 1"),
        ({"render_mode": "human"}, "render_mode = 'human', must be None"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(InputError, match=message):
        ServeVectorEnv(SHORT, **arguments)


def test_bad_masks_and_actions():
    env = make()
    env.reset(seed=0)
    for mask in ([True] * N, np.zeros(N, dtype=bool), np.ones(3, dtype=bool), np.ones(N)):
        with pytest.raises(InputError, match=r"reset_mask'\] must be a bool array of shape \(5,\)"):
            env.reset(options={"reset_mask": mask})
    with pytest.raises(InputError, match="type float64, must be integers"):
        env.step(np.zeros((N, 2)))


def test_threads_change_nothing():
    n = 4096
    one, two = (ServeVectorEnv(SHORT, num_envs=n, threads=t) for t in (1, 2))
    a, _ = one.reset(seed=1)
    b, _ = two.reset(seed=1)
    rng = np.random.default_rng(2)
    for _ in range(60):
        np.testing.assert_array_equal(a, b)
        actions = np.stack([rng.integers(6, size=n), rng.integers(16, size=n)], axis=-1)
        a, b = one.step(actions)[0], two.step(actions)[0]
    assert one._engine.threads == 1
    assert two._engine.threads == 2


def test_the_package_registers_both_entry_points():
    assert sushi_env.ServeEnv is type(gym.make("sushi/Serve-v1").unwrapped)
    assert isinstance(gym.make_vec("sushi/Serve-v1", num_envs=2).unwrapped, ServeVectorEnv)
