"""Learning algorithms by name, their hyperparameters, and models on disk (extra `train`)."""

from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from stable_baselines3 import PPO
from stable_baselines3.common.base_class import BaseAlgorithm

from sushi_env import InputError, Problem

ALGORITHMS: dict[str, type[BaseAlgorithm]] = {"ppo": PPO}


def algorithm(name: str) -> type[BaseAlgorithm]:
    """The Stable-Baselines3 class called `name`.

    Raises:
        InputError: If there is no such algorithm.
    """
    if name not in ALGORITHMS:
        raise InputError(f"unknown algorithm {name!r}; known: {', '.join(ALGORITHMS)}")
    return ALGORITHMS[name]


def hyperparameters(name: str) -> dict[str, Any]:
    """The hyperparameters that come with the package: `n_envs`, and the algorithm's own."""
    algorithm(name)
    text = files("sushi_agents").joinpath("hyperparameters", f"{name}.yaml").read_text()
    return yaml.safe_load(text)


def load_model(path: Path, problem: Problem, trust: bool) -> BaseAlgorithm:
    """Loads a model that Stable-Baselines3 saved.

    Such a file holds pickles, and loading it can execute code.

    Args:
        path: The `.zip` file, named after its algorithm: `ppo.zip`, `ppo-best.zip`.
        problem: The scenario it shall schedule.
        trust: Whether the caller vouches for the file.

    Returns:
        The model.

    Raises:
        InputError: If `trust` is not given, the file is not a model, or its spaces are not the
            scenario's.
    """
    if not trust:
        raise InputError(
            f"model {path}: a Stable-Baselines3 file can execute code when it is loaded; "
            "pass --trust if you know where it comes from"
        )
    kind = algorithm(path.stem.split("-")[0])
    try:
        model = kind.load(path, device="cpu")
    except Exception as error:
        raise InputError(f"model {path}: cannot be loaded ({error})") from error
    expected, found = problem.layout.space.shape, model.observation_space.shape
    if expected != found:
        raise InputError(
            f"model {path}: observes {found}, but scenario {problem.scenario.name!r} shows "
            f"{expected}"
        )
    return model
