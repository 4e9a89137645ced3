"""Learning algorithms by name, and models on disk (extra `train`)."""

import copy
import pickle
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

from sb3_contrib import QRDQN, MaskablePPO, RecurrentPPO
from stable_baselines3 import A2C, DQN
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from sushi_accel.files.documents import validate
from sushi_accel.shown import plain, shown
from sushi_agents.learning.lean_ppo import LeanPPO
from sushi_agents.learning.rollouts import ServingBuffer
from sushi_agents.learning.settings import (
    OURS,
    Hyperparameters,
    NetworkShape,
    Settings,
    linear_schedule,
)
from sushi_agents.network.learned import LearnedScheduler, NetworkOptions
from sushi_agents.network.network import QueueNetwork, network_spec
from sushi_agents.network.queue_policy import QueuePolicy
from sushi_agents.policy import Policy
from sushi_env import InputError, Problem
from sushi_env.engine.actions import decode
from sushi_env.sb3_wrappers import DiscreteActions


@dataclass(frozen=True)
class Algorithm:
    """A learning algorithm.

    Attributes:
        name: Its name here, and the beginning of its files' names.
        kind: The class.
        pairs: Whether it chooses SubNet and SubGraph, or one number for both.
        shares: Whether it can learn from a `ServingBuffer`.
    """

    name: str
    kind: type[BaseAlgorithm]
    pairs: bool = True
    shares: bool = False


ALGORITHMS = {
    found.name: found
    for found in (
        Algorithm("ppo", LeanPPO, shares=True),
        Algorithm("a2c", A2C, shares=True),
        Algorithm("dqn", DQN, pairs=False),
        Algorithm("maskableppo", MaskablePPO),
        Algorithm("qrdqn", QRDQN, pairs=False),
        Algorithm("recurrentppo", RecurrentPPO),
    )
}
_POLICIES = {"mlp": "MlpPolicy", "lstm": "MlpLstmPolicy", "queue": QueuePolicy}


MAX_BUFFER_BYTES = 8 * 2**30
"""What rollouts or replay buffers may take, by an estimate."""


def algorithm(name: str) -> Algorithm:
    """The algorithm called `name`; `QR-DQN`, `qr_dqn` and `qrdqn` are the same.

    Raises:
        InputError: If there is no such algorithm.
    """
    plain = name.lower().replace("-", "").replace("_", "")
    if plain not in ALGORITHMS:
        raise InputError(f"unknown algorithm {name!r}; known: {', '.join(ALGORITHMS)}")
    return ALGORITHMS[plain]


def make_model(
    chosen: Algorithm,
    problem: Problem,
    env: VecEnv,
    settings: Settings,
    seed: int,
    device: str = "cpu",
) -> BaseAlgorithm:
    """A model that has learned nothing yet.

    Args:
        chosen: The algorithm.
        problem: The compiled scenario.
        env: Its environments, as they are.
        settings: Its hyperparameters.
        seed: Seed of the weights and of what is sampled.
        device: Where it learns, as PyTorch names it.

    Raises:
        InputError: If the hyperparameters are not the algorithm's.
    """
    options = {key: value for key, value in settings.items() if key not in OURS}
    where = f"hyperparameters of {chosen.name}"
    _check_names(chosen, options, where)
    policy = options.pop("policy", "mlp")
    if isinstance(options.get("learning_rate"), str):
        options["learning_rate"] = linear_schedule(options["learning_rate"])
    if policy == "queue":
        given = validate(
            NetworkOptions, options.pop("policy_kwargs", {}), f"{where}: policy_kwargs"
        )
        spec = network_spec(problem, **given.model_dump(), cache=settings["cache"])
        options["policy_kwargs"] = {"network": spec}
    else:
        validate(NetworkShape, options.get("policy_kwargs", {}), f"{where}: policy_kwargs")
        if settings["cache"] != "choose":
            raise InputError(f"cache = {settings['cache']!r}: needs policy = 'queue'")
    _check_memory(problem, settings, where)
    sharing = settings["share_arrivals"]
    if sharing > 1 and not chosen.shares:
        able = ", ".join(found.name for found in ALGORITHMS.values() if found.shares)
        raise InputError(f"share_arrivals = {sharing}: only {able} can, not {chosen.name}")
    if chosen.shares:
        options["rollout_buffer_class"] = ServingBuffer
        network = options["policy_kwargs"]["network"] if policy == "queue" else None
        options["rollout_buffer_kwargs"] = {"sharing": sharing, "network": network}
    env = environments(chosen, env)
    try:
        return chosen.kind(_POLICIES[policy], env, seed=seed, device=device, **options)  # type: ignore[arg-type]
    except (TypeError, ValueError, AssertionError, RuntimeError) as error:
        raise InputError(f"{where}: {plain(error)}") from None


def _check_names(chosen: Algorithm, options: Settings, where: str) -> None:
    """Refuses settings that the algorithm has not, or that a file cannot say."""
    own = set(signature(chosen.kind.__init__).parameters) & set(Hyperparameters.model_fields)
    for name in options:
        if name not in own:
            known = ", ".join(sorted({*own, *OURS}))
            raise InputError(f"{where}: unknown setting {shown(name)}; known: {known}")


def _check_memory(problem: Problem, settings: Settings, where: str) -> None:
    """Refuses rollouts and replay buffers that would take more than `MAX_BUFFER_BYTES`."""
    rows = settings.get("n_steps", 1) * settings["n_envs"]
    kept = max(rows, settings.get("buffer_size", 0))
    estimate = 4 * kept * 2 * problem.layout.size
    if estimate > MAX_BUFFER_BYTES:
        raise InputError(
            f"{where}: {kept:,} steps kept would take some {estimate / 2**30:,.0f} GiB, must be at "
            f"most {MAX_BUFFER_BYTES // 2**30}: fewer n_steps, n_envs or a smaller buffer_size"
        )


def environments(chosen: Algorithm, env: VecEnv) -> VecEnv:
    """Environments as the algorithm wants them: with one number per action, or with pairs."""
    return env if chosen.pairs else DiscreteActions(env)


class _Pairs:
    """A model that chooses one number, as a policy that chooses pairs."""

    def __init__(self, model: BaseAlgorithm, subgraphs: int):
        self.model, self.subgraphs = model, subgraphs

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        """See `Policy.predict`."""
        chosen, state = self.model.predict(observation, state, episode_start, deterministic)
        return decode(chosen, self.subgraphs), state


def as_policy(model: BaseAlgorithm, problem: Problem) -> Policy:
    """A model of any of the algorithms as a policy for the engine."""
    if model.action_space.shape == ():
        return _Pairs(model, problem.table.num_subgraphs)
    network = getattr(model.policy, "mlp_extractor", None)
    if isinstance(network, QueueNetwork):
        return LearnedScheduler(copy.deepcopy(network), problem)
    return model


STATISTICS = "vecnormalize.pkl"
"""What `VecNormalize.save` is called with by rl_zoo3 and most others."""


class _Normalised:
    """A policy that sees observations as `VecNormalize` showed them when it was trained."""

    def __init__(self, policy: Policy, statistics: VecNormalize):
        self.policy, self.statistics = policy, statistics

    def predict(
        self,
        observation: Any,
        state: Any = None,
        episode_start: Any = None,
        deterministic: bool = True,
    ) -> tuple[Any, Any]:
        """See `Policy.predict`."""
        seen = self.statistics.normalize_obs(observation)
        return self.policy.predict(seen, state, episode_start, deterministic)


def _statistics(path: Path, model: BaseAlgorithm, problem: Problem) -> VecNormalize | None:
    """The statistics beside a model, or one folder below as rl_zoo3 has them; None if unneeded.

    Raises:
        InputError: If it was trained with some, and they are not there or not such statistics.
    """
    if getattr(model, "_last_original_obs", None) is None:  # only VecNormalize leaves one
        return None
    found = [path.parent / STATISTICS, *sorted(path.parent.glob(f"*/{STATISTICS}"))]
    there = next((file for file in found if file.is_file()), None)
    if there is None:
        raise InputError(
            f"model {path}: was trained under VecNormalize, and sees nothing without its "
            f"statistics: save them beside it, env.save({STATISTICS!r})"
        )
    try:
        with there.open("rb") as file:
            statistics = pickle.load(file)
    except Exception as error:
        raise InputError(f"statistics {there}: cannot be loaded ({plain(error)})") from error
    space, wanted = getattr(statistics, "observation_space", None), problem.layout.space.shape
    if not isinstance(statistics, VecNormalize) or getattr(space, "shape", None) != wanted:
        raise InputError(f"statistics {there}: must be VecNormalize's, of observations {wanted}")
    return statistics


def load_model(path: Path, problem: Problem, trust: bool, algo: str | None = None) -> Policy:
    """Loads a model that Stable-Baselines3 saved, with the statistics of `VecNormalize` beside it.

    Such files hold pickles, and loading them can execute code.

    Args:
        path: The `.zip` file, named after its algorithm: `ppo.zip`, `ppo-best.zip`.
        problem: The scenario it shall schedule.
        trust: Whether the caller vouches for the files.
        algo: Its algorithm, where its name does not say it.

    Returns:
        The model, as a policy.

    Raises:
        InputError: If `trust` is not given, the file is not a model, or its spaces are not the
            scenario's.
    """
    if not trust:
        raise InputError(
            f"model {path}: a Stable-Baselines3 file can execute code when it is loaded; "
            "pass --trust if you know where it comes from"
        )
    said = algo or path.stem.split("-")[0]
    if algo is None and said not in ALGORITHMS:
        raise InputError(
            f"model {path}: its name does not begin with its algorithm; name that, --algo ALGO or "
            f"--policy ALGO:{path}, ALGO one of {', '.join(ALGORITHMS)}"
        )
    chosen = algorithm(said)
    try:
        model = chosen.kind.load(path, device="cpu")
    except Exception as error:
        raise InputError(f"model {path}: cannot be loaded ({error})") from error
    expected, found = problem.layout.space.shape, model.observation_space.shape
    if expected != found:
        raise InputError(
            f"model {path}: observes {found}, but scenario {problem.scenario.name!r} shows "
            f"{expected}"
        )
    policy = as_policy(model, problem)
    statistics = _statistics(path, model, problem)
    return policy if statistics is None else _Normalised(policy, statistics)
