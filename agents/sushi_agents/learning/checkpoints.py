"""Everything that training continues from, in one file written atomically (extra `train`).

The file holds data only. Model and environments are built anew, as for a run that begins, and then
take over what changes while they learn: reading a stranger's file executes nothing.
"""

import inspect
import os
import random
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sushi_accel.files.reading import named
from sushi_accel.shown import plain, shown
from sushi_agents.learning.mixture_env import MixtureVecEnv
from sushi_agents.learning.plain_state import plain_attributes, read_state, write_state
from sushi_agents.learning.training_run import TrainingRun
from sushi_env import InputError
from sushi_env.sb3_vec_env import SushiVecEnv

FORMAT = "sushi-checkpoint/1"
MAX_BYTES = 256 * 1024**2
"""Beside the replay buffer, whose size the run says."""


def save_checkpoint(run: TrainingRun, model: BaseAlgorithm, watch: dict[str, Any]) -> None:
    """Saves a model between two rollouts, with its environments and all random states.

    Args:
        run: The run; one that differs cannot resume from here.
        model: The model.
        watch: State of the caller's own.

    Raises:
        InputError: If the file cannot be written.
    """
    replay = model.replay_buffer if isinstance(model, OffPolicyAlgorithm) else None
    contents = {
        "run": run.identity(),
        "scenario": run.scenario.model_dump(mode="json"),
        "watch": watch,
        "parameters": model.get_parameters(),
        "model": _progress(model),
        "environments": [_environment_state(env) for env in _environments(model)],
        "replay": None if replay is None else plain_attributes(replay),
        "actions": model.action_space.np_random.bit_generator.state,
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 (the one that Stable-Baselines3 draws from)
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state() if model.device.type == "cuda" else None,
    }
    path = run.checkpoint_path
    write_state(path, FORMAT, contents, named("checkpoint", path))


def load_checkpoint(run: TrainingRun, model: BaseAlgorithm) -> dict[str, Any]:
    """Puts a checkpoint into a model, its environments and the random states of this process.

    Args:
        run: The run; it may be longer than the checkpoint's.
        model: A model of the run that has learned nothing yet.

    Returns:
        The caller's state.

    Raises:
        InputError: If there is no checkpoint, it is damaged, or it is another run's.
    """
    path = run.checkpoint_path
    where = named("checkpoint", path)
    if not os.path.lexists(path):
        raise InputError(f"{where}: not there, so there is nothing to resume")
    replay = model.replay_buffer if isinstance(model, OffPolicyAlgorithm) else None
    arrays = {} if replay is None else plain_attributes(replay)
    kept = sum(value.nbytes for value in arrays.values() if isinstance(value, np.ndarray))
    contents = read_state(path, FORMAT, where, MAX_BYTES + kept)
    try:
        _check_same(contents, run, where)
        watch = dict(contents["watch"])
        model.set_parameters(contents["parameters"], device=model.device)
        _take_over(model, contents["model"], _progress(model))
        for env, state in zip(_environments(model), contents["environments"], strict=True):
            _restore_environment(env, state)
        if replay is not None:
            _take_over(replay, contents["replay"], arrays)
        model.action_space.np_random.bit_generator.state = contents["actions"]
        random.setstate(contents["python"])
        np.random.set_state(contents["numpy"])  # noqa: NPY002
        torch.set_rng_state(contents["torch"])
        if contents["cuda"] is not None and model.device.type == "cuda":
            torch.cuda.set_rng_state(contents["cuda"])
    except InputError:
        raise
    except Exception as error:  # what a stranger wrote may fail anywhere
        raise InputError(f"{where}: does not fit the run ({plain(error)})") from None
    return watch


def _check_same(contents: dict[str, Any], run: TrainingRun, where: str) -> None:
    for key, value in run.identity().items():
        was = contents["run"].get(key)
        if was == value or (key == "steps" and was < value):
            continue
        if key == "steps":
            raise InputError(f"{where}: is of a run of {was} steps, which cannot be cut to {value}")
        if key == "scenario":
            was, value = contents["scenario"], run.scenario.model_dump(mode="json")
        if isinstance(value, dict) and isinstance(was, dict):
            inner = next(k for k in {**value, **was} if value.get(k) != was.get(k))
            key, value, was = f"{key}.{inner}", value.get(inner), was.get(inner)
        raise InputError(f"{where}: is of a run with {key} = {shown(was)}, not {shown(value)}")


def _progress(model: BaseAlgorithm) -> dict[str, Any]:
    """What a model has besides its parameters and what it was built from."""
    given = inspect.signature(type(model).__init__).parameters
    return {name: value for name, value in plain_attributes(model).items() if name not in given}


def _take_over(thing: object, saved: dict[str, Any], own: dict[str, Any]) -> None:
    """Sets those attributes of an object that it has itself; arrays keep shape and type."""
    for name, old in own.items():
        new = saved[name]
        if hasattr(type(old), "_make"):  # a tuple with names
            new = type(old)._make(new)  # type: ignore[attr-defined]
        numbers = isinstance(old, int | float) and isinstance(new, int | float)
        if not (numbers or old is None or new is None) and type(new) is not type(old):
            raise ValueError(f"{name} is of another type")
        if isinstance(old, np.ndarray) and (
            not isinstance(new, np.ndarray) or (new.shape, new.dtype) != (old.shape, old.dtype)
        ):
            raise ValueError(f"{name} is of another shape")
        setattr(thing, name, new)


def _environments(model: BaseAlgorithm) -> list[SushiVecEnv]:
    assert model.env is not None
    inner: VecEnv = model.env.unwrapped
    found = inner.parts if isinstance(inner, MixtureVecEnv) else [inner]
    return [env for env in found if isinstance(env, SushiVecEnv)]


def _environment_state(env: SushiVecEnv) -> dict[str, Any]:
    engine = env._engine
    return {"batch": _own(env), "engine": _own(engine), "memory": engine._memory.own()}


def _own(thing: object) -> dict[str, Any]:
    """What environments and their engines count; the rest is as they were built."""
    return {name: value for name, value in plain_attributes(thing).items() if name[0] == "_"}


def _restore_environment(env: SushiVecEnv, state: dict[str, Any]) -> None:
    _take_over(env, state["batch"], _own(env))
    _take_over(env._engine, state["engine"], _own(env._engine))
    env._engine._memory.restore(state["memory"])
    env.reset_infos = [{} for _ in range(env.num_envs)]
