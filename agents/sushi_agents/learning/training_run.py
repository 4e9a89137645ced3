"""What a training run is determined by, and where it keeps what."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from sushi_accel.shown import shown
from sushi_agents.evaluation import EVALUATION_SEEDS
from sushi_agents.learning.algorithms import algorithm
from sushi_agents.learning.mixture import draw_mixture
from sushi_agents.learning.run_folder import CHECKPOINT
from sushi_agents.learning.settings import Settings, hyperparameters
from sushi_env import InputError, Problem, Scenario, compile_scenario

DEVICES = ("cpu", "cuda", "auto")
SEEDS_PER_RUN = 2**16
MAX_RUN_SEED = (2**32 - EVALUATION_SEEDS) // SEEDS_PER_RUN - 1
EVALUATION_STEPS = 350_000
"""Least steps from one evaluation to the next, unless told: an evaluation takes as long as some
13,000 steps, so that all together are a twenty-fifth of the time."""
VALIDATION_SCENARIOS = 10
VALIDATION_MIXTURE = 2**32
"""Seed of the scenarios that a mixture is validated on; no run's own."""


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
        evaluation_steps: Steps from one evaluation to the next; None: a tenth of
            `steps`, but at least `EVALUATION_STEPS`.
        evaluation_episodes: Episodes per evaluation, on seeds that are not trained on.
        patience: Evaluations without a better score after which training stops; None: never.
        hyperparameter_file: Hyperparameters, in place of those that come with the package.
        changes: Hyperparameters that replace the file's.
        mixture: Scenarios, drawn at random around `scenario`, to train on in its place; 0: none.
        device: What learns: `cpu`, `cuda`, or `auto`, a card if there is one.
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
    mixture: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        algorithm(self.algo)
        if self.device not in DEVICES:
            raise InputError(f"device = {shown(self.device)}, must be one of {', '.join(DEVICES)}")
        if self.device == "cuda" and not torch.cuda.is_available():
            raise InputError("device = 'cuda': PyTorch finds no card here; use cpu or auto")
        for key in ("steps", "checkpoint_steps", "evaluation_steps", "evaluation_episodes"):
            if (value := getattr(self, key)) is not None and value < 1:
                raise InputError(f"{key} = {value}, must be at least 1")
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience = {self.patience}, must be at least 1")
        if not 0 <= self.seed <= MAX_RUN_SEED:
            raise InputError(f"seed = {self.seed}, must be in 0..{MAX_RUN_SEED}")

    @property
    def learns_on(self) -> str:
        """The device, `auto` decided."""
        found = "cuda" if torch.cuda.is_available() else "cpu"
        return found if self.device == "auto" else self.device

    def trained_on(self) -> list[Problem]:
        """The compiled scenarios that it trains on.

        Raises:
            InputError: If the mixture cannot be drawn.
        """
        if self.mixture:
            return draw_mixture(self.scenario, self.mixture, self.seed)
        return [compile_scenario(self.scenario)]

    def validated_on(self) -> list[Problem]:
        """The compiled scenarios that choose the best weights: for a mixture, others like it."""
        if self.mixture:
            return draw_mixture(self.scenario, VALIDATION_SCENARIOS, VALIDATION_MIXTURE)
        return [compile_scenario(self.scenario)]

    @property
    def settings(self) -> Settings:
        """The hyperparameters.

        Raises:
            InputError: If the file or a value is not usable.
        """
        name = algorithm(self.algo).name
        return hyperparameters(
            name, self.scenario, self.hyperparameter_file, self.changes, self.mixture > 0
        )

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
        return self.out / CHECKPOINT

    def identity(self) -> dict[str, Any]:
        """What must be the same for a checkpoint to be continued."""
        return {
            "scenario": self.scenario.digest,
            "algo": algorithm(self.algo).name,
            "steps": self.steps,
            "seed": self.seed,
            "hyperparameters": self.settings,
            "mixture": self.mixture,
        }
