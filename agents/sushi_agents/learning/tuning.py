"""Looks for better hyperparameters with Optuna (extra `tune`)."""

import multiprocessing
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import optuna
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import MaxTrialsCallback
from optuna.trial import TrialState

from sushi_accel.files.atomic import make_folder
from sushi_accel.files.documents import write_atomically
from sushi_accel.files.json_text import parse_json
from sushi_accel.files.reading import named, read_bytes
from sushi_accel.shown import plain
from sushi_agents.learning.algorithms import algorithm
from sushi_agents.learning.settings import Settings, hyperparameters
from sushi_agents.learning.training import train
from sushi_agents.learning.training_run import TrainingRun
from sushi_env import InputError, Scenario

ENDED = (TrialState.COMPLETE, TrialState.PRUNED)
JOURNAL = "study.journal"
MAX_JOURNAL_BYTES = 256 * 1024**2
STARTUP_TRIALS = 5
"""Trials before pruning begins."""


@dataclass(frozen=True)
class TuningRun:
    """What a search is determined by.

    Attributes:
        scenario: The scenario.
        algo: Name of the algorithm.
        trials: Trials to complete, those of earlier, interrupted searches in `out` included.
        steps: Environment steps per trial.
        seed: Seed of the search and of its trials.
        out: Folder for the study's journal, its trials and `best.yaml`.
        jobs: Processes; with more than one, which trial draws what depends on their timing.
    """

    scenario: Scenario
    algo: str
    trials: int
    steps: int
    seed: int
    out: Path
    jobs: int = 1

    def __post_init__(self) -> None:
        algorithm(self.algo)
        for key in ("trials", "steps", "jobs"):
            if getattr(self, key) < 1:
                raise InputError(f"{key} = {getattr(self, key)}, must be at least 1")


def tune(run: TuningRun, on_progress: Callable[[int, int], None] | None = None) -> Settings:
    """Searches, and writes the best hyperparameters to `run.out / "best.yaml"`.

    A trial trains from scratch; one that does worse than the median of the others at the same
    step is pruned. The journal in the folder makes a search resumable and shares it among
    processes.

    Args:
        run: The search.
        on_progress: Called with trials done and to do.

    Returns:
        The best hyperparameters.

    Raises:
        InputError: If the folder cannot be written, or it holds another search.
    """
    make_folder(run.out)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = _opened(run)
    what = {"scenario": run.scenario.digest, "algo": run.algo, "steps": run.steps}
    there = study.user_attrs
    for key, value in what.items():
        if there and there.get(key) != value:
            was, wanted = there.get(key), value
            if key == "scenario":
                was, wanted = there.get("named", "another"), f"{run.scenario.name} as it is now"
            where = named("folder", run.out)
            raise InputError(f"{where}: holds a search of {key} {plain(was)}, not of {wanted}")
    what["named"] = run.scenario.name
    for key, value in what.items():
        study.set_user_attr(key, value)
    if run.jobs == 1:
        _work(run, run.seed, on_progress)
    else:
        context = multiprocessing.get_context("spawn")
        workers = [context.Process(target=_work, args=(run, run.seed + n)) for n in range(run.jobs)]
        for worker in workers:
            worker.start()
        while any(worker.is_alive() for worker in workers):
            workers[0].join(0.5)
            if on_progress:
                on_progress(len(study.get_trials(states=ENDED)), run.trials)
    completed = study.get_trials(states=(TrialState.COMPLETE,))
    if not completed:
        raise InputError(f"folder {run.out}: no trial was completed")
    best = hyperparameters(
        algorithm(run.algo).name, run.scenario, changes=_settings(study.best_params)
    )
    text = yaml.safe_dump({"default": best}, sort_keys=False)
    header = (
        f"# Best of {len(study.get_trials(states=ENDED))} trials of {run.steps} steps on "
        f"{run.scenario.name}; mean reward {study.best_value:.6g}.\n"
    )
    write_atomically(run.out / "best.yaml", header + text, f"file {run.out / 'best.yaml'}")
    return best


def _opened(run: TuningRun) -> optuna.Study:
    """The study in the folder.

    Raises:
        InputError: If its journal is damaged.
    """
    path = run.out / JOURNAL
    where = named("journal", path)
    if os.path.lexists(path):  # even where it leads nowhere
        raw = read_bytes(path, where, MAX_JOURNAL_BYTES)
        lines = raw.split(b"\n")
        for number, line in enumerate(lines[:-1], 1):
            if not isinstance(parse_json(line, f"{where}, line {number}"), dict):
                raise InputError(f"{where}, line {number}: is no entry of a study")
        if lines[-1]:
            raise InputError(f"{where}, line {len(lines)}: is cut off; remove that line to go on")
    try:
        study = _study(run, run.seed)
        study.get_trials()
    except Exception as error:  # entries that are well-formed, but no study's
        raise InputError(f"{where}: is no study's ({plain(error)})") from None
    return study


def _study(run: TuningRun, seed: int) -> optuna.Study:
    journal = JournalStorage(JournalFileBackend(str(run.out / JOURNAL)))
    return optuna.create_study(
        study_name="sushi",
        storage=journal,
        direction="maximize",
        load_if_exists=True,
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS, n_warmup_steps=1),
    )


def _work(run: TuningRun, seed: int, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Takes trials until there are enough."""
    study = _study(run, seed)

    def report(study: optuna.Study, _: optuna.trial.FrozenTrial) -> None:
        if on_progress:
            on_progress(len(study.get_trials(states=ENDED)), run.trials)

    if len(study.get_trials(states=ENDED)) < run.trials:
        study.optimize(
            lambda trial: _try(run, trial),
            callbacks=[MaxTrialsCallback(run.trials, states=ENDED), report],
        )


def _try(run: TuningRun, trial: optuna.Trial) -> float:
    """Trains one suggestion; its best mean reward in evaluations."""
    scores: list[float] = []

    def on_evaluation(_: int, reward: float) -> bool:
        scores.append(reward)
        trial.report(reward, len(scores))
        return not trial.should_prune()

    suggested = TrainingRun(
        run.scenario,
        run.algo,
        run.steps,
        run.seed,
        run.out / f"trial-{trial.number}",
        evaluation_steps=max(run.steps // 10, 1),
        changes=_settings(_suggest(trial, algorithm(run.algo).name)),
    )
    train(suggested, overwrite=True, on_evaluation=on_evaluation)
    if trial.should_prune() and len(scores) < 10:
        raise optuna.TrialPruned
    return max(scores)


def _suggest(trial: optuna.Trial, algo: str) -> Settings:
    """Draws hyperparameters from the space of an algorithm."""
    drawn: Settings = {
        "rate": trial.suggest_float("rate", 1e-4, 5e-3, log=True),
        "gamma": trial.suggest_float("gamma", 0.85, 0.99),
    }
    if algo in ("dqn", "qrdqn"):
        for key, choices in (
            ("train_freq", [1, 4, 16]),
            ("target_update_interval", [50, 200, 1000]),
            ("batch_size", [128, 512, 2048]),
        ):
            drawn[key] = trial.suggest_categorical(key, choices)
        return drawn
    drawn["gae_lambda"] = trial.suggest_float("gae_lambda", 0.8, 1.0)
    drawn["ent_coef"] = trial.suggest_float("ent_coef", 1e-5, 1e-2, log=True)
    drawn["n_steps"] = trial.suggest_categorical("n_steps", [8, 16, 32, 64])
    if algo != "a2c":
        drawn["n_epochs"] = trial.suggest_int("n_epochs", 3, 12)
    return drawn


def _settings(drawn: Settings) -> Settings:
    """Suggestions as hyperparameters: the rate falls linearly."""
    return {
        **{key: value for key, value in drawn.items() if key != "rate"},
        "learning_rate": f"lin_{drawn['rate']!r}",
    }
