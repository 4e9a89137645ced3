"""Episodes of any policy as a Minari dataset, to learn from offline (extra `record`)."""

import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gymnasium
import numpy as np
from numpy.typing import NDArray

from sushi_agents.evaluation import EVALUATION_SEEDS, Play
from sushi_agents.policy import Policy
from sushi_env import InputError, Problem, __version__, get_scenario, scenario_names

SEEDS_PER_DATASET = 2**16
MAX_DATASET_SEED = (2**32 - EVALUATION_SEEDS) // SEEDS_PER_DATASET - 1
ID = re.compile(r"[-\w]+-v\d+")
"""What Minari takes as the ID of a dataset, without a namespace."""


@dataclass
class RecordedEpisode:
    """What a policy saw, did and got in one episode of T steps.

    Attributes:
        seed: Seed that `reset` gets to see the same episode.
        observations: T + 1 of them, the one after the last step included.
        actions: T pairs of SubNet and SubGraph.
        rewards: T numbers.
    """

    seed: int
    observations: list[NDArray[np.float32]] = field(default_factory=list)
    actions: list[NDArray[np.int64]] = field(default_factory=list)
    rewards: list[float] = field(default_factory=list)


def dataset_path(out: str | Path) -> Path:
    """Checks where a dataset shall go, before any work is done.

    Raises:
        InputError: If the last part is not a Minari ID, something is there, or Minari is not.
    """
    path = Path(out)
    if not ID.fullmatch(path.name):
        raise InputError(
            f"dataset {out}: must end in a Minari ID such as steady-slackfit-v0, is {path.name!r}"
        )
    if path.exists():
        raise InputError(f"dataset {out}: is there already; a new version needs a new -v number")
    try:
        import h5py  # noqa: F401
        import minari  # noqa: F401
    except ModuleNotFoundError as error:
        raise InputError(f"datasets need {error.name!r}: pip install 'sushi-env[record]'") from None
    return path


def recorded_episodes(
    problem: Problem,
    policy: Policy,
    episodes: int,
    seed: int = 0,
    name: str = "policy",
    on_progress: Callable[[int], None] | None = None,
) -> list[RecordedEpisode]:
    """Runs a policy on the first episode of each of a dataset's seeds, side by side.

    The seeds are those that training uses, never those of an evaluation.

    Args:
        problem: The compiled scenario.
        policy: The policy.
        episodes: Number of episodes.
        seed: Seed of the dataset.
        name: Name of the policy, for messages.
        on_progress: Called with the number of episodes that are over.

    Raises:
        InputError: If a number is out of range.
        PolicyError: If the policy raises or returns what is not an action.
    """
    if not 1 <= episodes <= SEEDS_PER_DATASET:
        raise InputError(f"episodes = {episodes}, must be in 1..{SEEDS_PER_DATASET}")
    if not 0 <= seed <= MAX_DATASET_SEED:
        raise InputError(f"seed = {seed}, must be in 0..{MAX_DATASET_SEED}")
    first = EVALUATION_SEEDS + seed * SEEDS_PER_DATASET
    found = [RecordedEpisode(first + k) for k in range(episodes)]
    play = Play(problem, policy, [episode.seed for episode in found], name)
    engine = play.engine
    while play.running.any():
        running, seen = np.flatnonzero(play.running).tolist(), engine.observation.copy()
        actions = play.step()
        for k in running:
            found[k].observations.append(seen[k])
            found[k].actions.append(actions[k].copy())
            found[k].rewards.append(engine.reward[k].item())
            if engine.truncated[k]:
                found[k].observations.append(engine.observation[k].copy())
        if on_progress:
            on_progress(int(episodes - play.running.sum()))
    return found


def write_dataset(
    path: Path, problem: Problem, episodes: list[RecordedEpisode], policy: str
) -> None:
    """Writes episodes as a Minari dataset, in one step.

    Args:
        path: Its folder, from `dataset_path`; the name is its ID.
        problem: The compiled scenario, from which `recover_environment` makes the environment.
        episodes: The episodes.
        policy: Name of the policy that acted.

    Raises:
        InputError: If the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Minari finds its own files by absolute paths only.
        part = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent.resolve()))
    except OSError as error:
        raise InputError(f"dataset {path}: cannot be written ({error.strerror})") from None
    try:
        _write(part / "data", path.name, problem, episodes, policy)
        part.chmod(0o755)  # mkdtemp lets nobody else in
        part.rename(path)
    except OSError as error:
        raise InputError(f"dataset {path}: cannot be written ({error.strerror})") from None
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _write(
    folder: Path, name: str, problem: Problem, episodes: list[RecordedEpisode], policy: str
) -> None:
    from minari import __version__ as minari_version
    from minari.data_collector import EpisodeBuffer
    from minari.dataset.minari_storage import MinariStorage

    scenario = problem.scenario
    known = scenario.name in scenario_names() and get_scenario(scenario.name) == scenario
    contents = scenario.model_dump(mode="json", exclude_none=True)
    env = gymnasium.make("sushi/Serve-v1", scenario=scenario.name if known else contents)
    storage = MinariStorage.new(folder, env.observation_space, env.action_space, env.spec)
    metadata = {
        "dataset_id": name,
        "minari_version": minari_version,
        "algorithm_name": policy,
        "author": {"sushi record"},
        "description": f"{len(episodes)} episodes of {policy} in scenario {scenario.name}.",
        "requirements": [f"sushi-env=={__version__}"],
        "sushi_scenario": contents,
        "sushi_scenario_digest": scenario.digest,
    }
    storage.update_metadata(metadata)
    storage.update_episodes(
        EpisodeBuffer(
            id=n,
            seed=episode.seed,
            observations=episode.observations,
            actions=episode.actions,
            rewards=episode.rewards,
            terminations=[False] * len(episode.rewards),
            truncations=[False] * (len(episode.rewards) - 1) + [True],
            infos={},
        )
        for n, episode in enumerate(episodes)
    )
