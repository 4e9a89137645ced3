"""Trains a scheduler with Stable-Baselines3 (extra `train`)."""

import json
import warnings
from collections.abc import Callable
from typing import Any

import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.logger import configure
from stable_baselines3.common.utils import set_random_seed
from stable_baselines3.common.vec_env import VecEnv

from sushi_accel.files.documents import write_atomically
from sushi_accel.files.reading import named
from sushi_agents.evaluation import EVALUATION_SEEDS
from sushi_agents.learning.algorithms import algorithm, make_model
from sushi_agents.learning.centred_env import CentredVecEnv
from sushi_agents.learning.checkpoints import load_checkpoint
from sushi_agents.learning.mixture_env import MixtureVecEnv
from sushi_agents.learning.run_folder import RUN, claim, holding
from sushi_agents.learning.training_run import SEEDS_PER_RUN, TrainingRun
from sushi_agents.learning.watching import Picture, Watch, save_model
from sushi_env import InputError, compile_scenario
from sushi_env.sb3_vec_env import SushiVecEnv


def train(
    run: TrainingRun,
    on_progress: Callable[[int, int], None] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    picture: Picture | None = None,
    on_evaluation: Callable[[int, float], bool] | None = None,
) -> BaseAlgorithm:
    """Trains a model, logging to TensorBoard and saving checkpoints, all in `run.out`.

    One thread computes, so that the same run gives the same weights on any number of cores. A
    run that was interrupted and resumed gives the weights of one that was not.

    Args:
        run: The run.
        on_progress: Called with steps done and to do.
        resume: Whether to continue from the checkpoint in the folder. The run may be longer than
            the checkpoint's; it is then the run that was longer from the beginning where nothing
            follows the share of steps done: a `learning_rate` that falls and the exploration of
            DQN and QR-DQN do, and start again from where the longer run would have them.
        overwrite: Whether a run that is in the folder may be removed.
        picture: Draws an episode of the policy, for TensorBoard.
        on_evaluation: Called with steps done and the mean reward of each evaluation; training
            ends if it returns False.

    Returns:
        The trained model, also saved at `run.model_path`.

    Raises:
        InputError: If the folder cannot be written, the hyperparameters are not the
            algorithm's, there is nothing to resume, another process trains into the folder, or
            a run that is there would be lost.
    """
    if overwrite and resume:
        raise InputError("a run is either continued (resume) or replaced (overwrite)")
    torch.set_num_threads(1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        first_seed = EVALUATION_SEEDS + run.seed * SEEDS_PER_RUN
        set_random_seed(first_seed)
        model = make_model(
            algorithm(run.algo),
            compile_scenario(run.scenario),
            _environments(run),
            run.settings,
            first_seed,
            run.learns_on,
        )
    with holding(run.out):
        remembered: dict[str, Any] = {}
        if resume:
            remembered = load_checkpoint(run, model)
        else:
            claim(run.out, (run.model_path.name,), overwrite)
        for warning in said:  # nothing is refused any more: now it may be said
            warnings.warn_explicit(
                warning.message, warning.category, warning.filename, warning.lineno
            )
        try:
            model.set_logger(configure(str(run.out), ["tensorboard"]))
            _write_description(run)
            watch = Watch(run, on_progress, picture, on_evaluation, remembered)
            left = run.steps - model.num_timesteps
            if left > 0 and not watch.stopped:
                model.learn(left, callback=watch, reset_num_timesteps=not resume)
            save_model(model, run.model_path)
        except OSError as error:  # TensorBoard's log: all else says what it could not write
            reason = error.strerror or type(error).__name__
            raise InputError(f"{named('folder', run.out)}: cannot be written ({reason})") from None
    return model


def _environments(run: TrainingRun) -> VecEnv:
    n, sharing = run.settings["n_envs"], run.settings["share_arrivals"]
    each = n // max(run.mixture, 1)
    if each % sharing:
        raise InputError(
            f"share_arrivals = {sharing}, must divide the {each} environments of a scenario"
        )
    if run.mixture:
        return MixtureVecEnv(run.trained_on(), n, sharing)
    kind = CentredVecEnv if run.settings["centre_rewards"] else SushiVecEnv
    return kind(run.scenario, n, sharing)


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
    path = run.out / RUN
    write_atomically(path, json.dumps(described, indent=2) + "\n", f"file {path}")
