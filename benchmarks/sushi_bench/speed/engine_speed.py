"""Steps per second of the engine and of what it is compared with, measured side by side.

Every repeat runs all contenders, one after another, so that a noisy machine is unkind to all
of them; figures are the median and range over repeats. Actions are drawn beforehand. A step is
one decision of one environment, with its full observation.
"""

import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Protocol

import gymnasium as gym
import numpy as np

from sushi_agents import make_policy
from sushi_agents.policy import Policy
from sushi_bench.speed.python_twin import PythonTwin
from sushi_env import Engine, Problem, ServeEnv

ENGINE_SIZES = (1, 64, 1024, 16384)
ACTION_BATCHES = 16
CALLS_BETWEEN_CLOCKS = 64
POLICY = "policy "
"""Beginning of the names of contenders that are policies; a step is a decision."""


class Stepper(Protocol):
    """One call of a contender's step; a batch steps all its environments."""

    def __call__(self) -> None:
        """Steps once, and resets if an episode has ended."""
        ...


@dataclass(frozen=True)
class Contender:
    """Something whose speed is measured.

    Attributes:
        name: Key in the results.
        num_envs: Environments that one call steps.
        threads: Threads that it steps them with.
        step: The call.
    """

    name: str
    num_envs: int
    threads: int
    step: Stepper


@dataclass(frozen=True)
class Speed:
    """Steps per second over repeats, counting every environment."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, rates: list[float]) -> "Speed":
        """Median and range of rates."""
        return cls(statistics.median(rates), min(rates), max(rates))


def measure(
    contenders: list[Contender],
    repeats: int,
    seconds: float,
    on_progress: Callable[[], None] = lambda: None,
) -> list[Speed]:
    """Speeds of contenders, interleaved.

    Args:
        contenders: What to measure.
        repeats: Times that each is measured.
        seconds: How long each time.
        on_progress: Called after each measurement.

    Returns:
        A speed for each contender.
    """
    for contender in contenders:  # compiled, and in cache
        _rate(contender, seconds / 10)
    rates: list[list[float]] = [[] for _ in contenders]
    for _ in range(repeats):
        for contender, measured in zip(contenders, rates, strict=True):
            measured.append(_rate(contender, seconds))
            on_progress()
    return [Speed.of(measured) for measured in rates]


def _rate(contender: Contender, seconds: float) -> float:
    step = contender.step
    calls_at_once = max(CALLS_BETWEEN_CLOCKS // contender.num_envs, 1)
    calls, began = 0, time.perf_counter()
    while True:
        for _ in range(calls_at_once):
            step()
        calls += calls_at_once
        taken = time.perf_counter() - began
        if taken >= seconds:
            return calls * contender.num_envs / taken


def contenders(problem: Problem, threads: int) -> list[Contender]:
    """All contenders: the engine at several sizes, its interfaces, and its rivals.

    Stable-Baselines3's (extra `train`) and EnvPool's (extra `bench`) are left out if they are
    not installed.

    Args:
        problem: The compiled scenario.
        threads: Threads for the engine's second row of each size; 1 leaves it out.
    """
    counts = (1, threads) if threads > 1 else (1,)
    found = [_engine(problem, n, count) for n in ENGINE_SIZES for count in counts]
    made = gym.make("sushi/Serve-v1", scenario=problem.scenario)
    found += [
        _single("single_env", made),
        _single("single_env_unwrapped", ServeEnv(problem.scenario)),
        _twin(problem),
        _single("cartpole", gym.make("CartPole-v1")),
        _single("cartpole_unwrapped", gym.make("CartPole-v1").unwrapped),
    ]
    if find_spec("stable_baselines3"):
        found.append(_sb3(problem, 1024))
    if find_spec("envpool"):
        found.append(_envpool(1024))
    return found


def _actions(problem: Problem, n: int) -> list[np.ndarray]:
    sizes = [problem.table.num_subnets, problem.table.num_subgraphs]
    rng = np.random.default_rng(0)
    return [rng.integers(sizes, size=(n, 2)) for _ in range(ACTION_BATCHES)]


def _engine(problem: Problem, n: int, threads: int) -> Contender:
    engine = Engine(problem, n, threads)
    engine.seed(np.arange(n, dtype=np.uint64))
    engine.reset()
    actions, calls = _actions(problem, n), 0

    def step() -> None:
        nonlocal calls
        engine.step(actions[calls % ACTION_BATCHES], reset_over=True)
        calls += 1

    return Contender("engine", n, threads, step)


def _single(name: str, env: gym.Env) -> Contender:
    env.reset(seed=0)
    env.action_space.seed(0)
    actions, calls = [env.action_space.sample() for _ in range(1024)], 0

    def step() -> None:
        nonlocal calls
        _, _, terminated, truncated, _ = env.step(actions[calls % 1024])
        calls += 1
        if terminated or truncated:
            env.reset()

    return Contender(name, 1, 1, step)


def _twin(problem: Problem) -> Contender:
    twin = PythonTwin(problem)
    twin.reset(0)
    actions = [tuple(pair) for pair in _actions(problem, 64)[0].tolist()]
    calls = episode = 0

    def step() -> None:
        nonlocal calls, episode
        _, _, truncated, _ = twin.step(*actions[calls % 64])
        calls += 1
        if truncated:
            episode += 1
            twin.reset(0, episode)

    return Contender("python_twin", 1, 1, step)


def _sb3(problem: Problem, n: int) -> Contender:
    from sushi_env.sb3_vec_env import SushiVecEnv

    env = SushiVecEnv(problem.scenario, n)
    env.seed(0)
    env.reset()
    actions, calls = _actions(problem, n), 0

    def step() -> None:
        nonlocal calls
        env.step(actions[calls % ACTION_BATCHES])
        calls += 1

    return Contender("sb3_vecenv", n, 1, step)


def _envpool(n: int) -> Contender:
    import envpool  # type: ignore[import-not-found]

    with warnings.catch_warnings():  # of its own spaces, which nobody here can mend
        warnings.filterwarnings("ignore", r".*Box (low|high)'s precision lowered", UserWarning)
        env = envpool.make("CartPole-v1", env_type="gymnasium", num_envs=n, num_threads=1)
        env.reset()
    rng = np.random.default_rng(0)
    actions = [rng.integers(2, size=n).astype(np.int32) for _ in range(ACTION_BATCHES)]
    calls = 0

    def step() -> None:
        nonlocal calls
        env.step(actions[calls % ACTION_BATCHES])
        calls += 1

    return Contender("envpool_cartpole", n, 1, step)


def policy_contenders(problem: Problem, names: Sequence[str], n: int = 1024) -> list[Contender]:
    """Policies deciding for a batch, on observations that random actions came by.

    Args:
        problem: The compiled scenario.
        names: The policies; see `make_policy`.
        n: Environments per decision.
    """
    engine = Engine(problem, n)
    engine.seed(np.arange(n, dtype=np.uint64))
    engine.reset()
    seen = []
    for actions in _actions(problem, n):
        for _ in range(8):
            engine.step(actions, reset_over=True)
        seen.append(engine.observation.copy())
    return [_policy(name, make_policy(name, problem), seen) for name in names]


def _policy(name: str, policy: Policy, seen: list[np.ndarray]) -> Contender:
    n = len(seen[0])
    calls, state, starts = 0, None, np.zeros(n, dtype=np.bool_)

    def step() -> None:
        nonlocal calls, state
        _, state = policy.predict(seen[calls % len(seen)], state=state, episode_start=starts)
        calls += 1

    return Contender(f"{POLICY}{name}", n, 1, step)


def as_json(found: list[Contender], speeds: list[Speed]) -> dict[str, Any]:
    """The results by name; the engine's rows as a list, and the ratios that matter."""
    result: dict[str, Any] = {"engine": []}
    for contender, speed in zip(found, speeds, strict=True):
        if contender.name == "engine":
            row = {"n": contender.num_envs, "threads": contender.threads}
            result["engine"].append(row | {"steps_per_s": vars(speed)})
        elif contender.name.startswith(POLICY):
            result.setdefault("policies", {})[contender.name.removeprefix(POLICY)] = vars(speed)
        else:
            result[contender.name] = vars(speed)
    result["ratios"] = ratios(result)
    return result


def ratios(result: dict[str, Any]) -> dict[str, float]:
    """Medians over medians, of results as `as_json` gives them."""
    engine = {(r["n"], r["threads"]): r["steps_per_s"]["median"] for r in result["engine"]}
    batch = engine[1024, 1]
    found = {
        "engine_1024_over_python_twin": batch / result["python_twin"]["median"],
        "engine_1024_over_cartpole": batch / result["cartpole"]["median"],
        "single_env_over_cartpole": result["single_env"]["median"] / result["cartpole"]["median"],
        "engine_16384_over_1024": engine[16384, 1] / batch,
    }
    if "envpool_cartpole" in result:
        found["engine_1024_over_envpool_cartpole"] = batch / result["envpool_cartpole"]["median"]
    for (n, threads), median in engine.items():
        if threads > 1:
            found[f"engine_{n}_{threads}_threads_over_1"] = median / engine[n, 1]
    return found
