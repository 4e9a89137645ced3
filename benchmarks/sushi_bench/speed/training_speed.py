"""Training steps per second: PPO on the batch beside PPO on CartPole (extra `train`).

Both are Stable-Baselines3's, with its `MlpPolicy` and 10 epochs; CartPole runs as people run it,
in eight environments of a `DummyVecEnv` with batches of 64. Iterations alternate, so that a noisy
machine is unkind to both.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from stable_baselines3 import PPO
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecEnv, VecEnvWrapper

from sushi_bench.speed.engine_speed import Speed
from sushi_env import Problem
from sushi_env.sb3_vec_env import SushiVecEnv

NUM_ENVS, HORIZON, BATCH, EPOCHS = 1024, 16, 2048, 10
RIVAL_ENVS, RIVAL_HORIZON, RIVAL_BATCH = 8, 256, 64


class Clocked(VecEnvWrapper):
    """Counts the seconds that stepping takes."""

    def __init__(self, venv: VecEnv):
        super().__init__(venv)
        self.seconds = 0.0

    def reset(self) -> Any:
        """As the environment's."""
        return self.venv.reset()

    def step_async(self, actions: Any) -> None:
        """As the environment's."""
        began = time.perf_counter()
        self.venv.step_async(actions)
        self.seconds += time.perf_counter() - began

    def step_wait(self) -> Any:
        """As the environment's."""
        began = time.perf_counter()
        stepped = self.venv.step_wait()
        self.seconds += time.perf_counter() - began
        return stepped


class _Phases(BaseCallback):
    """Notes when rollouts begin and end."""

    def __init__(self) -> None:
        super().__init__()
        self.rollout = self._began = 0.0

    def _on_rollout_start(self) -> None:
        self._began = time.perf_counter()

    def _on_rollout_end(self) -> None:
        self.rollout += time.perf_counter() - self._began

    def _on_step(self) -> bool:
        return True


@dataclass
class Trainer:
    """A learner, and where the time of its iterations went.

    Attributes:
        model: The learner.
        env: Its environments.
        rates: Environment steps per second, of each iteration.
        stepping: Share of each iteration spent in the environments.
        acting: Share spent in rollouts but not in the environments.
    """

    model: PPO
    env: Clocked
    rates: list[float] = field(default_factory=list)
    stepping: list[float] = field(default_factory=list)
    acting: list[float] = field(default_factory=list)

    def iterate(self, noted: bool = True) -> None:
        """One rollout, and the learning from it."""
        phases, before = _Phases(), self.env.seconds
        steps = self.model.n_steps * self.env.num_envs
        began = time.perf_counter()
        self.model.learn(steps, callback=phases, reset_num_timesteps=False)
        taken = time.perf_counter() - began
        if noted:
            stepping = self.env.seconds - before
            self.rates.append(steps / taken)
            self.stepping.append(stepping / taken)
            self.acting.append((phases.rollout - stepping) / taken)

    def as_json(self) -> dict[str, Any]:
        """Rates and shares, each as median and range."""
        return {
            "steps_per_s": vars(Speed.of(self.rates)),
            "share_stepping": vars(Speed.of(self.stepping)),
            "share_acting": vars(Speed.of(self.acting)),
        }


def training_speed(
    problem: Problem,
    repeats: int,
    threads: int | None = None,
    on_progress: Callable[[], None] = lambda: None,
) -> dict[str, Any]:
    """Measures both learners.

    Args:
        problem: The compiled scenario.
        repeats: Iterations of each.
        threads: PyTorch's, for both; by default as many as it takes by itself.
        on_progress: Called after each iteration of both.

    Returns:
        Under `sushi` and `cartpole`, what `Trainer.as_json` gives; `threads`; and `ratio`, of
        medians.
    """
    if threads is not None:
        torch.set_num_threads(threads)
    ours, rival = (
        _trainer(SushiVecEnv(problem.scenario, NUM_ENVS), HORIZON, BATCH),
        _trainer(make_vec_env("CartPole-v1", RIVAL_ENVS), RIVAL_HORIZON, RIVAL_BATCH),
    )
    for trainer in (ours, rival):
        trainer.iterate(noted=False)
    for _ in range(repeats):
        ours.iterate()
        rival.iterate()
        on_progress()
    found = {"sushi": ours.as_json(), "cartpole": rival.as_json()}
    rates = [found[name]["steps_per_s"]["median"] for name in ("sushi", "cartpole")]
    return found | {"threads": torch.get_num_threads(), "ratio": rates[0] / rates[1]}


def _trainer(env: VecEnv, horizon: int, batch: int) -> Trainer:
    clocked = Clocked(env)
    model = PPO(
        "MlpPolicy", clocked, n_steps=horizon, batch_size=batch, n_epochs=EPOCHS, seed=0,
        device="cpu",
    )  # fmt: skip
    return Trainer(model, clocked)
