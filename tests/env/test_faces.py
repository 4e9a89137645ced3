"""Every wrapper in every order over every face: spaces, masks, infos, and what is refused."""

import multiprocessing
import sys
from functools import partial
from itertools import permutations

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.vector import AutoresetMode, VectorWrapper
from sb3_contrib import MaskablePPO
from sb3_contrib.common.maskable.utils import get_action_masks
from stable_baselines3.common.vec_env import DummyVecEnv, VecEnvWrapper

from sushi_env import (
    DictObservation,
    DiscreteActions,
    Engine,
    InputError,
    ServeEnv,
    ServeVectorEnv,
    VectorReward,
    compile_scenario,
    get_scenario,
    sb3_wrappers,
    vector_wrappers,
)
from sushi_env.engine.actions import decode, encode
from sushi_env.sb3_vec_env import SushiVecEnv
from sushi_env.step_info import INFO_KEYS

SHORT = get_scenario("resnet50-busy").replace(queries=12)
S, G, N = 6, 16, 3


def forbid(masks: np.ndarray) -> np.ndarray:
    """Without SubNets from 2 on and without odd SubGraphs."""
    masks = masks.copy()
    masks[..., 2:S] = False
    masks[..., S + 1 :: 2] = False
    return masks


def is_forbidden(pairs: np.ndarray) -> np.ndarray:
    return (pairs[..., 0] >= 2) | (pairs[..., 1] % 2 == 1)


class Forbidding(gym.Wrapper):
    def action_masks(self) -> np.ndarray:
        return forbid(self.env.get_wrapper_attr("action_masks")())


class ForbiddingVector(VectorWrapper):
    def action_masks(self) -> np.ndarray:
        return forbid(vector_wrappers.masks_of(self.env))


class Passing(VecEnvWrapper):
    def reset(self):
        return self.venv.reset()

    def step_wait(self):
        return self.venv.step_wait()


class ForbiddingVecEnv(Passing):
    """Its masks are a method of its own, as Gymnasium's wrappers have it."""

    def action_masks(self) -> np.ndarray:
        return forbid(sb3_wrappers.masks_of(self.venv))


class AnsweringVecEnv(Passing):
    """It answers `env_method`, which is what MaskablePPO calls."""

    def env_method(self, method_name, *method_args, indices=None, **method_kwargs):
        answers = self.venv.env_method(method_name, *method_args, indices=indices, **method_kwargs)
        return [forbid(a) for a in answers] if method_name == "action_masks" else answers


def orders(*wrappers):
    """Every order of every subset that has the forbidding wrapper beneath `DiscreteActions`."""
    found = []
    for count in range(len(wrappers) + 1):
        for order in permutations(wrappers, count):
            names = [wrapper.__name__ for wrapper in order]
            places = [i for i, name in enumerate(names) if name.startswith("Forbidding")]
            flat = names.index("DiscreteActions") if "DiscreteActions" in names else count
            if all(place < flat for place in places):  # it forbids by the layout of pairs
                found.append(pytest.param(order, id="-".join(names) or "bare"))
    return found


def expected_mask(order) -> np.ndarray:
    """The mask that the wrappers of `order` must come to, over a bare environment."""
    mask = np.ones(S + G, dtype=bool)
    if any(wrapper.__name__.startswith("Forbidding") for wrapper in order):
        mask = forbid(mask)
    if any(wrapper.__name__ == "DiscreteActions" for wrapper in order):
        mask = np.array([mask[i] & mask[S + j] for i in range(S) for j in range(G)])
    return mask


@pytest.mark.parametrize("name", ["sushi/Serve-v1", "sushi/MoServe-v1"])
@pytest.mark.parametrize(
    "order", orders(DictObservation, DiscreteActions, VectorReward, Forbidding)
)
def test_wrappers_of_the_single_environment_in_any_order(order, name):
    env = gym.make(name, scenario=SHORT)
    for wrapper in order:
        env = wrapper(env)
    np.testing.assert_array_equal(get_action_masks(env), expected_mask(order))
    with pytest.raises(ResetNeeded):
        env.step(env.action_space.sample())
    seen, info = env.reset(seed=3)
    env.action_space.seed(3)
    truncated = False
    while True:
        assert env.observation_space.contains(seen)
        assert set(info) == set(INFO_KEYS)
        assert {key: np.asarray(value).dtype.kind for key, value in info.items()} == {
            key: "i" if key in ("subnet", "subgraph") else "f" for key in INFO_KEYS
        }
        assert all(hasattr(value, "dtype") and value.shape == () for value in info.values())
        if truncated:
            break
        seen, reward, _, truncated, info = env.step(env.action_space.sample())
        if VectorReward in order or "Mo" in name:
            assert env.get_wrapper_attr("reward_space").contains(reward)
            vector = np.asarray(reward)
            assert not (np.signbit(vector) & (vector == 0)).any()
    with pytest.raises(ResetNeeded):
        env.step(env.action_space.sample())


@pytest.mark.parametrize("mode", list(AutoresetMode))
@pytest.mark.parametrize("name", ["sushi/Serve-v1", "sushi/MoServe-v1"])
@pytest.mark.parametrize(
    "order",
    orders(vector_wrappers.DictObservation, vector_wrappers.DiscreteActions, ForbiddingVector),
)
def test_wrappers_of_the_vector_environment_in_any_order(order, name, mode):
    env = gym.make_vec(name, num_envs=N, scenario=SHORT, autoreset_mode=mode)
    for wrapper in order:
        env = wrapper(env)
    masks = vector_wrappers.masks_of(env)
    np.testing.assert_array_equal(masks, np.tile(expected_mask(order), (N, 1)))
    with pytest.raises(ResetNeeded):
        env.step(env.action_space.sample())
    seen, info = env.reset(seed=3)
    env.action_space.seed(3)
    ends = 0
    for _ in range(30):
        assert env.observation_space.contains(seen)
        assert set(INFO_KEYS) <= set(info)
        seen, rewards, _, truncated, info = env.step(env.action_space.sample())
        assert rewards.shape == ((N,) if "Mo" not in name else (N, 7))
        if "final_obs" in info:
            for final in info["final_obs"][info["_final_obs"]]:
                assert env.single_observation_space.contains(final)
        ends += truncated.sum()
        if mode is AutoresetMode.DISABLED and truncated.any():
            seen, info = env.reset(options={"reset_mask": truncated})
    assert ends >= N


@pytest.mark.parametrize(
    "order", orders(sb3_wrappers.DictObservation, sb3_wrappers.DiscreteActions, ForbiddingVecEnv)
)
@pytest.mark.parametrize("forbidding", [ForbiddingVecEnv, AnsweringVecEnv])
def test_wrappers_of_the_vec_env_in_any_order(order, forbidding):
    env = SushiVecEnv(SHORT, num_envs=N)
    for wrapper in order:
        env = (forbidding if wrapper is ForbiddingVecEnv else wrapper)(env)
    mask = expected_mask(order)
    own = isinstance(env, ForbiddingVecEnv) and forbidding is ForbiddingVecEnv
    masks = env.action_masks() if own else get_action_masks(env)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(masks, np.tile(mask, (N, 1)))
    if not own:
        assert len(env.env_method("action_masks", indices=[1])) == 1
        assert env.has_attr("action_masks")
    with pytest.raises(ResetNeeded):
        env.step(np.stack([env.action_space.sample() for _ in range(N)]))
    env.seed(3)
    seen = env.reset()
    ends = 0
    for _ in range(30):
        one = {k: v[0] for k, v in seen.items()} if isinstance(seen, dict) else seen[0]
        assert env.observation_space.contains(one)
        seen, _, dones, infos = env.step(np.stack([env.action_space.sample() for _ in range(N)]))
        for k in np.flatnonzero(dones):
            assert env.observation_space.contains(infos[k]["terminal_observation"])
        ends += dones.sum()
    assert ends >= N


class Recording(Passing):
    """Notes the pairs that reach the environment."""

    def __init__(self, venv):
        super().__init__(venv)
        self.pairs: list[np.ndarray] = []

    def step_async(self, actions):
        self.pairs.append(np.asarray(actions).copy())
        self.venv.step_async(actions)


class RecordingOne(gym.Wrapper):
    """The same for a single environment."""

    def __init__(self, env, pairs):
        super().__init__(env)
        self.pairs = pairs

    def step(self, action):
        self.pairs.append(np.asarray(action).copy())
        return self.env.step(action)


@pytest.mark.parametrize("face", ["single", "method", "answer"])
def test_maskable_ppo_never_takes_what_a_wrapper_beneath_forbids(face):
    pairs: list[np.ndarray] = []
    if face == "single":

        def make() -> gym.Env:
            return DiscreteActions(Forbidding(RecordingOne(ServeEnv(SHORT), pairs)))

        env = DummyVecEnv([make])
    else:
        recorded = Recording(SushiVecEnv(SHORT, num_envs=N))
        pairs = recorded.pairs
        wrapper = ForbiddingVecEnv if face == "method" else AnsweringVecEnv
        env = sb3_wrappers.DiscreteActions(wrapper(recorded))
    MaskablePPO("MlpPolicy", env, n_steps=32, batch_size=16, n_epochs=1, seed=0).learn(96)
    taken = np.concatenate([np.atleast_2d(pair) for pair in pairs])
    assert len(taken) >= 96
    assert not is_forbidden(taken).any()
    assert len(np.unique(taken, axis=0)) > 4  # and of what is allowed, more than one


def test_masks_are_asked_for_anew_each_time(monkeypatch):
    """As when a mask depends on the query at the head of the queue."""

    def masks_now(engine):
        masks = np.ones((engine.num_envs, S + G), dtype=bool)
        masks[:, 5] = engine.state["served"] % 2 == 0
        return masks

    monkeypatch.setattr(Engine, "action_masks", masks_now)
    one, many = DictObservation(DiscreteActions(ServeEnv(SHORT))), SushiVecEnv(SHORT, N)
    native = vector_wrappers.DiscreteActions(ServeVectorEnv(SHORT, N))
    flat = sb3_wrappers.DictObservation(sb3_wrappers.DiscreteActions(many))
    for env in (one, many, native):
        env.reset()
    for step in range(6):
        last = step % 2 == 0
        assert get_action_masks(one)[5 * G] == last
        assert (many.action_masks()[:, 5] == last).all()
        assert (native.action_masks()[:, 5 * G] == last).all()
        assert (get_action_masks(flat)[:, 5 * G] == last).all()
        assert all(ask()[5] == last for ask in many.get_attr("action_masks"))
        one.step(0)
        many.step(np.zeros((N, 2), dtype=int))
        native.step(np.zeros(N, dtype=int))


def test_masks_agree_with_what_the_engine_refuses():
    engine = Engine(compile_scenario(SHORT), 1)
    engine.seed(np.zeros(1, dtype=np.uint64))
    engine.reset()
    mask = engine.action_masks()[0]
    for i in range(-1, S + 1):
        for j in range(-1, G + 1):
            legal = 0 <= i < S and 0 <= j < G and mask[i] and mask[S + j]
            try:
                engine.check(np.array([[i, j]]))
            except InputError:
                assert not legal
            else:
                assert legal


def test_numbers_and_pairs_stand_for_each_other():
    numbers = np.arange(S * G)
    pairs = decode(numbers, G)
    np.testing.assert_array_equal(encode(pairs[:, 0], pairs[:, 1], G), numbers)
    assert len({tuple(pair) for pair in pairs.tolist()}) == S * G


@pytest.mark.parametrize("action", [96, -1, 10**9])
def test_a_number_that_is_no_action_is_named_as_it_was_given(action):
    one = DiscreteActions(ServeEnv(SHORT))
    native = vector_wrappers.DiscreteActions(ServeVectorEnv(SHORT, N))
    many = sb3_wrappers.DiscreteActions(SushiVecEnv(SHORT, N))
    one.reset()
    native.reset()
    many.reset()
    with pytest.raises(InputError, match=f"action {action} of environment 0, must be SubNet"):
        one.step(action)
    batch = np.array([0, action, 0])
    for env in (native, many):
        with pytest.raises(InputError, match=f"action {action} of environment 1, must be SubNet"):
            env.step(batch)


@pytest.mark.parametrize("action", [1.5, "a", None, [1, 2], np.array([0.0])])
def test_what_is_no_number_is_refused(action):
    one = DiscreteActions(ServeEnv(SHORT))
    one.reset()
    with pytest.raises(InputError, match="must be an integer"):
        one.step(action)


def test_pairs_twice_taken_for_numbers_are_refused():
    for twice in (
        lambda: DiscreteActions(DiscreteActions(ServeEnv(SHORT))),
        lambda: vector_wrappers.DiscreteActions(
            vector_wrappers.DiscreteActions(ServeVectorEnv(SHORT, N))
        ),
        lambda: sb3_wrappers.DiscreteActions(sb3_wrappers.DiscreteActions(SushiVecEnv(SHORT, N))),
    ):
        with pytest.raises(InputError, match=r"wraps pairs, MultiDiscrete\(\[S, G\]\), not"):
            twice()


def test_a_vec_env_refuses_fractions_and_takes_whole_floats():
    env = SushiVecEnv(SHORT, N)
    env.reset()
    for bad in (1.9, np.nan, np.inf, -0.5, 1e300):
        with pytest.raises(InputError, match="of environment 0, must be a SubNet"):
            env.step(np.full((N, 2), bad))
    env.step(np.full((N, 2), 1.0))
    assert (env._engine.state["served"] == 1).all()
    with pytest.raises(InputError, match="type bool, must be integers"):
        env.step(np.zeros((N, 2), dtype=bool))


def test_one_environment_never_reset_is_enough_to_refuse():
    env = ServeVectorEnv(SHORT, N)
    env.reset(options={"reset_mask": np.array([True, False, True])})
    with pytest.raises(ResetNeeded, match="environment 1: no episode was begun"):
        env.step(np.zeros((N, 2), dtype=int))
    engine = Engine(compile_scenario(SHORT), N)
    with pytest.raises(ResetNeeded, match="environment 0: no episode was begun"):
        engine.rollout("random", 5)


def _steps_in_child(env: ServeVectorEnv, actions: np.ndarray, told) -> None:
    told.put(env.step(actions)[0].sum())


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_has_threads_of_its_own():
    n = 4096
    env = ServeVectorEnv(SHORT, num_envs=n, threads=2)
    env.reset(seed=1)
    actions = np.zeros((n, 2), dtype=int)
    env.step(actions)
    forked = multiprocessing.get_context("fork")
    told = forked.Queue()
    child = forked.Process(target=partial(_steps_in_child, env, actions, told))
    child.start()
    try:
        assert told.get(timeout=20) == env.step(actions)[0].sum()
        child.join(timeout=20)
        assert child.exitcode == 0
    finally:
        child.kill()
