"""One engine behind every interface: Gymnasium, Stable-Baselines3, and the batch itself."""

import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from gymnasium.error import ResetNeeded
from gymnasium.utils.env_checker import check_env as gymnasium_check_env
from stable_baselines3.common.env_checker import check_env as sb3_check_env
from stable_baselines3.common.monitor import Monitor

import sushi_env
from sushi_env import Engine, InputError, Problem, compile_scenario, get_scenario, scenario_names
from sushi_env.rewards import REWARD_PRESETS
from sushi_env.sb3_vec_env import SushiVecEnv
from sushi_env.step_info import METRIC_KEYS, metrics_in


def test_the_package_registers_the_environment():
    assert sushi_env.__version__
    assert "sushi/Serve-v1" in gymnasium.registry


@pytest.mark.parametrize("scenario", scenario_names())
def test_both_checkers_pass_without_a_warning(scenario):
    env = gymnasium.make("sushi/Serve-v1", scenario=scenario)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gymnasium_check_env(env.unwrapped)
        sb3_check_env(env)
        sb3_check_env(env.unwrapped)


def test_make_by_module_name_works_in_a_fresh_process():
    code = (
        "import gymnasium\n"
        "env = gymnasium.make('sushi_env:sushi/Serve-v1', scenario='resnet50-busy')\n"
        "print(env.reset(seed=3)[0].tobytes().hex())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = gymnasium.make("sushi/Serve-v1", scenario="resnet50-busy").reset(seed=3)[0]
    assert done.stdout.strip() == here.tobytes().hex()


def random_actions(steps: int, n: int, problem: Problem) -> np.ndarray:
    choices = [problem.table.num_subnets, problem.table.num_subgraphs]
    return np.random.default_rng(5).integers(choices, size=(steps, n, 2))


def test_the_batch_of_one_equals_its_row_of_a_batch_bit_for_bit():
    """Over full episodes, resets included, in the engine, the VecEnv and the environment."""
    scenario = get_scenario("resnet50-busy").replace(queries=300)
    n, row, steps = 64, 41, 700
    batch, env = SushiVecEnv(scenario, n), gymnasium.make("sushi/Serve-v1", scenario=scenario)
    actions = random_actions(steps, n, batch.problem)
    batch.seed(100)
    many, one = batch.reset(), env.reset(seed=100 + row)[0]
    assert many[row].tobytes() == one.tobytes()
    episodes = 0
    for t in range(steps):
        many, rewards, dones, infos = batch.step(actions[t])
        one, reward, terminated, truncated, info = env.step(actions[t, row])
        assert not terminated
        assert dones[row] == truncated
        assert rewards[row] == reward
        if truncated:
            episodes += 1
            assert infos[row]["terminal_observation"].tobytes() == one.tobytes()
            assert metrics_in(infos[row]) == metrics_in(info)
            one = env.reset()[0]
        else:
            assert infos[row] == {}
        assert many[row].tobytes() == one.tobytes()
    assert episodes >= 2


def test_same_seed_same_episode_different_seed_another():
    env = gymnasium.make("sushi/Serve-v1")
    seen = [env.reset(seed=s)[0].tobytes() for s in (0, 1, 0)]
    assert seen[0] == seen[2] != seen[1]
    again = env.reset()[0].tobytes()
    assert again != seen[0]  # the next episode of the same seed
    env.reset(seed=0)
    assert env.reset()[0].tobytes() == again


def test_unseeded_environments_differ():
    first = {gymnasium.make("sushi/Serve-v1").reset()[0].tobytes() for _ in range(3)}
    assert len(first) == 3
    assert len({row.tobytes() for row in SushiVecEnv(num_envs=4).reset()}) == 4


def test_stepping_before_reset_or_after_the_end_is_refused():
    env = gymnasium.make(
        "sushi/Serve-v1", scenario=get_scenario("resnet50-steady").replace(queries=1)
    )
    with pytest.raises(ResetNeeded):
        env.unwrapped.step(np.array([0, 0]))
    env.reset(seed=0)
    assert env.step(np.array([0, 0]))[3]
    with pytest.raises(ResetNeeded, match="its episode is over"):
        env.step(np.array([0, 0]))


@pytest.mark.parametrize(
    "action", [np.array([0.5, 1.0]), np.array([0]), 3, np.array([[0, 0]]), "AB", None]
)
def test_nonsense_actions_are_refused(action):
    env = gymnasium.make("sushi/Serve-v1").unwrapped
    env.reset(seed=0)
    with pytest.raises(InputError, match="must be two integers"):
        env.step(action)


def test_info_holds_every_component_and_the_metrics_at_the_end():
    env = gymnasium.make(
        "sushi/Serve-v1", scenario=get_scenario("resnet50-steady").replace(queries=20)
    )
    _, info = env.reset(seed=0)
    total, truncated = 0.0, False
    while not truncated:
        assert not any(info[key] for key in METRIC_KEYS)
        _, reward, _, truncated, info = env.step(np.array([1, 2]))
        assert info["arrival_s"] <= info["start_s"] < info["finish_s"] <= info["free_s"]
        assert (info["subnet"], info["subgraph"]) == (1, 2)
        parts = sum(w * info[f"component_{n}"] for n, w in REWARD_PRESETS["tradeoff"].items())
        assert reward == pytest.approx(parts, abs=1e-6)
        total += float(reward)
    assert info["metric_reward"] == pytest.approx(total)
    assert metrics_in(info) == env.unwrapped._engine.metrics(0)  # type: ignore[attr-defined]


def test_vec_env_answers_as_sb3_expects():
    env = SushiVecEnv("resnet50-steady", 5)
    assert env.env_is_wrapped(Monitor) == [True] * 5
    assert env.get_attr("layout", [0, 3]) == [env.layout] * 2
    masks = env.env_method("action_masks", indices=[1])
    assert len(masks) == 1
    assert masks[0].shape == (22,)
    assert masks[0].all()
    env.seed(7)
    seeded = env.reset()
    assert (env.reset() != seeded).any()  # the seed counted once
    env.seed(7)
    assert (env.reset() == seeded).all()
    with pytest.raises(ValueError, match="share their attributes"):
        env.set_attr("anything", 1, indices=0)


def test_observations_are_not_overwritten_by_the_next_step():
    env = SushiVecEnv("resnet50-steady", 3)
    env.seed(0)
    first = env.reset()
    kept = first.copy()
    env.step(np.zeros((3, 2), dtype=np.int64))
    assert (first == kept).all()


def test_observations_stay_in_their_space():
    problem = compile_scenario(get_scenario("resnet50-starved").replace(load=1.2, queries=10**6))
    engine = Engine(problem, 32)
    engine.seed(np.arange(32, dtype=np.uint64))
    engine.reset()
    low, high = problem.layout.space.low, problem.layout.space.high
    for action in random_actions(400, 32, problem):
        engine.step(action)
        assert np.isfinite(engine.observation).all()
        assert (engine.observation >= low).all()
        assert (engine.observation <= high).all()


def test_the_number_of_environments_is_checked():
    with pytest.raises(InputError, match="number of environments = 0"):
        SushiVecEnv(num_envs=0)
