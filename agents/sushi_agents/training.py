"""Trains a scheduler with Stable-Baselines3 (extra `train`)."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import configure
from stable_baselines3.common.utils import set_random_seed

from sushi_accel.documents import write_atomically
from sushi_agents.algorithms import algorithm, make_model
from sushi_agents.centred_env import CentredVecEnv
from sushi_agents.checkpoints import load_checkpoint
from sushi_agents.evaluation import EVALUATION_SEEDS
from sushi_agents.settings import Settings, hyperparameters
from sushi_agents.watching import Picture, Watch, save_model
from sushi_env import InputError, Scenario, compile_scenario
from sushi_env.sb3_vec_env import SushiVecEnv

SEEDS_PER_RUN = 2**16
MAX_RUN_SEED = (2**32 - EVALUATION_SEEDS) // SEEDS_PER_RUN - 1


@dataclass(frozen=True)
class TrainingRun:
    """What a training run is determined by, and how it is watched.

    Attributes:
        scenario: The scenario.
        algo: Name of the algorithm.
        steps: Environment steps, all environments together.
        seed: Seed of the run; its environments get seeds that no evaluation uses.
        out: Folder for logs, checkpoints and models.
        checkpoint_steps: Steps from one checkpoint to the next.
        evaluation_steps: Steps from one evaluation to the next; None: a tenth of `steps`.
        evaluation_episodes: Episodes per evaluation, on seeds that are not trained on.
        patience: Evaluations without a better score after which training stops; None: never.
        hyperparameter_file: Hyperparameters, in place of those that come with the package.
        changes: Hyperparameters that replace the file's.
    """

    scenario: Scenario
    algo: str
    steps: int
    seed: int
    out: Path
    checkpoint_steps: int = 100_000
    evaluation_steps: int | None = None
    evaluation_episodes: int = 20
    patience: int | None = None
    hyperparameter_file: Path | None = None
    changes: Settings = field(default_factory=dict)

    def __post_init__(self) -> None:
        algorithm(self.algo)
        for key in ("steps", "checkpoint_steps", "evaluation_steps", "evaluation_episodes"):
            if (value := getattr(self, key)) is not None and value < 1:
                raise InputError(f"{key} = {value}, must be at least 1")
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience = {self.patience}, must be at least 1")
        if not 0 <= self.seed <= MAX_RUN_SEED:
            raise InputError(f"seed = {self.seed}, must be in 0..{MAX_RUN_SEED}")

    @property
    def settings(self) -> Settings:
        """The hyperparameters.

        Raises:
            InputError: If the file or a value is not usable.
        """
        name = algorithm(self.algo).name
        return hyperparameters(name, self.scenario, self.hyperparameter_file, self.changes)

    @property
    def model_path(self) -> Path:
        """Where the trained model is saved."""
        return self.out / f"{algorithm(self.algo).name}.zip"

    @property
    def best_path(self) -> Path:
        """Where the model of the best evaluation is saved."""
        return self.out / f"{algorithm(self.algo).name}-best.zip"

    @property
    def agent_path(self) -> Path:
        """Where the best model's network is saved, if it is a `QueueNetwork`; see `learned`."""
        return self.out / "agent.json"

    @property
    def checkpoint_path(self) -> Path:
        """Where training continues from."""
        return self.out / "checkpoint.pkl"

    def identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be continued."""
        return {
            "scenario": self.scenario.digest,
            "algo": algorithm(self.algo).name,
            "steps": self.steps,
            "seed": self.seed,
            "hyperparameters": self.settings,
        }


def train(
    run: TrainingRun,
    on_progress: Callable[[int, int], None] | None = None,
    resume: bool = False,
    picture: Picture | None = None,
) -> BaseAlgorithm:
    """Trains a model, logging to TensorBoard and saving checkpoints, all in `run.out`.

    One thread computes, so that the same run gives the same weights on any number of cores. A
    run that was interrupted and resumed gives the weights of one that was not.

    Args:
        run: The run.
        on_progress: Called with steps done and to do.
        resume: Whether to continue from the checkpoint in the folder.
        picture: Draws an episode of the policy, for TensorBoard.

    Returns:
        The trained model, also saved at `run.model_path`.

    Raises:
        InputError: If the folder cannot be written, the hyperparameters are not the
            algorithm's, or there is nothing to resume.
    """
    chosen, settings = algorithm(run.algo), run.settings
    problem = compile_scenario(run.scenario)
    torch.set_num_threads(1)
    first_seed = EVALUATION_SEEDS + run.seed * SEEDS_PER_RUN
    remembered: dict[str, Any] = {}
    if resume:
        model, _, remembered = load_checkpoint(run.checkpoint_path, chosen, run.identity())
    else:
        set_random_seed(first_seed)
        kind = CentredVecEnv if settings["centre_rewards"] else SushiVecEnv
        env = kind(run.scenario, settings["n_envs"])
        model = make_model(chosen, problem, env, settings, first_seed)
    try:
        run.out.mkdir(parents=True, exist_ok=True)
        model.set_logger(configure(str(run.out), ["tensorboard"]))
    except OSError as error:
        raise InputError(f"folder {run.out}: cannot be written ({error.strerror})") from None
    _write_description(run)
    watch = Watch(run, problem, on_progress, picture, remembered)
    left = run.steps - model.num_timesteps
    if left > 0 and not watch.stopped:
        model.learn(left, callback=watch, reset_num_timesteps=not resume)
    save_model(model, run.model_path)
    return model


def _write_description(run: TrainingRun) -> None:
    """Writes what the run was made from, so that a folder of runs explains itself."""
    described = run.identity() | {
        "scenario": run.scenario.model_dump(mode="json"),
        "scenario_digest": run.scenario.digest,
        "checkpoint_steps": run.checkpoint_steps,
        "evaluation_steps": run.evaluation_steps,
        "evaluation_episodes": run.evaluation_episodes,
        "patience": run.patience,
    }
    path = run.out / "run.json"
    write_atomically(path, json.dumps(described, indent=2) + "\n", f"file {path}")
