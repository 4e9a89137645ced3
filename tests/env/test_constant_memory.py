"""An episode takes the same memory however long it is and whatever arrives."""

import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from chosen import BURSTY, TRACE
from sushi_env import Engine, Scenario, ServeEnv, compile_scenario, get_scenario
from sushi_env.engine.engine import RolloutPolicy

MILLION = 1_000_000
STATM = Path("/proc/self/statm")

BUSY = get_scenario("resnet50-busy")
SCENARIOS = {
    "poisson": BUSY,
    "gamma, jitter": BUSY.replace(arrivals={"kind": "gamma", "scv": 3}, service_jitter=0.3),
    "mmpp": get_scenario(BURSTY),
    "trace": get_scenario(TRACE),
    "overload": BUSY.replace(load=2.0, admission="drop_hopeless", regime_queries=2),
    "closed loop": BUSY.replace(load=None, arrivals={"kind": "closed_loop"}),
}
each = pytest.mark.parametrize("name", SCENARIOS)


def started(scenario: Scenario, queries: int, num_envs: int = 1) -> Engine:
    engine = Engine(compile_scenario(scenario.replace(queries=queries)), num_envs)
    engine.seed(np.arange(num_envs, dtype=np.uint64))
    engine.reset()
    return engine


def held(engine: Engine) -> dict[str, int]:
    """Bytes of every array of the engine; the kernel has no others."""
    return {name: array.nbytes for name, array in engine._memory.arrays._asdict().items()}


def resident_bytes() -> int:
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@each
def test_an_engine_is_as_large_for_a_billion_queries_as_for_ten(name):
    few, many = (held(started(SCENARIOS[name], queries, 3)) for queries in (10, 10**9))
    assert few == many
    shared = held(started(SCENARIOS[name], 10))
    assert sum(few.values()) - sum(shared.values()) < 2 * 10_000  # bytes of two environments


@each
def test_a_million_queries_take_no_more_memory_than_a_few(name):
    """What Python and NumPy allocate, and what the process holds, the kernel's own included."""
    if not STATM.exists():
        pytest.skip(f"the process's memory cannot be read: no {STATM}")
    engine = started(SCENARIOS[name], MILLION)
    before = held(engine)
    policy: RolloutPolicy = "fastest-above-floor"
    assert engine.rollout(policy, 10_000) == 10_000
    resident = resident_bytes()
    tracemalloc.start()
    engine.rollout(policy, 2 * MILLION)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert engine.truncated[0]
    assert engine.state["served"][0] + engine.state["dropped"][0] == MILLION
    assert peak < 100_000
    assert resident_bytes() - resident < MILLION  # a byte per query would show
    assert held(engine) == before


def test_stepping_through_gymnasium_keeps_nothing_of_what_is_past():
    env = ServeEnv(BUSY.replace(queries=10**9))
    env.reset(seed=0)
    action = np.array([0, 3])
    for _ in range(100):
        env.step(action)
    tracemalloc.start()
    for _ in range(5000):
        env.step(action)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000


def test_episode_after_episode_takes_no_more_memory():
    engine = started(BUSY, 50, num_envs=64)
    tracemalloc.start()
    for _ in range(300):
        engine.rollout("random", 50)
        assert engine.truncated.all()
        engine.reset()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 20_000
