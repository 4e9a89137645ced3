"""Everything that training continues from, in one file written atomically (extra `train`).

The file is a pickle, read back only from the folder that the user resumes: a run's own.
"""

import io
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.off_policy_algorithm import OffPolicyAlgorithm
from stable_baselines3.common.vec_env import VecEnv

from sushi_agents.learning.algorithms import Algorithm, environments
from sushi_env import InputError

RECURRENT_STATE = "_last_lstm_states"
"""Where sb3-contrib's recurrent algorithms keep their memory from one rollout to the next."""


def save_checkpoint(
    path: Path, model: BaseAlgorithm, run: dict[str, Any], watch: dict[str, Any]
) -> None:
    """Saves a model between two rollouts, with its environments and all random states.

    Args:
        path: The file; written beside, then renamed.
        model: The model.
        run: What the run is determined by; a run that differs cannot resume from here.
        watch: State of the caller's own.
    """
    assert model.env is not None
    packed = io.BytesIO()
    model.save(packed)
    contents = {
        "run": run,
        "watch": watch,
        "model": packed.getvalue(),
        "env": model.env.unwrapped,  # its wrapper has no state, and cannot be pickled
        "replay": model.replay_buffer if isinstance(model, OffPolicyAlgorithm) else None,
        "memory": getattr(model, RECURRENT_STATE, None),
        "actions": model.action_space.np_random.bit_generator.state,
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002 (the one that Stable-Baselines3 draws from)
        "torch": torch.get_rng_state(),
    }
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        pickle.dump(contents, file)
    part.replace(path)


def load_checkpoint(
    path: Path, chosen: Algorithm, run: dict[str, Any]
) -> tuple[BaseAlgorithm, VecEnv, dict[str, Any]]:
    """Restores a checkpoint, random states of this process included.

    Args:
        path: The file.
        chosen: The run's algorithm.
        run: What the run is determined by.

    Returns:
        The model, its environments, and the caller's state.

    Raises:
        InputError: If there is no checkpoint, it is damaged, or it is another run's.
    """
    try:
        with path.open("rb") as file:
            contents = pickle.load(file)
        other = contents["run"]
    except FileNotFoundError:
        raise InputError(f"checkpoint {path}: not there, so there is nothing to resume") from None
    except Exception as error:
        raise InputError(f"checkpoint {path}: cannot be read ({error})") from None
    for key, value in run.items():
        if other.get(key) != value:
            raise InputError(
                f"checkpoint {path}: is of a run with {key} = {other.get(key)!r}, not {value!r}"
            )
    env = environments(chosen, contents["env"])
    model = chosen.kind.load(
        io.BytesIO(contents["model"]), env=env, device="cpu", force_reset=False
    )
    if contents["replay"] is not None:
        assert isinstance(model, OffPolicyAlgorithm)
        model.replay_buffer = contents["replay"]
    if contents["memory"] is not None:  # which loading sets to zero
        setattr(model, RECURRENT_STATE, contents["memory"])
    model.action_space.np_random.bit_generator.state = contents["actions"]  # loading seeds it
    random.setstate(contents["python"])
    np.random.set_state(contents["numpy"])  # noqa: NPY002
    torch.set_rng_state(contents["torch"])
    return model, env, contents["watch"]
