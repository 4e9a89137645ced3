"""What training costs and when it pays: the command as it ships beside CartPole (extra `train`).

`default` is `sushi_agents.learning.training.train` with the settings, network, evaluations,
checkpoints and logs that `sushi train` has. `mlp` and `cartpole` are Stable-Baselines3's PPO with
its `MlpPolicy` and 10 epochs, without any of these: on this scenario in a batch, and on CartPole as
people run it, in eight environments of a `DummyVecEnv` with batches of 64. The three alternate, so
that a noisy machine is unkind to all.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.logger import Logger
from stable_baselines3.common.vec_env import VecEnv

from sushi_agents import baseline_names, make_policy
from sushi_agents.evaluation import run_episodes
from sushi_agents.learning.lean_ppo import LeanPPO
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_agents.learning.watching import VALIDATION_SEED, Watch
from sushi_agents.network.planning import Planner
from sushi_bench.episodes.training_picture import training_picture
from sushi_bench.speed.engine_speed import Speed
from sushi_env import Problem
from sushi_env.sb3_vec_env import SushiVecEnv

NUM_ENVS, HORIZON, BATCH, EPOCHS = 1024, 16, 2048, 10
RIVAL_ENVS, RIVAL_HORIZON, RIVAL_BATCH = 8, 256, 64
RIVAL_ITERATIONS = 8
"""Iterations of CartPole a repeat: as many seconds as the others take, about."""
WARM_UP_STEPS = 20_000
PASSING_STEPS = 1_000_000
"""Steps after which a heuristic that has not been passed counts as unpassed."""
PASSING_INTERVAL = 20_000
"""Steps between evaluations when it is noted when heuristics are passed."""

CLOCKED = {
    "collecting": (LeanPPO, "collect_rollouts"),
    "features": (Planner, "__call__"),
    "updating": (LeanPPO, "train"),
    "evaluating": (Watch, "_evaluate"),
    "drawing": (Watch, "_draw"),
    "logging": (Logger, "dump"),
}
"""What each share of the time is spent in; `other` is checkpoints, models and what begins a run."""


class Shares:
    """Exclusive seconds of each of `CLOCKED`, while a training runs."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(CLOCKED, 0.0)
        self._running: list[str] = []
        self._since = 0.0

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Clocks the methods inside the block."""
        with ExitStack() as patches:
            for share, (owner, name) in CLOCKED.items():
                method = self._clocked(share, getattr(owner, name))
                patches.enter_context(patch.object(owner, name, method))
            yield

    def _clocked(self, share: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def clocked(*arguments: Any, **options: Any) -> Any:
            inside = self._running[-1:]
            if inside in (["evaluating"], ["drawing"]) and share != "drawing":
                # Its features and logs are part of it.
                return method(*arguments, **options)
            self._settle()
            self._running.append(share)
            try:
                return method(*arguments, **options)
            finally:
                self._settle()
                self._running.pop()

        return clocked

    def _settle(self) -> None:
        """Adds the time since the last change to what was running."""
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now

    def of(self, total: float) -> dict[str, float]:
        """Shares of so many seconds, `other` being the rest."""
        shares = {share: seconds / total for share, seconds in self.seconds.items()}
        return shares | {"other": 1 - sum(shares.values())}


def training_speed(
    problem: Problem,
    repeats: int,
    steps: int,
    threads: int | None = None,
    on_progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measures the three learners.

    Args:
        problem: The compiled scenario.
        repeats: Times that each is measured.
        steps: Steps of each training of `default`.
        threads: PyTorch's for `mlp` and `cartpole`; by default as many as it takes by itself.
            `default` chooses its own.
        on_progress: Called after each repeat.

    Returns:
        Under `default`, `mlp` and `cartpole`, `steps_per_s` (median), `lowest`, `highest` and
        `ratio_to_cartpole` (median of the repeats' own ratios); under `shares`, those of
        `default`'s time; and `threads`.
    """
    threads = threads or torch.get_num_threads()
    torch.set_num_threads(threads)
    mlp = _rival(SushiVecEnv(problem.scenario, NUM_ENVS), HORIZON, BATCH)
    cartpole = _rival(make_vec_env("CartPole-v1", RIVAL_ENVS), RIVAL_HORIZON, RIVAL_BATCH)
    shares, spent = Shares(), 0.0

    def default() -> float:
        nonlocal spent
        with shares.noted():
            seconds = _train(problem, steps)
        spent += seconds
        return steps / seconds

    contenders: dict[str, Callable[[], float]] = {
        "default": default,
        "mlp": lambda: _iterate(mlp, 1, threads),
        "cartpole": lambda: _iterate(cartpole, RIVAL_ITERATIONS, threads),
    }
    _train(problem, WARM_UP_STEPS)
    _iterate(mlp, 1, threads)
    _iterate(cartpole, 1, threads)
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, measured in contenders.items():
            rates[name].append(measured())
        on_progress()
    found: dict[str, Any] = {}
    for name, each in rates.items():
        speed = Speed.of(each)
        ratios = [own / rival for own, rival in zip(each, rates["cartpole"], strict=True)]
        found[name] = {
            "steps_per_s": speed.median,
            "lowest": speed.min,
            "highest": speed.max,
            "ratio_to_cartpole": statistics.median(ratios),
        }
    return found | {"shares": shares.of(spent), "threads": threads}


def seconds_to_pass(
    problem: Problem, episodes: int = 20, on_progress: Callable[[int, int], None] | None = None
) -> dict[str, float | None]:
    """Seconds of training until the agent's reward is above each heuristic's.

    Both are scored on the same validation seeds. The clock runs from the start of the training,
    evaluations included, and stops when all are passed, at the latest after `PASSING_STEPS`.

    Args:
        problem: The compiled scenario.
        episodes: Episodes that they are compared on.
        on_progress: Called with steps done and to do.

    Returns:
        Seconds by heuristic; None where it is not passed.
    """
    rewards = {
        name: statistics.fmean(
            metrics.reward
            for metrics in run_episodes(
                problem, make_policy(name, problem), episodes, VALIDATION_SEED, name
            )
        )
        for name in baseline_names(problem)
    }
    passed: dict[str, float | None] = dict.fromkeys(rewards)
    began = time.perf_counter()

    def note(_: int, reward: float) -> bool:
        for name, theirs in rewards.items():
            if passed[name] is None and reward > theirs:
                passed[name] = time.perf_counter() - began
        return None in passed.values()

    with TemporaryDirectory() as folder:
        run = TrainingRun(
            problem.scenario,
            "ppo",
            PASSING_STEPS,
            0,
            Path(folder),
            evaluation_steps=PASSING_INTERVAL,
            evaluation_episodes=episodes,
        )
        train(run, on_progress, on_evaluation=note)
    return passed


def _train(problem: Problem, steps: int) -> float:
    """Seconds of a training as it ships."""
    with TemporaryDirectory() as folder:
        began = time.perf_counter()
        run = TrainingRun(problem.scenario, "ppo", steps, 0, Path(folder))
        train(run, picture=training_picture())
        return time.perf_counter() - began


def _rival(env: VecEnv, horizon: int, batch: int) -> PPO:
    return PPO(
        "MlpPolicy", env, n_steps=horizon, batch_size=batch, n_epochs=EPOCHS, seed=0, device="cpu"
    )


def _iterate(model: PPO, iterations: int, threads: int) -> float:
    """Steps per second of rollouts, and of the learning from them."""
    torch.set_num_threads(threads)  # `train` has set its own
    steps = iterations * model.n_steps * model.n_envs
    began = time.perf_counter()
    model.learn(steps, reset_num_timesteps=False)
    return steps / (time.perf_counter() - began)
