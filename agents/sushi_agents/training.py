"""Trains a scheduler with Stable-Baselines3 (extra `train`)."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.logger import configure
from stable_baselines3.common.utils import set_random_seed

from sushi_agents.algorithms import algorithm, hyperparameters
from sushi_agents.evaluation import EVALUATION_SEEDS
from sushi_env import EpisodeMetrics, InputError, Scenario
from sushi_env.sb3_vec_env import SushiVecEnv

SEEDS_PER_RUN = 2**16
MAX_RUN_SEED = (2**32 - EVALUATION_SEEDS) // SEEDS_PER_RUN - 1

LOGGED = (
    "utility",
    "goodput_accuracy",
    "slo_attainment",
    "served_accuracy",
    "latency_p99_s",
    "drop_rate",
    "cache_hit_ratio",
)


@dataclass(frozen=True)
class TrainingRun:
    """What a training run is determined by.

    Attributes:
        scenario: The scenario.
        algo: Name of the algorithm.
        steps: Environment steps, all environments together.
        seed: Seed of the run; its environments get seeds that no evaluation uses.
        out: Folder for logs, checkpoints and the model.
        checkpoint_steps: Steps from one checkpoint to the next.
    """

    scenario: Scenario
    algo: str
    steps: int
    seed: int
    out: Path
    checkpoint_steps: int = 100_000

    def __post_init__(self) -> None:
        algorithm(self.algo)
        if self.steps < 1 or self.checkpoint_steps < 1:
            raise InputError(f"steps = {self.steps}, must be at least 1")
        if not 0 <= self.seed <= MAX_RUN_SEED:
            raise InputError(f"seed = {self.seed}, must be in 0..{MAX_RUN_SEED}")

    @property
    def model_path(self) -> Path:
        """Where the trained model is saved."""
        return self.out / f"{self.algo}.zip"


def train(run: TrainingRun, on_progress: Callable[[int, int], None] | None = None) -> BaseAlgorithm:
    """Trains a model, logging to TensorBoard and saving checkpoints, all in `run.out`.

    Args:
        run: The run.
        on_progress: Called with steps done and to do.

    Returns:
        The trained model, also saved at `run.model_path`.

    Raises:
        InputError: If the folder cannot be written.
    """
    settings = hyperparameters(run.algo)
    env = SushiVecEnv(run.scenario, settings.pop("n_envs"))
    first_seed = EVALUATION_SEEDS + run.seed * SEEDS_PER_RUN
    set_random_seed(first_seed)
    model = algorithm(run.algo)("MlpPolicy", env, seed=first_seed, device="cpu", **settings)
    try:
        run.out.mkdir(parents=True, exist_ok=True)
        model.set_logger(configure(str(run.out), ["tensorboard"]))
        _write_description(run)
    except OSError as error:
        raise InputError(f"folder {run.out}: cannot be written ({error.strerror})") from None
    watch = _Watch(run, on_progress)
    try:
        model.learn(run.steps, callback=watch)
    finally:  # Ctrl-C loses nothing that was learned
        save_model(model, run.model_path)
    return model


def save_model(model: BaseAlgorithm, path: Path) -> None:
    """Saves a model atomically: beside `path` first, then renamed."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        model.save(file)
    part.replace(path)


def _write_description(run: TrainingRun) -> None:
    """Writes what the run was made from, so that a folder of runs explains itself."""
    described = asdict(run) | {
        "scenario": run.scenario.model_dump(mode="json"),
        "scenario_digest": run.scenario.digest,
        "out": run.out.name,
        "hyperparameters": hyperparameters(run.algo),
    }
    part = run.out / "run.json.part"
    part.write_text(json.dumps(described, indent=2) + "\n")
    part.replace(run.out / "run.json")


class _Watch(BaseCallback):
    """Logs the serving metrics of finished episodes, saves checkpoints, reports progress."""

    def __init__(self, run: TrainingRun, on_progress: Callable[[int, int], None] | None):
        super().__init__()
        self.run = run
        self.on_progress = on_progress
        self.finished: list[EpisodeMetrics] = []
        self.next_checkpoint = run.checkpoint_steps

    def _on_step(self) -> bool:
        dones = self.locals["dones"]
        if dones.any():
            infos = self.locals["infos"]
            self.finished += [EpisodeMetrics(**infos[k]["metrics"]) for k in dones.nonzero()[0]]
        if self.on_progress:
            self.on_progress(min(self.num_timesteps, self.run.steps), self.run.steps)
        return True

    def _on_rollout_end(self) -> None:
        for name in LOGGED if self.finished else ():
            values = [getattr(metrics, name) for metrics in self.finished]
            self.logger.record(f"serving/{name}", sum(values) / len(values))
        self.finished.clear()
        if self.num_timesteps >= self.next_checkpoint:
            save_model(self.model, self.run.out / f"{self.run.algo}-checkpoint.zip")
            self.next_checkpoint = self.num_timesteps + self.run.checkpoint_steps
