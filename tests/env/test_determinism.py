"""Same seed, same episode: whatever the batch, the thread, the process or the copy."""

import copy
import hashlib
import pickle
import subprocess
import sys

import numpy as np
import pytest

from sushi_env import Engine, Scenario, ServeEnv, compile_scenario, get_scenario

STEPS = 150
BURSTY = {"kind": "mmpp", "rates": [1, 6], "dwell_queries": [60, 20]}
SCENARIOS = {
    "poisson": get_scenario("resnet50-busy"),
    "mmpp": get_scenario("resnet50-busy").replace(arrivals=BURSTY),
    "gamma": get_scenario("resnet50-busy").replace(arrivals={"kind": "gamma", "scv": 3}),
    "diurnal": get_scenario("resnet50-busy").replace(arrivals={"kind": "diurnal"}),
    "jitter": get_scenario("resnet50-steady").replace(service_jitter=0.4, queries=400),
}


def action(step: int) -> tuple[int, int]:
    return step * 7 % 6, step * step % 16


def of_env(scenario: Scenario, seed: int) -> str:
    env = ServeEnv(scenario)
    seen, _ = env.reset(seed=seed)
    digest = hashlib.sha256(seen.tobytes())
    for step in range(STEPS):
        seen, reward, *_ = env.step(np.array(action(step)))
        digest.update(seen.tobytes() + np.float32(reward).tobytes())
    return digest.hexdigest()


def of_engine(engine: Engine, k: int) -> str:
    engine.reset()
    digest = hashlib.sha256(engine.observation[k].tobytes())
    for step in range(STEPS):
        engine.step(np.tile(np.array(action(step)), (engine.num_envs, 1)))
        digest.update(engine.observation[k].tobytes() + engine.reward[k].tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_same_bytes_in_any_batch_and_on_any_thread(name):
    scenario = SCENARIOS[name]
    problem = compile_scenario(scenario)
    expected = of_env(scenario, 1234)
    for n, threads, k in ((1, 1, 0), (7, 1, 3), (1024, 1, 1000), (4096, 2, 4095)):
        engine = Engine(problem, n, threads)
        assert engine.threads == threads
        engine.seed(np.arange(1234 - k, 1234 - k + n, dtype=np.int64).astype(np.uint64))
        assert of_engine(engine, k) == expected
        for _ in range(99):  # of other seeds, before the same again
            engine.reset(np.array([k]))
        engine.seed(np.full(n, 1234, dtype=np.uint64))
        assert of_engine(engine, k) == expected
    assert of_env(scenario, 1235) != expected


def test_a_fresh_process_plays_the_same_episode_as_ever():
    script = (
        "import sys; sys.path.insert(0, 'tests/env')\n"
        "import test_determinism as t\n"
        "print(t.of_env(t.SCENARIOS['mmpp'], 99))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == of_env(SCENARIOS["mmpp"], 99), done.stderr


PINNED = "bf85d762c674f584a8dd9bccb27abe91dc0522f1e087cddd9a16c1f669f79064"


def test_the_semantics_are_those_of_this_version():
    """A hash of an episode: if it changes, so do all published results."""
    assert of_env(SCENARIOS["poisson"], 7) == PINNED


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_go_on_alike_and_apart(duplicate):
    env = ServeEnv(SCENARIOS["jitter"])
    env.reset(seed=3)
    for step in range(20):
        env.step(np.array(action(step)))
    other = duplicate(env)
    untouched = env._engine.state.copy()
    theirs = [other.step(np.array(action(step))) for step in range(20, 60)]
    assert (env._engine.state == untouched).all()
    for step, expected in zip(range(20, 60), theirs, strict=True):
        seen, reward, *_ = env.step(np.array(action(step)))
        np.testing.assert_array_equal(seen, expected[0])
        assert reward == expected[1]
